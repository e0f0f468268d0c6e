"""ImageSet and Preprocess: choosing, joining, and making images uniform."""

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sablier.errors import ImagesError, ImagesWarning, TooFewImages, UnknownName
from sablier.images import ImageSet, Preprocess, read_images
from sablier.images.imageset import Skipped


def numbered(count: int = 10, **columns: Any) -> ImageSet:
    pixels = np.arange(count, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    return ImageSet(pixels, **columns)


def test_columns_follow_the_images() -> None:
    labels, kind = np.arange(10) % 3, np.array(list("ababababab"))
    masks = np.arange(10)[:, None, None] * np.ones((10, 4, 4)) > 4
    images = numbered(labels=labels, attributes={"kind": kind}, masks=masks, times=np.arange(10).astype("datetime64[s]"))
    taken = images.take([7, 2, 2])
    assert taken.array[:, 0, 0, 0].tolist() == taken.ids.astype(int).tolist() == [7, 2, 2]
    assert taken.labels.tolist() == ["1", "2", "2"]
    assert taken.attributes["kind"].tolist() == ["b", "a", "a"]
    assert taken.masks[:, 0, 0].tolist() == [True, False, False]
    assert taken.times.astype(int).tolist() == [7, 2, 2]
    assert images.take(labels == 0).ids.tolist() == ["0", "3", "6", "9"]
    assert images.where(label=[0, 1], kind="b").ids.tolist() == ["1", "3", "7", "9"]
    assert len(images.where(label="7")) == 0
    with pytest.raises(UnknownName, match="Did you mean 'kind'"):
        images.where(kinds="a")


def test_wrong_columns_and_pixels_are_refused() -> None:
    with pytest.raises(ImagesError, match="10 labels"):
        numbered(labels=[1, 2])
    with pytest.raises(ImagesError, match="10 kind"):
        numbered(attributes={"kind": [1]})
    with pytest.raises(ImagesError, match="RGBA"):
        ImageSet(np.zeros((2, 3, 3, 4)))
    with pytest.raises(ImagesError, match="transpose"):
        ImageSet(np.zeros((2, 3, 8, 8)))
    with pytest.raises(ImagesError, match="finite"):
        ImageSet(np.full((1, 2, 2), 1e300))
    with pytest.raises(ImagesError, match="numbers"):
        ImageSet(np.zeros((1, 2, 2), "m8[s]"))


@given(st.integers(2, 200), st.floats(0.1, 0.9), st.integers(0, 5))
def test_split_is_a_partition_and_repeats(count: int, fraction: float, seed: int) -> None:
    images = numbered(count)
    try:
        first, second = images.split(fraction, 1 - fraction, seed=seed)
    except TooFewImages:
        assert count < 10
        return
    assert sorted([*first.ids, *second.ids], key=int) == images.ids.tolist()
    assert first.ids.tolist() == images.split(fraction, 1 - fraction, seed=seed)[0].ids.tolist()
    assert len(first) == pytest.approx(fraction * count, abs=1)


def test_split_refuses_what_it_cannot_do() -> None:
    with pytest.raises(TooFewImages):
        numbered(1).split(0.5, 0.5)
    with pytest.raises(ImagesError, match="add up to 1"):
        numbered().split(0.5, 0.4)


def test_concatenate() -> None:
    one, other = numbered(3, labels=list("abc"), attributes={"x": [1, 2, 3]}), numbered(2, labels=list("de"))
    both = ImageSet.concatenate([one, other])
    assert both.uniform
    assert both.labels.tolist() == list("abcde")
    assert both.attributes == {}
    mixed = ImageSet.concatenate([one, ImageSet(np.zeros((2, 6, 5), np.uint8))])
    assert not mixed.uniform
    assert mixed.labels is None
    assert mixed[3].shape == (6, 5, 1)
    assert mixed.sizes.tolist() == [[4, 4]] * 3 + [[6, 5]] * 2
    with pytest.raises(ImagesError, match="at least one"):
        ImageSet.concatenate([])


def test_fingerprint_sees_every_pixel() -> None:
    pixels = np.zeros((3, 4, 4), np.uint8)
    before = ImageSet(pixels.copy()).fingerprint()
    pixels[2, 3, 3] = 1
    assert ImageSet(pixels).fingerprint() != before == numbered(3).take([0, 0, 0]).fingerprint()


def test_small_images_are_taken_exactly() -> None:
    images = numbered()
    rule = Preprocess.for_images(images, 32)
    assert (rule.height, rule.width, rule.channels, rule.resize) == (4, 4, 1, "exact")
    assert images.dense(rule) is images
    with pytest.raises(ImagesError, match=r"4 x 4.*6 x 5"):
        ImageSet(np.zeros((2, 6, 5), np.uint8)).dense(rule)


def test_mixed_sizes_and_channels_become_uniform(tmp_path: Path) -> None:
    for name, size, mode in (("a", (90, 60), "RGB"), ("b", (60, 60), "L"), ("c", (30, 90), "RGB")):
        Image.new(mode, size, 200 if mode == "L" else (200, 200, 200)).save(tmp_path / f"{name}.png")
    images = read_images(tmp_path)
    rule = Preprocess.for_images(images, 48)
    assert (rule.channels, rule.resize) == (3, "fit")
    dense = images.dense(rule)
    assert dense.shape == (rule.height, rule.width, 3)
    assert set(dense.array.ravel()) == {200}
    assert dense.sizes.tolist() == [[60, 90], [60, 60], [90, 30]]
    grey = images.dense(rule.model_copy(update={"channels": 1}))
    assert grey.shape[2] == 1
    assert set(grey.array.ravel()) == {200}


def test_sixteen_bits_find_their_white_and_stay(tmp_path: Path) -> None:
    deep = (np.arange(64 * 80).reshape(64, 80) % 4000).astype(np.uint16)
    for name in "ab":
        Image.fromarray(deep).save(tmp_path / f"{name}.png")
    images = read_images(tmp_path)
    rule = Preprocess.for_images(images, 40)
    assert (rule.dtype, rule.white) == ("uint16", 4095)
    dense = images.dense(rule)
    assert dense.array.dtype == np.uint16
    assert dense.array.mean() == pytest.approx(deep.mean(), rel=0.02)
    eight = images.dense(rule.model_copy(update={"dtype": "uint8"}))
    assert eight.array.max() == round(dense.array.max() / 257)


def test_orientation_counts_before_the_size_does(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = np.zeros((96, 160, 3), np.uint8)
    upright[:, :80] = 255
    Image.fromarray(np.ascontiguousarray(np.rot90(upright))).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(upright).save(tmp_path / "upright.jpg")
    images = read_images(tmp_path)
    dense = images.dense(Preprocess(height=48, width=80, channels=3, resize="fit"))
    assert images.sizes.tolist() == [[96, 160]] * 2
    assert np.abs(np.diff(dense.array.astype(int), axis=0)).mean() < 2


def test_twelve_megapixel_photos_of_mixed_sizes_become_uniform_and_say_what_is_lost(tmp_path: Path) -> None:
    for index, size in enumerate([(4000, 3000), (3000, 4000), (4032, 3024), (2048, 1536)]):
        gradient = Image.linear_gradient("L").resize(size)
        Image.merge("RGB", [gradient] * 3).save(tmp_path / f"{index}.jpg", quality=80)
    images = read_images(tmp_path)
    assert images.skipped == ()
    with pytest.warns(ImagesWarning, match="defect smaller than about"):
        rule = Preprocess.for_images(images, 256)
    dense = images.dense(rule)
    assert dense.shape == (rule.height, rule.width, 3)
    assert max(rule.height, rule.width) == 256
    assert np.abs(dense.array[0].mean() - 127.5) < 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Preprocess.for_images(images.take([3]), 1024)


def test_importing_images_loads_nothing_heavy() -> None:
    heavy = {"torch", "sklearn", "matplotlib", "pandas", "pooch"}
    code = f"import sys, sablier.images; print(sorted({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_what_was_skipped_is_told_once_in_chunks():
    images = replace(numbered(7), skipped=(Skipped("torn.png", "it is cut off"),))
    assert [len(part.skipped) for part in images.chunks(3)] == [1, 0, 0]
