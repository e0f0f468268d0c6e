"""Patches of photos at their own resolution; small images stay as they are."""

import numpy as np
import pytest

from sablier.images import ImageSet
from sablier.images.imageset import LazyPixels
from sablier.images.patches import patches


def lazy(*images, broken=()):
    """Images decoded on demand; those in `broken` cannot be."""

    def decoder(index):
        def decode(size):
            if index in broken:
                raise OSError("it is torn")
            return images[index]

        return decode

    return ImageSet(
        LazyPixels(tuple(decoder(index) for index in range(len(images)))),
        sizes=np.array([image.shape[:2] for image in images]),
        channels=np.array([image.shape[2] for image in images]),
        depths=np.array([8 * image.dtype.itemsize for image in images]),
        source="here",
    )


def test_small_images_of_one_size_are_taken_as_they_are():
    images = ImageSet(np.zeros((5, 64, 40), np.uint8))
    assert patches(images, 32, 1000) is images
    files = lazy(*np.random.default_rng(0).integers(0, 255, (3, 28, 28, 1), np.uint8))
    found = patches(files, 64, 1000)
    assert found.shape == (28, 28, 1)
    np.testing.assert_array_equal(found.array[1], files[1])


def test_every_patch_is_a_piece_of_its_image_turned_or_flipped():
    rows, columns = np.mgrid[:100, :90]
    photo = np.stack([rows, columns, np.zeros_like(rows)], axis=-1).astype(np.uint8)
    found = patches(ImageSet(photo[None]), 16, 200)
    assert found.shape == (16, 16, 3)
    assert len(found) == 200
    turns = set()
    for patch in found.array.astype(int):
        down, right = patch[1, 0] - patch[0, 0], patch[0, 1] - patch[0, 0]
        turns.add((*down[:2], *right[:2]))
        np.testing.assert_array_equal(patch[5, 9], patch[0, 0] + 5 * down + 9 * right)
    assert len(turns) == 8


def test_they_are_drawn_evenly_named_and_the_seed_decides():
    images = ImageSet(np.random.default_rng(0).integers(0, 255, (4, 80, 80), np.uint8), ids=np.array(list("abcd")))
    found = patches(images, 32, 12)
    assert found.ids.tolist() == [f"{name}#{number}" for name in "abcd" for number in range(3)]
    np.testing.assert_array_equal(found.array, patches(images, 32, 12).array)
    assert not np.array_equal(found.array, patches(images, 32, 12, seed=1).array)
    assert patches(images, 32, 2).ids.tolist() == ["a#0", "d#0"]  # more photos than patches


def test_what_is_narrower_than_a_patch_is_widened_by_its_edge():
    strip = np.tile(np.arange(200, dtype=np.uint8)[:, None, None], (1, 3, 1))
    found = patches(lazy(strip), 32, 10)
    assert found.shape == (32, 32, 1)
    for patch in found.array[..., 0].astype(int):
        steps = {abs(patch[1, 0] - patch[0, 0]), abs(patch[0, 1] - patch[0, 0])}
        assert steps == {0, 1}


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 4095), (np.float32, 1)])
def test_the_type_stays(dtype, white):
    photo = (np.random.default_rng(0).random((1, 70, 70, 1)) * white).astype(dtype)
    found = patches(ImageSet(photo), 32, 5)
    assert found.array.dtype == dtype
    assert found.array.max() <= photo.max()


def test_grey_among_colour_becomes_colour():
    images = lazy(np.full((70, 80, 1), 9, np.uint8), np.zeros((80, 90, 3), np.uint8))
    found = patches(images, 32, 4)
    assert found.shape == (32, 32, 3)
    assert np.all(found.array[0] == 9)


def test_an_unreadable_photo_is_left_out_and_listed():
    photo = np.zeros((70, 80, 1), np.uint8)
    found = patches(lazy(photo, photo, broken={1}), 32, 6)
    assert len(found) == 3
    assert [(item.id, item.reason) for item in found.skipped] == [("1", "it is torn")]
    none = patches(lazy(photo, broken={0}), 32, 6)
    assert (none.array.shape, len(none.skipped)) == ((0, 32, 32, 1), 1)
