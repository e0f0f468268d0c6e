"""Repeats are told from independent images by their pixels: equal files, bursts, recompressed, shifted and brightened copies."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from sablier.images.datasets import load_dataset
from sablier.images.fingerprints import Fingerprints, fingerprints
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.repeats import Surroundings, find_repeats

RULE = Preprocess(height=28, width=28, channels=1)


@pytest.fixture(scope="module")
def scenes():
    """A hundred independent images, 28 x 28: clouds of grey."""
    clouds = gaussian_filter(np.random.default_rng(0).normal(size=(100, 28, 28)), (0, 2, 2))
    return (128 + 400 * clouds).clip(0, 255).astype(np.uint8)[..., None]


def groups(pixels):
    images = ImageSet(pixels)
    return find_repeats(fingerprints(images, Preprocess.for_images(images, 256)))


def paired(pixels, copies):
    """Return the share of images whose copy is found, and whether independent ones were joined."""
    found = groups(np.concatenate([pixels, copies]))
    count = len(pixels)
    same = found[:count] == found[count:]
    return same.mean(), len(np.unique(found)) == 2 * count - same.sum()


def noisy(pixels, sigma=4, seed=0):
    return np.clip(pixels + np.random.default_rng(seed).normal(0, sigma, pixels.shape), 0, 255).astype(np.uint8)


def recompressed(pixels, quality=75):
    found = []
    for image in pixels:
        file = io.BytesIO()
        Image.fromarray(image[..., 0]).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file))[..., None])
    return np.stack(found)


def brighter(pixels):
    return np.clip(np.rint(pixels * 1.03), 0, 255).astype(np.uint8)


def moved(pixels):
    return np.roll(pixels, (2, -1), axis=(1, 2))


@pytest.mark.parametrize("copy", [noisy, recompressed, brighter, moved])
def test_copies_are_found_and_nothing_else_is_joined(scenes, copy):
    share, others_apart = paired(scenes, copy(scenes))
    assert share > 0.9
    assert others_apart


def test_independent_images_stay_apart(scenes):
    assert len(np.unique(groups(scenes))) == len(scenes)
    digits = load_dataset("digits", "all").array
    assert len(np.unique(groups(digits))) > 0.98 * len(digits)


@pytest.mark.parametrize("times", [2, 5, 20])
def test_bursts_of_every_image_are_seen_through(scenes, times):
    # Where every image has copies, the nearest neighbour is always one.
    found = groups(np.concatenate([noisy(scenes[:40], 3, seed) for seed in range(times)]))
    assert len(np.unique(found)) == pytest.approx(40, rel=0.15)
    truth = np.tile(np.arange(40), times)
    assert all(len(set(truth[found == group])) == 1 for group in np.unique(found))


def test_one_burst_of_a_hundred_is_one_group(scenes):
    burst = np.concatenate([noisy(scenes[:1], 3, seed) for seed in range(100)])
    found = groups(np.concatenate([noisy(scenes[1:], 3), noisy(scenes[1:], 3, seed=1), burst]))
    assert len(np.unique(found[-100:])) < 5


def test_equal_pixels_are_one_group_however_few_images_there_are():
    pixels = np.random.default_rng(0).integers(0, 255, (3, 16, 16, 1)).astype(np.uint8)
    assert groups(np.concatenate([pixels, pixels[:1]])).tolist() == [0, 1, 2, 0]
    black = np.zeros((4, 16, 16, 1), np.uint8)
    assert groups(black).tolist() == [0, 0, 0, 0]


def test_equal_pixels_only_where_near_copies_do_not_count(scenes):
    images = ImageSet(np.concatenate([scenes, scenes[:5], noisy(scenes, 3)]))
    prints = fingerprints(images, RULE)
    assert len(np.unique(find_repeats(prints, near=False))) == 2 * len(scenes)


def test_the_order_of_images_decides_nothing_of_who_is_together(scenes):
    pixels = np.concatenate([scenes, noisy(scenes, 4)])
    order = np.random.default_rng(1).permutation(len(pixels))
    one, other = groups(pixels), groups(pixels[order])
    together = one[:, None] == one[None]
    assert np.array_equal(together[np.ix_(order, order)], other[:, None] == other[None])


def test_a_slow_drift_is_not_one_chain(scenes):
    # 200 steps from one image to another: neighbours are copies of each other, the ends are not.
    shares = np.linspace(0, 1, 200)[:, None, None, None]
    film = (scenes[0] * (1 - shares) + scenes[1] * shares).astype(np.uint8)
    found = groups(np.concatenate([film, scenes[2:]]))[:200]
    assert found[0] != found[-1]


@pytest.mark.parametrize("shape", [(40, 1, 4, 1), (40, 1, 1, 1), (40, 3, 50, 3), (40, 8, 8, 3)])
def test_images_of_any_shape_have_fingerprints(shape):
    images = ImageSet(np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8))
    prints = fingerprints(images, Preprocess(height=shape[1], width=shape[2], channels=shape[3]))
    assert prints.descriptors.shape[0] == 40
    assert prints.descriptors.shape[1] <= 48
    assert np.isfinite(prints.descriptors).all()
    assert len(np.unique(find_repeats(prints))) >= len(np.unique(prints.hashes)) - 2


def test_no_images_are_no_surroundings():
    nothing, radii = Surroundings.of(np.empty((0, 48), np.float32))
    assert radii.shape == (0,)
    assert nothing.radii(np.ones((2, 48), np.float32)).tolist() == [-1, -1]


def test_fingerprints_join_and_are_taken():
    prints = Fingerprints(np.arange(3, dtype=np.uint64), np.eye(3, dtype=np.float32))
    both = Fingerprints.joined(prints, prints.take(np.array([2])))
    assert both.hashes.tolist() == [0, 1, 2, 2]
    empty = Fingerprints(np.empty(0, np.uint64), np.empty((0, 0), np.float32))
    assert len(Fingerprints.joined(empty, prints)) == 3
