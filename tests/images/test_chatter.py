"""What libtiff prints past Python is told under the file's name, and nothing reaches the terminal."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sablier.images import Preprocess, read_images
from sablier.images.chatter import _turned_away

RULE = Preprocess(height=8, width=8, channels=3, resize="fit")


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """A folder of compressed TIFFs of which some end early inside their pixels."""
    for index in range(6):
        pixels = np.random.default_rng(index).integers(0, 256, (40, 40, 3), np.uint8)
        path = tmp_path / f"{index}.tif"
        Image.fromarray(pixels).save(path, compression="tiff_lzw")
        if index % 2:
            data = bytearray(path.read_bytes())
            data[100:2000] = bytes(1900)
            path.write_bytes(data)
    return tmp_path


def test_a_damaged_tiff_is_skipped_with_what_libtiff_says_and_nothing_is_printed(torn, capfd):
    dense = read_images(torn).dense(RULE)
    assert [item.id for item in dense.skipped] == ["1.tif", "3.tif", "5.tif"]
    assert all("LZWDecode" in item.reason for item in dense.skipped)
    assert capfd.readouterr().err == ""


def test_what_others_print_meanwhile_is_passed_on(capfd):
    said: list[str] = []
    with _turned_away(said):
        os.write(2, b"LZWDecode: Not enough data at scanline 0 (short 1 bytes).\n")
        os.write(2, b"a line of progress\n")
    assert said == ["LZWDecode: Not enough data at scanline 0 (short 1 bytes)."]
    assert capfd.readouterr().err == "a line of progress\n"


def test_standard_error_is_whole_after_many_threads(torn, capfd):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: read_images(torn).dense(RULE), range(8)))
    os.write(2, b"still there\n")
    assert capfd.readouterr().err == "still there\n"
