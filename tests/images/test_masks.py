"""Masks are read as booleans; anomaly maps find the way back to the size their image came in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sablier.errors import ImagesError
from sablier.images.masks import at_original_size, read_mask
from sablier.images.preprocess import Preprocess

SIDES = st.integers(1, 90)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "I;16"])
def test_a_mask_is_wherever_its_file_is_not_black(tmp_path, mode):
    drawn = np.zeros((6, 9), np.uint8)
    drawn[1:3, 2:5] = 255
    drawn[4, 7] = 1 if mode != "1" else 255  # a mask that counts its defects 1, 2, 3 is one, too
    picture = Image.fromarray(drawn.astype(np.uint16)) if mode == "I;16" else Image.fromarray(drawn).convert(mode)
    picture.save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png", (6, 9)), drawn > 0)


def test_a_mask_that_is_none(tmp_path):
    (tmp_path / "torn.png").write_bytes(b"\x89PNG")
    with pytest.raises(ImagesError, match=r"torn\.png"):
        read_mask(tmp_path / "torn.png", (4, 4))
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(ImagesError, match="black all over"):
        read_mask(tmp_path / "black.png", (4, 4))
    with pytest.raises(ImagesError, match="expected a mask of 4 x 5, as its image, got 4 x 4"):
        read_mask(tmp_path / "black.png", (4, 5))


@settings(deadline=None)
@given(SIDES, SIDES, st.integers(8, 64), st.integers(8, 64))
def test_a_map_has_the_size_of_the_image_and_no_more_than_it_was(height, width, model_height, model_width):
    anomaly_map = np.random.default_rng(0).random((model_height, model_width)).astype(np.float32)
    back = at_original_size(anomaly_map, (height, width))
    assert back.shape == (height, width)
    assert anomaly_map.min() - 1e-6 <= back.min() <= back.max() <= anomaly_map.max() + 1e-6


@pytest.mark.parametrize("size", [(64, 64), (30, 90), (90, 30), (200, 100), (33, 47), (7, 300)])
@pytest.mark.parametrize("canvas", [(64, 64), (32, 96), (48, 64)])
def test_it_undoes_what_preprocess_does(size, canvas):
    rows, columns = np.mgrid[: size[0], : size[1]]
    image = (0.5 * rows / size[0] + 0.5 * columns / size[1]).astype(np.float32)
    preprocess = Preprocess(height=canvas[0], width=canvas[1], channels=1, resize="fit", dtype="float32", white=1.0)
    seen = preprocess.apply(image[..., None])[..., 0]
    # As a ramp of slope one half, a place off by a pixel of the smaller picture is off by half of one over its length.
    shrink = max(1.0, size[0] / canvas[0], size[1] / canvas[1])
    allowed = 0.6 * shrink * (1 / size[0] + 1 / size[1])
    assert np.abs(at_original_size(seen, size) - image).max() < allowed


def test_a_map_of_that_size_already_is_left_alone():
    anomaly_map = np.random.default_rng(1).random((9, 7)).astype(np.float32)
    assert np.array_equal(at_original_size(anomaly_map, (9, 7)), anomaly_map)
