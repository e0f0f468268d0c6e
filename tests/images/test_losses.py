"""What of an image file its pixels do not hold, so that lossless compression has to refuse it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sablier.images import ImageSet, read_images
from sablier.images.losses import losses

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
RGB = Image.fromarray(PIXELS)


def with_alpha(value: int) -> Image.Image:
    image = RGB.convert("RGBA")
    image.putpixel((3, 3), (1, 2, 3, value))
    return image


def lost(folder: Path, image: Image.Image, name: str = "a.png", **options: Any) -> list[str]:
    image.save(folder / name, **options)
    return [loss.what for loss in losses(read_images(folder / name))]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_of_plain_pixels_nothing_is_lost(tmp_path, mode):
    assert lost(tmp_path, RGB.convert(mode)) == []
    assert losses(ImageSet(PIXELS[None])) == []


def test_of_alpha_nothing_is_lost_where_it_is_opaque(tmp_path):
    assert lost(tmp_path, with_alpha(255)) == []
    assert lost(tmp_path, with_alpha(254)) == ["its transparency"]
    assert lost(tmp_path, RGB.convert("LA")) == []


def test_a_transparent_colour_is_lost_where_it_occurs(tmp_path):
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    assert lost(tmp_path, grey, transparency=7) == ["its transparency"]
    assert lost(tmp_path, grey, transparency=200) == []


def test_frames_and_other_colours_are_lost(tmp_path):
    assert lost(tmp_path, RGB, "a.gif", save_all=True, append_images=[RGB.rotate(90)]) == ["all frames but the first"]
    assert lost(tmp_path, RGB.convert("CMYK"), "a.tif") == ["its colours of kind CMYK"]
