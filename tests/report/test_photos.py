"""Photos beside a report: the bytes of the file where a browser shows it as it is read, otherwise a PNG of its pixels."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ImagesError
from sablier.images import ImageSet, Preprocess, read_images
from sablier.report.photos import photo_file

RULE = Preprocess(height=8, width=8, channels=1)
RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
ALIKE = {"a.jpg": "JPEG", "b.png": "PNG", "c.webp": "WEBP", "d.gif": "GIF", "e.bmp": "BMP"}


def pixels_of(data):
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        return np.asarray(image)


@pytest.mark.parametrize(("name", "kind"), ALIKE.items())
def test_files_that_browsers_show_are_copied_byte_for_byte(tmp_path, name, kind):
    Image.fromarray(RGB).save(tmp_path / name, kind)
    data, ending = photo_file(read_images(tmp_path), 0, RULE)
    assert data == (tmp_path / name).read_bytes()
    assert ending == name[1:]


def test_the_bytes_decide_the_ending(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "photo.png", "JPEG")
    assert photo_file(read_images(tmp_path), 0, RULE)[1] == ".jpg"


def test_files_in_an_archive_are_copied_too(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(tmp_path / "a.jpg", "in/a.jpg")
    assert photo_file(read_images(tmp_path / "photos.zip"), 0, RULE) == ((tmp_path / "a.jpg").read_bytes(), ".jpg")


def test_a_photo_that_a_camera_turned_is_copied_as_browsers_turn_it(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    for name in ("a.jpg", "b.png"):
        Image.fromarray(RGB).save(tmp_path / name, exif=turned)
    images = read_images(tmp_path)
    assert photo_file(images, 0, RULE)[0] == (tmp_path / "a.jpg").read_bytes()
    data, ending = photo_file(images, 1, RULE)  # not every browser turns a PNG
    assert ending == ".png"
    assert np.array_equal(pixels_of(data), np.rot90(RGB, -1))


def test_tiff_becomes_png(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.tiff")
    data, ending = photo_file(read_images(tmp_path), 0, RULE)
    assert ending == ".png"
    assert np.array_equal(pixels_of(data), RGB)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_become_eight_between_the_black_and_white_of_the_model(tmp_path, name):
    deep = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)  # twelve bits
    Image.fromarray(deep).save(tmp_path / name)
    rule = Preprocess(height=8, width=8, channels=1, dtype="uint16", black=0, white=4095)
    data, ending = photo_file(read_images(tmp_path), 0, rule)
    assert ending == ".png"
    assert np.array_equal(pixels_of(data), np.round(deep / 4095 * 255))


@pytest.mark.parametrize("options", [{"format": "GIF", "loop": 0}, {"format": "PNG"}, {"format": "WEBP", "lossless": True}])
def test_of_several_frames_the_first_is_shown(tmp_path, options):
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / f"a.{options['format'].lower()}", save_all=True, append_images=frames[1:], **options)
    data, _ = photo_file(read_images(tmp_path), 0, RULE)
    assert np.unique(pixels_of(data)).tolist() == [10]


def test_arrays_become_png_of_their_own_size():
    grey = photo_file(ImageSet(RGB[None, ..., 0]), 0, RULE)
    assert np.array_equal(pixels_of(grey[0]), RGB[..., 0])
    colour = photo_file(ImageSet(RGB[None]), 0, RULE)
    assert np.array_equal(pixels_of(colour[0]), RGB)
    assert grey[1] == colour[1] == ".png"


def test_inks_are_shown_as_they_are_read(tmp_path):
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "a.jpg")
    images = read_images(tmp_path)
    data, ending = photo_file(images, 0, RULE)
    assert ending == ".png"
    assert np.array_equal(pixels_of(data), images[0])


def test_a_file_that_is_gone_is_an_error(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    images = read_images(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises((OSError, ImagesError)):
        photo_file(images, 0, RULE)
