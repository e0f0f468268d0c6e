"""Natural corruptions: what they do, that it depends on the image alone, and that a higher severity does more."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from sablier.errors import ConfigError, ImagesError, UnknownName
from sablier.images import read_images
from sablier.transforms.natural import CIFAR_10_C, KINDS, MNIST_C, SEVERITIES, corrupt

ORDERED = sorted(
    set(KINDS) - {"glass-blur", "saturate", "spatter", "elastic", "snow", "canny-edges"}
)  # as published, these are not


@pytest.fixture(scope="module")
def grey():
    """Sixteen letters of 28 x 28."""
    return read_images("glyphs:test").take(range(0, 160, 10)).array


@pytest.fixture(scope="module")
def colour():
    """Eight smooth images of 32 x 32 in colour."""
    small = np.random.default_rng(0).integers(0, 256, (8, 6, 6, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BICUBIC)) for image in small])


@pytest.fixture(params=["grey", "colour"])
def images(request):
    return request.getfixturevalue(request.param)


def test_the_kinds_are_those_of_both_sets():
    assert (len(MNIST_C), len(CIFAR_10_C)) == (15, 19)
    assert set(KINDS) >= set(MNIST_C) | set(CIFAR_10_C)


@pytest.mark.parametrize("kind", KINDS)
def test_it_depends_on_the_image_alone(kind, images):
    together = corrupt(images, kind, 3)
    assert together.shape == images.shape
    assert together.dtype == np.uint8
    assert (together != images).any(axis=(1, 2, 3)).all()
    order = np.random.default_rng(0).permutation(len(images))
    assert (corrupt(images[order], kind, 3) == together[order]).all()
    alone = np.concatenate([corrupt(image[None], kind, 3) for image in images])
    assert (alone == together).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_and_no_generator_is_touched(kind, grey):
    states = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy()
    first = corrupt(grey[:4], kind, 2, seed=1)
    assert (corrupt(grey[:4], kind, 2, seed=1) == first).all()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state(legacy=False)["state"]["key"] == states[1]).all()


@pytest.mark.parametrize("kind", ["gaussian-noise", "motion-blur", "snow", "frost", "fog", "spatter", "elastic", "zigzag"])
def test_another_seed_draws_other_numbers(kind, images):
    assert (corrupt(images, kind, 3, seed=0) != corrupt(images, kind, 3, seed=1)).any()


@pytest.mark.parametrize("kind", ORDERED)
def test_a_higher_severity_changes_more(kind, images):
    changes = [np.abs(corrupt(images, kind, severity).astype(float) - images).mean() for severity in (1, 5)]
    assert changes[0] < changes[1]


@pytest.mark.parametrize("kind", KINDS)
def test_floats_are_corrupted_as_bytes_are(kind, images):
    found = corrupt(images.astype(np.float32) / 255, kind, 4)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.abs(found * 255 - corrupt(images, kind, 4)).max() <= 0.51


@pytest.mark.parametrize("shape", [(2, 8, 8, 1), (2, 9, 13, 3), (2, 70, 41, 1), (2, 40, 96, 3), (0, 28, 28, 1)])
def test_any_size_is_taken(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for kind in KINDS:
        assert corrupt(images, kind, 5).shape == shape, kind


def test_a_large_image_is_damaged_as_a_small_one_is(colour):
    large = np.stack([np.asarray(Image.fromarray(image).resize((128, 128), Image.Resampling.BICUBIC)) for image in colour])
    for kind in ("gaussian-blur", "defocus-blur", "motion-blur", "translate", "frost", "spatter", "dotted-line", "elastic"):
        small, big = (np.abs(corrupt(each, kind, 4).astype(float) - each).mean() for each in (colour, large))
        assert 0.5 < big / small < 2, kind


def test_a_constant_image_stays_one_where_nothing_is_drawn():
    images = np.full((2, 28, 28, 1), 100, np.uint8)
    for kind in ("gaussian-blur", "defocus-blur", "glass-blur", "motion-blur", "zoom-blur", "contrast", "pixelate"):
        assert np.abs(corrupt(images, kind, 5).astype(int) - 100).max() <= 1, kind
    for kind in ("elastic", "shear", "scale", "rotate", "translate"):
        assert np.abs(corrupt(images, kind, 5).astype(int) - 100).max() <= 1, kind


def test_noise_has_the_published_strength():
    images = np.full((50, 28, 28, 1), 128, np.uint8)
    images[:, 0, 0, 0] = np.arange(100, 150)  # other images, other noise
    for kind, expected in {
        "gaussian-noise": 0.18,
        "speckle-noise": 0.35 * 128 / 255,
        "shot-noise": (128 / 255 / 12) ** 0.5,
    }.items():
        assert (corrupt(images, kind, 3) / 255).std() == pytest.approx(expected, rel=0.05), kind
    found = corrupt(images, "impulse-noise", 5)
    assert [(found == value).mean() for value in (0, 255)] == pytest.approx([0.135, 0.135], abs=0.01)
    colour = np.full((50, 32, 32, 3), 128, np.uint8)
    colour[:, 0, 0, 0] = np.arange(100, 150)
    assert (corrupt(colour, "gaussian-noise", 3) / 255).std() == pytest.approx(0.08, rel=0.05)


def test_translate_moves_by_whole_pixels_of_the_published_size(grey):
    for image, found in zip(grey, corrupt(grey, "translate", 2), strict=True):
        moves = [np.roll(image, (down, right), axis=(0, 1)) for down in (-2, 2) for right in (-2, 2)]
        assert min(np.abs(found[3:-3, 3:-3].astype(int) - each[3:-3, 3:-3]).max() for each in moves) <= 1


def test_rotate_turns_about_the_middle():
    image = np.zeros((1, 29, 29, 1), np.uint8)
    image[0, 14, 14:] = 255
    found = corrupt(image, "rotate", 5)[0, ..., 0]
    rows, columns = np.nonzero(found > 100)
    angle = np.arctan2(rows - 14, columns - 14)[np.hypot(rows - 14, columns - 14) > 4]
    assert np.abs(np.abs(angle) - 1.0).max() < 0.15


def test_scale_halves():
    image = np.zeros((1, 28, 28, 1), np.uint8)
    image[0, 4:24, 4:24] = 255
    assert (corrupt(image, "scale", 5) > 127).sum() == pytest.approx(100, abs=4)


def test_light_and_colour_are_as_defined(colour):
    skimage = pytest.importorskip("skimage.color")
    x = colour / 255
    for kind, channel, change in (
        ("brightness", 2, lambda v: v + 0.15),
        ("saturate", 1, lambda v: v * 1.5),
    ):
        expected = skimage.rgb2hsv(x)
        expected[..., channel] = change(expected[..., channel]).clip(0, 1)
        assert np.abs(corrupt(colour, kind, 3) / 255 - skimage.hsv2rgb(expected)).max() < 0.006, kind
    mean = x.mean(axis=(1, 2), keepdims=True)
    assert np.abs(corrupt(colour, "contrast", 2) / 255 - (mean + 0.5 * (x - mean))).max() < 0.006


def test_jpeg_is_a_jpeg(colour):
    buffer = io.BytesIO()
    Image.fromarray(colour[0]).save(buffer, "JPEG", quality=40)
    assert (corrupt(colour, "jpeg", 5)[0] == np.asarray(Image.open(buffer))).all()


def test_fog_is_never_brighter_than_the_image_was(grey):
    for severity in SEVERITIES:
        assert (corrupt(grey, "fog", severity).max(axis=(1, 2, 3)) <= grey.max(axis=(1, 2, 3))).all()


def test_lines_are_white_and_as_many_as_said(grey):
    black = np.zeros_like(grey)
    black[:, 0, 0, 0] = np.arange(len(black))  # other images, other lines
    shares = [(corrupt(black, "dotted-line", severity) > 200).mean() for severity in (1, 5)]
    assert shares[0] > 0.01
    assert 3 < shares[1] / shares[0] < 5.5
    assert (corrupt(grey, "zigzag", 3).astype(int) >= grey.astype(int) - 1).all()


def test_edges_are_those_of_scikit_image(grey):
    canny = pytest.importorskip("skimage.feature").canny
    expected = np.stack([canny(image / 255, sigma=1.0, mode="nearest") for image in grey[..., 0]])
    found = corrupt(grey, "canny-edges", 1)[..., 0]
    assert set(np.unique(found)) == {0, 255}
    assert ((found > 0) == expected).mean() > 0.98


def test_bad_input_is_refused(grey):
    with pytest.raises(UnknownName, match="Did you mean 'zoom-blur'"):
        corrupt(grey, "zoomblur", 1)
    for severity in (0, 6, -1):
        with pytest.raises(ConfigError, match="expected a severity from 1 to 5"):
            corrupt(grey, "fog", severity)
    for images, message in (
        (grey[0], r"N,H,W,1 or N,H,W,3"),
        (np.zeros((2, 28, 28, 4), np.uint8), r"N,H,W,1 or N,H,W,3"),
        (np.zeros((2, 7, 28, 1), np.uint8), "at least 8 pixels a side"),
        (np.zeros((2, 28, 28, 1), np.uint16), "8-bit images or floats"),
        (np.full((2, 28, 28, 1), 2.0), "8-bit images or floats"),
        (np.full((2, 28, 28, 1), np.nan), "8-bit images or floats"),
    ):
        with pytest.raises(ImagesError, match=message):
            corrupt(images, "fog", 1)
