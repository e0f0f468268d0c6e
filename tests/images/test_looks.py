"""Whether images look like those that a model learnt from: only what nobody would mix up is told apart."""

import numpy as np
import pytest

from sablier.images import ImageSet, Preprocess, read_images
from sablier.images.looks import Looks


def photos(side: int = 100, channels: int = 3, count: int = 20, light: float = 1.0, seed: int = 0) -> ImageSet:
    random = np.random.default_rng(seed)
    values = random.normal(90, 30, (count, side, side, channels)) + random.normal(0, 15, (count, 1, 1, 1))
    return ImageSet((values * light).clip(0, 255).astype(np.uint8))


RULE = Preprocess(height=64, width=64, channels=3, resize="fit")
KNOWN = Looks.of(photos(), RULE)


@pytest.mark.parametrize(
    "images", [photos(seed=1), photos(side=60), photos(side=190), photos(seed=2, light=1.1), photos(count=1), photos(count=0)]
)
def test_more_of_the_same_is_nothing_to_speak_of(images):
    assert KNOWN.differences(images, RULE) == []


def test_a_subset_of_the_training_images_looks_like_them():
    digits = read_images("digits")
    rule = Preprocess.for_images(digits, 8)
    looks = Looks.of(digits, rule)
    assert all(looks.differences(digits.where(label=label), rule) == [] for label in range(10))
    assert looks.differences(read_images("digits:test"), rule) == []


def test_sizes_colours_and_brightness_are_told_apart():
    [size] = KNOWN.differences(photos(side=8), RULE)
    assert size == "8 pixels on the longer side, not 100"
    wide = ImageSet(photos().array[:, :60])
    known = "of an aspect ratio (width to height) of 1.67, not 1.00, so that margins are added"
    assert KNOWN.differences(wide, RULE, brightness=False) == [known]
    assert KNOWN.differences(photos(channels=1), RULE) == ["grey, not in colour"]
    [dark] = KNOWN.differences(photos(light=0.2), RULE)
    assert dark.startswith("of a brightness of ")
    assert KNOWN.differences(photos(light=0.2), RULE, brightness=False) == []
    grey = Preprocess(height=64, width=64, channels=1, resize="fit")
    assert Looks.of(photos(channels=1), grey).differences(photos(), grey) == ["in colour, not grey"]


def test_images_that_are_added_are_known_and_others_are_still_told_apart():
    dark, wide = photos(light=0.2, seed=3), ImageSet(photos(seed=4).array[:, :60])
    for added in (dark, wide, dark.take(range(3))):
        looks = KNOWN.joined(added, RULE, 20)
        assert looks.differences(added, RULE) == []
        assert looks.differences(photos(seed=1), RULE) == []
        assert len(looks.differences(photos(side=8), RULE, aspect=False)) == 1
    assert len(KNOWN.joined(wide, RULE, 20).differences(dark, RULE)) == 1
    assert KNOWN.joined(photos(seed=1), RULE, 20).apart < 2 * KNOWN.apart + 0.05
    assert KNOWN.joined(photos(count=0), RULE, 20) == KNOWN


def test_an_aspect_ratio_is_told_by_itself():
    assert KNOWN.other_aspect(photos(seed=1)) == ""
    assert KNOWN.other_aspect(ImageSet(photos().array[:, :60])) == "of an aspect ratio (width to height) of 1.67, not 1.00"


def test_a_few_images_may_be_as_dark_as_they_like():
    assert KNOWN.differences(photos(light=0.0, count=7), RULE) == []
    assert len(KNOWN.differences(photos(light=0.0, count=8), RULE)) == 1


def test_16_bits_and_floats_are_compared_in_their_own_range():
    deep = ImageSet(photos(channels=1).array.astype(np.uint16) * 16)
    rule = Preprocess.for_images(deep, 64)
    assert Looks.of(deep, rule).differences(deep, rule) == []
    assert Looks.of(deep, rule).differences(photos(channels=1, seed=3), rule) == [] or rule.white != 65535


def test_looks_survive_a_model_file():
    assert Looks.model_validate_json(KNOWN.model_dump_json()) == KNOWN
