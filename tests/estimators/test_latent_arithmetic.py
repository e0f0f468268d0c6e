"""ImageAutoencoder: walks between images and sums of images, in the shapes that users hold them in."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from sablier.errors import ConfigError, ImagesError, TooFewImages
from sablier.estimators import ImageAutoencoder

SETTINGS = {"epochs": 2, "width": 8}


@pytest.fixture(scope="module")
def images():
    return load_digits().images[:300]  # N,8,8 from 0 to 16


@pytest.fixture(scope="module")
def autoencoder(images):
    return ImageAutoencoder(latent=5, tier="tiny", settings=SETTINGS).fit(images)


@pytest.fixture(scope="module")
def of_a_table(images):
    return ImageAutoencoder(latent=5, tier="tiny", settings=SETTINGS).fit(images.reshape(len(images), -1))


def test_a_walk_goes_from_one_image_redrawn_to_the_other(autoencoder, images):
    found = autoencoder.interpolate(images[0], images[1], 6)
    assert found.shape == (6, 8, 8)
    np.testing.assert_allclose(found[[0, 5]], autoencoder.reconstruct(images[:2]), atol=1e-3)
    codes = autoencoder.transform(images[:2])
    np.testing.assert_allclose(found[2], autoencoder.inverse_transform(codes[:1] * 0.6 + codes[1:] * 0.4)[0], atol=1e-3)
    assert not np.allclose(found, autoencoder.interpolate(images[0], images[1], 6, "spherical"), atol=1e-3)


def test_one_image_alone_or_in_a_set(autoencoder, of_a_table, images):
    expected = autoencoder.interpolate(images[0], images[1], 4)
    np.testing.assert_array_equal(autoencoder.interpolate(images[:1], images[1].tolist(), 4), expected)
    flat = of_a_table.interpolate(images[0].ravel(), images[1].ravel(), 4)
    assert flat.shape == (4, 64)


def test_sums_are_those_of_mean_codes(autoencoder, of_a_table, images):
    found = autoencoder.combine([images[:20], images[20]], [images[30:40]])
    assert found.shape == (8, 8)
    codes = [autoencoder.transform(part).mean(axis=0) for part in (images[:20], images[20:21], images[30:40])]
    expected = autoencoder.inverse_transform((codes[0] + codes[1] - codes[2])[None])[0]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    table = images.reshape(len(images), -1)
    assert of_a_table.combine([table[:20], table[20]], [table[30:40]]).shape == (64,)


def test_without_a_difference_it_is_the_average(autoencoder, images):
    found = autoencoder.combine([images[0], images[1], images[2]])
    np.testing.assert_allclose(found, autoencoder.combine([images[:3]]), atol=1e-3)
    np.testing.assert_allclose(autoencoder.combine([images[4]]), autoencoder.reconstruct(images[4:5])[0], atol=1e-3)


def test_what_cannot_be_done_is_said(autoencoder, images):
    with pytest.raises(ImagesError, match="expected one image, got 2"):
        autoencoder.interpolate(images[:2], images[3])
    with pytest.raises(ConfigError, match="expected a curve"):
        autoencoder.interpolate(images[0], images[1], curve="round")
    with pytest.raises(ConfigError, match="a direction, not an image"):
        autoencoder.combine([images[0]], [images[1]])
    with pytest.raises(ImagesError, match="expected images of 8 x 8"):
        autoencoder.interpolate(images[0], np.zeros((9, 9)))
    with pytest.raises(TooFewImages, match="expected at least one image in each set"):
        autoencoder.combine([images[:0]])
    for call in (lambda new: new.interpolate(images[0], images[1]), lambda new: new.combine([images[0]])):
        with pytest.raises(NotFittedError):
            call(ImageAutoencoder())
