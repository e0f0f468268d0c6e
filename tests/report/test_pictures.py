import base64
import io

import numpy as np
from PIL import Image

from sablier.report.pictures import anomaly_colours, as_bytes, as_rgb, data_uri, difference, enlarged, overlay


def decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_a_good_image_stays_grey_and_a_bad_place_does_not() -> None:
    image = np.full((8, 8, 1), 0.5, np.float32)
    anomaly_map = np.full((8, 8), 0.4)
    anomaly_map[2, 3] = 3.0
    drawn = overlay(image, anomaly_map).astype(int)
    coloured = np.ptp(drawn, axis=2) > 0
    assert coloured[2, 3]
    assert coloured.sum() == 1


def test_a_colour_means_the_same_in_every_picture() -> None:
    image = np.zeros((4, 4, 3), np.float32)
    mild, wild = np.full((4, 4), 0.9), np.full((4, 4), 0.9)
    wild[0, 0] = 50.0
    assert np.array_equal(overlay(image, mild)[1:], overlay(image, wild)[1:])


def test_a_higher_score_is_never_darker_or_more_transparent() -> None:
    colours, opacity = anomaly_colours(np.linspace(0, 5, 50))
    luminance = colours @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(opacity) >= 0)
    assert np.all(np.diff(luminance) >= -1e-9)


def test_a_score_that_is_not_a_number_draws_nothing() -> None:
    assert anomaly_colours(np.array([np.nan]))[1] == 0


def test_small_images_are_kept_to_the_pixel() -> None:
    rgb = as_rgb(np.random.default_rng(0).random((28, 28, 1)))
    assert np.array_equal(np.asarray(decoded(data_uri(rgb))), rgb)


def test_large_images_are_made_small_enough_for_a_page() -> None:
    rgb = as_rgb(np.random.default_rng(0).random((600, 900, 3)))
    uri = data_uri(rgb)
    assert max(decoded(uri).size) <= 320
    assert len(uri) < 150_000


def test_enlarging_repeats_pixels() -> None:
    rgb = as_rgb(np.random.default_rng(0).random((8, 6, 1)))
    large = enlarged(rgb, 256)
    assert large.shape == (256, 192, 3)
    assert np.array_equal(large[::32, ::32], rgb)


def test_a_difference_says_in_which_direction() -> None:
    image = np.full((1, 3, 3), 0.5)
    drawn = difference(image, image + np.array([[-0.1], [0.0], [0.1]])).astype(int)
    red, blue = drawn[0, :, 0], drawn[0, :, 2]
    assert drawn[0, 1].tolist() == [255, 255, 255]
    assert red[0] < blue[0]  # too dark: blue
    assert red[2] > blue[2]  # too bright: orange
    assert np.array_equal(difference(image, image + 5), difference(image, image + 0.3))


def test_grey_stays_grey() -> None:
    assert as_bytes(np.zeros((4, 5, 1))).shape == (4, 5)
    assert as_bytes(np.zeros((4, 5, 3))).shape == (4, 5, 3)
