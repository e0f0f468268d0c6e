"""The range of values: what the images span, whatever a few wild values say."""

import warnings

import numpy as np
import pytest

from sablier.errors import ImagesError, ImagesWarning
from sablier.images import ImageSet, Preprocess
from sablier.images.value_range import value_range
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.training.detector import train_detector


def floats(count: int = 40, low: float = -2.0, high: float = 5.0) -> np.ndarray:
    pixels = np.random.default_rng(0).uniform(low, high, (count, 16, 16)).astype(np.float32)
    pixels[0, 0, 0], pixels[1, 0, 0] = low, high
    return pixels


def rule_of(pixels: np.ndarray) -> Preprocess:
    return Preprocess.for_images(ImageSet(pixels), 16)


def test_without_wild_values_the_range_is_what_the_images_span():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rule = rule_of(floats())
    assert (rule.black, rule.white) == (-2.0, 5.0)


@pytest.mark.parametrize("wild", [1e30, -1e30, 1e4, 3.4e38])
@pytest.mark.parametrize("whole", [False, True])
def test_one_wild_image_does_not_squeeze_the_range_and_is_named(wild, whole):
    pixels = floats()
    pixels[7, slice(None) if whole else 3, slice(None) if whole else 3] = wild
    with pytest.warns(ImagesWarning, match=r"1 of 40 images hold values far beyond .*: 7\. The range -2 to 5 leaves them out"):
        rule = rule_of(pixels)
    assert (rule.black, rule.white) == (-2.0, 5.0)
    assert np.abs(rule.scaled(pixels)).max() <= 2.0


def test_floats_from_0_to_1_with_a_wild_value_stay_so():
    pixels = floats(low=0.0, high=1.0)
    pixels[3, 3, 3] = 1e30
    with pytest.warns(ImagesWarning, match="0 to 1"):
        rule = rule_of(pixels)
    assert (rule.black, rule.white) == (0.0, 1.0)


def test_a_hot_pixel_of_a_camera_does_not_make_12_bits_16():
    pixels = np.random.default_rng(0).integers(0, 4096, (40, 16, 16)).astype(np.uint16)
    pixels[5, 2, 2] = 65535
    with pytest.warns(ImagesWarning, match=": 5"):
        assert rule_of(pixels).white == 4095


def test_a_few_bright_images_among_dark_ones_are_not_wild_nor_are_stars():
    pixels = floats(low=0.0, high=30.0)
    pixels[:3] *= 8
    assert value_range(pixels).wild == ()
    stars = np.zeros((30, 32, 32), np.float32)
    stars[np.arange(30), np.arange(30), 5] = np.linspace(100, 200, 30)
    assert value_range(stars).wild == ()
    assert value_range(stars).high == 200
    stars[4, 9, 9] = 1e30
    assert value_range(stars).wild == (4,)
    assert value_range(stars).high == 200


def test_images_of_one_value_have_a_range():
    rule = rule_of(np.full((8, 8, 8), 7.0, np.float32))
    assert (rule.black, rule.white) == (7.0, 8.0)


def test_nothing_but_wild_values_is_refused():
    with pytest.raises(ImagesError, match="at most 1e\\+30, got"):
        rule_of(np.full((8, 8, 8), 3e38, np.float32))


def test_defects_are_found_although_one_training_value_is_wild():
    random = np.random.default_rng(1)
    base = np.sin(np.arange(16) / 3) * 10
    good = (base[:, None] + base + random.normal(0, 0.5, (140, 16, 16))).astype(np.float32)
    bad = good[120:].copy()
    bad[:, 6:10, 6:10] += 12.0
    training = good[:120].copy()
    training[11, 4, 4] = 1e30
    with pytest.warns(ImagesWarning, match=": 11"):
        file = train_detector(ImageSet(training), make_recipe(tier="tiny", settings=["folds=2"]))
    assert Detector.from_file(file).detect(ImageSet(bad)).flagged == 20
    assert Detector.from_file(file).detect(ImageSet(good[120:])).flagged <= 4
