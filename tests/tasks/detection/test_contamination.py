"""The contamination filter: intruders are listed, clean sets are left alone, and the list says where to look."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from sablier.images import ImageSet, Preprocess, read_images
from sablier.images.glyphs import glyphs
from sablier.tasks.detection.contamination import FEWEST, find_contamination

SHARE = 0.05


def rule_for(images: ImageSet) -> Preprocess:
    return Preprocess.for_images(images, 64)


def mixed(images: ImageSet, normal: str, share: float = SHARE, seed: int = 0) -> ImageSet:
    """Return the images of one label with others, drawn at random, that make `share` of the whole."""
    inside, outside = (np.flatnonzero(kind) for kind in (images.labels == normal, images.labels != normal))
    count = round(share / (1 - share) * len(inside))
    chosen = np.random.default_rng(seed).choice(outside, count, replace=False)
    return images.take(np.sort(np.r_[inside, chosen]))


def flat_pixels(count: int = 60) -> np.ndarray:
    return np.full((count, 16, 16, 3), 120, np.uint8)


def noisy(count: int = 200, shape: tuple[int, ...] = (16, 16, 1), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(100, 140, (count, *shape)).astype(np.uint8)


@pytest.fixture(scope="module")
def letters() -> ImageSet:
    return glyphs(2000)


@pytest.mark.parametrize("normal", ["A", "G"])
def test_most_intruders_are_listed(letters, normal):
    images = mixed(letters, normal)
    intruders = images.labels != normal
    found = find_contamination(images, rule_for(images))
    listed = np.isin(np.arange(len(images)), found.indices)
    assert listed[intruders].mean() >= 0.6
    assert listed[~intruders].mean() <= 0.05


def test_intruders_among_digits_are_the_strangest():
    images = mixed(read_images("digits:train"), "3")
    found = find_contamination(images, rule_for(images))
    assert len(found)
    assert np.mean(images.labels[found.indices[:5]] != "3") >= 0.8


def test_what_is_listed_is_excluded(letters):
    images = mixed(letters, "A")
    found = find_contamination(images, rule_for(images))
    assert np.isin(found.indices, found.excluded).all()
    assert len(found) <= len(found.excluded) <= 0.2 * len(images)


@pytest.mark.parametrize("normal", ["A", "G"])
def test_of_a_clean_set_few_are_listed(letters, normal):
    images = letters.where(label=normal)
    assert len(find_contamination(images, rule_for(images))) <= 0.08 * len(images)


def test_the_list_starts_with_the_worst_and_names_what_it_means(letters):
    images = mixed(letters, "A")
    found = find_contamination(images, rule_for(images))
    assert np.all(np.diff(found.scores) <= 0)
    assert np.array_equal(found.ids, images.ids[found.indices])
    assert found.images == len(images)


def test_the_same_seed_gives_the_same_list(letters):
    images = mixed(letters, "A")
    first, again = (find_contamination(images, rule_for(images), seed=3) for _ in range(2))
    assert np.array_equal(first.indices, again.indices)
    assert np.array_equal(first.scores, again.scores)


@pytest.mark.parametrize("count", [0, 1, FEWEST - 1])
def test_too_few_images_have_no_contamination(count):
    images = ImageSet(np.random.default_rng(0).integers(0, 255, (count, 8, 8, 1)).astype(np.uint8))
    found = find_contamination(images, Preprocess(height=8, width=8, channels=1))
    assert (len(found), found.images) == (0, count)


def test_images_that_are_all_the_same_have_no_contamination():
    images = ImageSet(flat_pixels())
    assert len(find_contamination(images, rule_for(images))) == 0


def test_one_among_images_that_are_all_the_same_is_listed():
    pixels = flat_pixels()
    pixels[41, 2:9, 3:7] = 20
    images = ImageSet(pixels)
    assert find_contamination(images, rule_for(images)).indices.tolist() == [41]


def test_a_colour_of_its_own_is_listed():
    pixels = noisy(shape=(16, 16, 3))
    pixels[7] = pixels[7][..., [1, 2, 0]] + np.array([60, 0, 0], np.uint8) - np.array([0, 0, 60], np.uint8)
    images = ImageSet(pixels)
    assert find_contamination(images, rule_for(images)).indices[0] == 7


@pytest.mark.parametrize("shape", [(5, 5, 1), (37, 61, 1), (90, 64, 3)])
def test_any_size_of_image_is_searched(shape):
    pixels = noisy(120, shape)
    pixels[30, : shape[0] // 2] //= 4
    images = ImageSet(pixels)
    rule = Preprocess(height=shape[0], width=shape[1], channels=shape[2])
    assert find_contamination(images, rule).indices[0] == 30


def test_the_value_range_changes_nothing():
    eight = ImageSet(noisy())
    pixels = eight.array.copy()
    pixels[5, 3:9, 3:9] = 0
    eight = replace(eight, pixels=pixels)
    unit = ImageSet(pixels.astype(np.float32) / 255)
    assert rule_for(unit).dtype == "float32"
    found, again = find_contamination(eight, rule_for(eight)), find_contamination(unit, rule_for(unit))
    assert np.array_equal(found.indices, again.indices)
    assert again.scores == pytest.approx(found.scores, rel=1e-3)


def test_searching_loads_no_torch():
    code = "import sys, sablier.tasks.detection.contamination; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
