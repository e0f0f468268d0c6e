"""ImageAutoencoder.sample: new images, and variations, in the numbers and the shape the training images came in."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sablier import ImageAutoencoder, read_images
from sablier.errors import ConfigError

SETTINGS = {"epochs": 2, "width": 8}


@pytest.fixture(scope="module")
def table():
    return read_images("digits").array.reshape(-1, 64)[:400] / 16.0 + 3


@pytest.fixture(scope="module")
def autoencoder(table):
    return ImageAutoencoder(latent=5, tier="tiny", settings=SETTINGS).fit(table)


def test_new_images_come_as_the_training_images_did(autoencoder, table):
    drawn = autoencoder.sample(50, seed=1)
    assert drawn.shape == (50, 64)
    assert drawn.dtype == np.float32
    assert np.abs(drawn.mean(axis=0) - table.mean(axis=0)).max() < 0.25 * np.ptp(table)
    assert np.array_equal(drawn, autoencoder.sample(50, seed=1))
    assert not np.array_equal(drawn, autoencoder.sample(50, seed=2))


def test_variations_of_given_images(autoencoder, table):
    drawn = autoencoder.sample(6, like=table[:2], strength=0.0)
    assert np.allclose(drawn, np.tile(autoencoder.reconstruct(table[:2]), (3, 1)), atol=1e-3)


def test_it_still_draws_the_same_after_the_file(autoencoder, tmp_path):
    autoencoder.save(tmp_path / "a.sablier")
    again = ImageAutoencoder.load(tmp_path / "a.sablier")
    assert np.allclose(again.sample(5, seed=3), autoencoder.sample(5, seed=3), atol=1e-5)


def test_what_cannot_be_done_is_said(autoencoder):
    with pytest.raises(NotFittedError):
        ImageAutoencoder().sample(3)
    with pytest.raises(ConfigError, match="at least 1 image, got 0"):
        autoencoder.sample(0)
    with pytest.raises(ConfigError, match="got method 'flow'"):
        autoencoder.sample(2, method="flow")
