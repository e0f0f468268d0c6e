"""Image files and folders of them: formats, colour rule, orientation, labels, and what cannot be read."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ImagesError
from sablier.images import Preprocess, read_images, stream_images
from sablier.images.imageset import LazyPixels

PHOTO = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)


def saved(path: Path, pixels: np.ndarray = PHOTO, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def only(path: Path) -> np.ndarray:
    images = read_images(path)
    assert images[0].shape == (*images.sizes[0], images.channels[0])
    assert images[0].dtype.itemsize * 8 == images.depths[0]
    return images[0]


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "gif", "jpg", "webp"])
def test_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    options: dict[str, Any] = {"webp": {"lossless": True}}.get(suffix, {})
    image = only(saved(tmp_path / f"a.{suffix}", **options))
    assert image.shape == (12, 20, 3)
    if suffix in ("png", "bmp", "tiff", "webp"):
        np.testing.assert_array_equal(image, PHOTO)


def test_of_an_animation_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (9, 7), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert only(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


def test_colour_rule(tmp_path: Path) -> None:
    rgba = np.dstack([PHOTO, np.full((12, 20), 255, np.uint8)])
    np.testing.assert_array_equal(only(saved(tmp_path / "opaque.png", rgba)), PHOTO)
    rgba[..., 3] = 0
    assert only(saved(tmp_path / "clear.png", rgba)).min() == 255
    rgba[..., :3], rgba[..., 3] = 0, 51
    assert set(only(saved(tmp_path / "fifth.png", rgba)).ravel()) == {204}
    Image.new("LA", (4, 4)).save(tmp_path / "la.png")
    assert only(tmp_path / "la.png").shape == (4, 4, 1)
    assert only(tmp_path / "la.png").min() == 255
    Image.fromarray(PHOTO).quantize(8).save(tmp_path / "palette.png")
    assert only(tmp_path / "palette.png").shape == (12, 20, 3)
    Image.new("CMYK", (5, 4)).save(tmp_path / "cmyk.jpg")
    assert only(tmp_path / "cmyk.jpg").min() == 255
    Image.new("1", (5, 4), 1).save(tmp_path / "bit.png")
    assert only(tmp_path / "bit.png").tolist() == np.full((4, 5, 1), 255).tolist()
    palette = Image.new("P", (3, 3), 0)
    palette.putpalette([9, 9, 9])
    palette.save(tmp_path / "see-through.png", transparency=0)
    assert only(tmp_path / "see-through.png").min() == 255


def test_sixteen_bits_and_floats_are_kept(tmp_path: Path) -> None:
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    for suffix in ("png", "tiff"):
        image = only(saved(tmp_path / f"deep.{suffix}", deep))
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image[..., 0], deep)
    assert only(saved(tmp_path / "whole.tiff", deep.astype(np.int32))).dtype == np.uint16
    floats = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(only(saved(tmp_path / "floats.tiff", floats))[..., 0], floats)
    saved(tmp_path / "large.tiff", floats * 7)
    with pytest.raises(ImagesError, match="floats from 0 to 1"):
        read_images(tmp_path / "large.tiff", strict=True)
    saved(tmp_path / "huge.tiff", deep.astype(np.int32) * 100)
    with pytest.raises(ImagesError, match="0 to 65535"):
        read_images(tmp_path / "huge.tiff", strict=True)


@pytest.mark.parametrize("suffix", ["png", "tiff", "jpg", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16], upright[:16, -16:] = (255, 0, 0), (0, 255, 0)
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(tmp_path / f"a.{suffix}", np.ascontiguousarray(turned), exif=exif)
    images = read_images(file)
    assert images.sizes.tolist() == [[32, 48]]
    assert np.abs(images[0].astype(int) - upright).mean() < 8
    assert isinstance(images.pixels, LazyPixels)
    assert images.pixels.decoders[0]((4, 6)).shape[1] >= 6


def test_a_jpeg_is_decoded_small_where_that_is_enough(tmp_path: Path) -> None:
    saved(tmp_path / "a.jpg", np.zeros((800, 1200, 3), np.uint8))
    pixels = read_images(tmp_path / "a.jpg").pixels
    assert isinstance(pixels, LazyPixels)
    decode = pixels.decoders[0]
    assert decode((50, 60)).shape == (100, 150, 3)
    assert decode((450, 600)).shape == (800, 1200, 3)


def test_folder_ids_labels_order_and_times(tmp_path: Path) -> None:
    for name in ("good/2.png", "good/10.png", "bad/deep/1.PNG", "good/.hidden.png", ".git/x.png"):
        saved(tmp_path / name)
    (tmp_path / "good" / "notes.txt").write_text("no image")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    saved(tmp_path / "good" / "3.jpg", exif=exif)
    os.utime(tmp_path / "good" / "2.png", (1_000_000_000, 1_000_000_000))
    images = read_images(tmp_path)
    assert images.ids.tolist() == ["bad/deep/1.PNG", "good/10.png", "good/2.png", "good/3.jpg"]
    assert images.labels.tolist() == ["deep", "good", "good", "good"]
    assert str(images.times[3]) == "2024-05-06T07:08:09"
    assert str(images.times[2]).startswith("2001-09-")
    assert images.skipped == ()
    flat = read_images(tmp_path / "good")
    assert flat.labels is None
    streamed = list(stream_images(tmp_path, chunk=3))
    assert [len(part) for part in streamed] == [3, 1]
    assert np.concatenate([part.ids for part in streamed]).tolist() == images.ids.tolist()
    again = pickle.loads(pickle.dumps(images))
    np.testing.assert_array_equal(again[0], images[0])


def test_unreadable_images_are_skipped_and_listed(tmp_path: Path) -> None:
    saved(tmp_path / "b.png")
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "c.jpg").write_bytes(b"no image at all")
    whole = saved(tmp_path / "d.jpg", PHOTO.repeat(9, axis=0)).read_bytes()
    (tmp_path / "d.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    images = read_images(tmp_path)
    assert [skipped.id for skipped in images.skipped] == ["a.png", "c.jpg"]
    dense = images.dense(Preprocess(height=12, width=20, channels=3))
    assert dense.ids.tolist() == ["b.png"]
    assert [skipped.id for skipped in dense.skipped] == ["a.png", "c.jpg", "d.jpg"]
    streamed = list(stream_images(tmp_path, chunk=1))
    assert [skipped.id for part in streamed for skipped in part.skipped] == ["a.png", "c.jpg"]
    with pytest.raises(ImagesError, match=r"a\.png"):
        read_images(tmp_path, strict=True)
    for name in ("a.png", "c.jpg"):
        (tmp_path / name).unlink()
    with pytest.raises(ImagesError, match=r"d\.jpg"):
        read_images(tmp_path, strict=True)


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match="The folder is empty"):
        read_images(tmp_path)
    (tmp_path / "a.txt").write_text("1")
    with pytest.raises(ImagesError, match=r"JPEG, PNG.*It holds 1 \.txt"):
        read_images(tmp_path)
    (tmp_path / "a.png").write_text("1")
    with pytest.raises(ImagesError, match=r"The first of 1 unreadable: a\.png"):
        read_images(tmp_path)


@pytest.mark.parametrize("times_the_limit", [1.5, 3.0])
def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times_the_limit: float) -> None:
    saved(tmp_path / "a.png")
    saved(tmp_path / "bomb.png", np.zeros((int(100 * times_the_limit), 10), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    images = read_images(tmp_path)
    assert images.ids.tolist() == ["a.png"]
    assert "1000 pixels" in images.skipped[0].reason
    with pytest.raises(ImagesError, match="decompression bomb"):
        read_images(tmp_path / "bomb.png")


def test_what_is_not_there_offers_the_nearest(tmp_path: Path) -> None:
    saved(tmp_path / "toothbrush.png")
    with pytest.raises(ImagesError, match=r"Did you mean 'toothbrush\.png'"):
        read_images(tmp_path / "tothbrush.png")
    with pytest.raises(ImagesError, match="Did you mean 'mnist'"):
        read_images("mnits")
    with pytest.raises(ImagesError, match="empty name"):
        read_images("")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ImagesError, match="known kind"):
        read_images(tmp_path / "a.json")
    with pytest.raises(ImagesError, match="label_column means nothing"):
        read_images(tmp_path, label_column=0)
    with pytest.raises(ImagesError, match="at least 1"):
        stream_images(tmp_path, chunk=0)


def test_an_image_without_its_ending_is_known_by_its_bytes(tmp_path: Path) -> None:
    saved(tmp_path / "a.png").rename(tmp_path / "upload")
    assert only(tmp_path / "upload").shape == (12, 20, 3)


@pytest.mark.public
def test_industrial_photos(public_data: Path) -> None:
    images = read_images(public_data / "industrial" / "toothbrush" / "test")
    assert {"good", "defective"} == set(images.labels)
    assert np.unique(images.sizes).tolist() == [256]
    assert read_images(public_data / "industrial" / "magnetic_tile" / "train").skipped == ()
