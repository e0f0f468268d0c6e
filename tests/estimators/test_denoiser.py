"""`Denoiser`: scikit-learn's own checks, and what a user of arrays would notice."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sablier.errors import ConfigError, ImagesError, ModelFileError, UnknownName
from sablier.estimators import Denoiser, ImageAutoencoder
from sablier.images.imageset import ImageSet, LazyPixels
from sablier.workflows.denoise import denoise

FAST = {"epochs": 1, "width": 8}


@parametrize_with_checks([Denoiser(tier="tiny", settings=FAST), Denoiser(tier="tiny", noisy_only=True, settings=FAST)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    """Clean images N,8,8 from 0 to 16, and the same with Gaussian noise of 5."""
    clean = load_digits().images
    return clean, clean + np.random.default_rng(0).normal(size=clean.shape) * 5


@pytest.fixture(scope="module")
def fitted(digits):
    return Denoiser(tier="tiny", settings={"epochs": 5, "width": 16, "noise_high": 0.6}).fit(digits[0][:1500])


def test_noise_goes_and_its_level_is_told_in_the_images_numbers(fitted, digits):
    clean, noisy = digits[0][1500:], digits[1][1500:]
    cleaned = fitted.transform(noisy)
    assert (cleaned.shape, cleaned.dtype) == (noisy.shape, np.float32)
    assert np.mean((cleaned - clean) ** 2) < 0.7 * np.mean((noisy - clean) ** 2)
    levels = fitted.noise_levels(noisy)
    assert levels.shape == (len(noisy),)
    assert np.median(levels) == pytest.approx(5, rel=0.4)


def test_noisy_images_alone_are_enough(digits):
    clean, noisy = digits
    denoiser = Denoiser(noisy_only=True, tier="tiny", settings={"epochs": 4, "width": 16}).fit(noisy[:1500])
    assert np.mean((denoiser.transform(noisy[1500:]) - clean[1500:]) ** 2) < np.mean((noisy[1500:] - clean[1500:]) ** 2)


def test_results_have_the_size_and_the_dimensions_that_came(fitted, digits):
    X = digits[1][:5]
    cleaned = fitted.transform(X)
    np.testing.assert_allclose(fitted.transform(X.reshape(5, 64)), cleaned.reshape(5, 64))
    np.testing.assert_allclose(fitted.transform(X[..., None]), cleaned[..., None])
    np.testing.assert_allclose(fitted.transform(X.tolist()), cleaned)
    np.testing.assert_allclose(fitted.transform(ImageSet(X.astype(np.float32))), cleaned[..., None], atol=1e-4)
    for shape in ((1, 1), (2, 3), (40, 50, 3), (8, 8, 3)):
        assert fitted.transform(np.ones((2, *shape))).shape == (2, *shape)
        assert fitted.noise_levels(np.ones((2, *shape))).shape == (2,)
    none = np.empty((0, 9, 7))
    assert fitted.transform(none).shape == (0, 9, 7)
    assert fitted.noise_levels(none).shape == (0,)
    assert fitted.get_feature_names_out().tolist() == [f"x{k}" for k in range(64)]


def test_an_image_set_of_mixed_sizes_gives_a_list(fitted):
    images = ImageSet.concatenate([ImageSet(np.ones((2, side, 9), np.uint8)) for side in (5, 12)])
    cleaned = fitted.transform(images)
    assert [image.shape for image in cleaned] == [(5, 9, 1), (5, 9, 1), (12, 9, 1), (12, 9, 1)]
    assert fitted.noise_levels(images).shape == (4,)


def test_whole_numbers_and_the_same_floats_are_the_same(digits):
    X = (digits[0][:200] * 15).astype(np.uint8)
    denoiser = Denoiser(tier="tiny", settings=FAST).fit(X)
    cleaned = denoiser.transform(X)
    assert cleaned.max() > 100
    for same in (X.astype(np.float64), X.astype(np.int64), ImageSet(X)):
        np.testing.assert_allclose(np.reshape(denoiser.transform(same), cleaned.shape), cleaned, atol=1e-3)
    sixteen = denoiser.transform(ImageSet(X.astype(np.uint16) * 257))
    np.testing.assert_allclose(sixteen[..., 0] / 257, cleaned, atol=0.01)


def test_photos_of_any_size_and_colour(monkeypatch):
    monkeypatch.setattr("sablier.workflows.training.denoiser.MOST_PATCHES", 60)
    photos = np.random.default_rng(0).random((3, 90, 110, 3))
    denoiser = Denoiser(tier="tiny", settings={**FAST, "size": 48}).fit(photos)
    assert denoiser.image_shape_ == (90, 110, 3)
    assert denoiser.transform(photos[:, :31, :17]).shape == (3, 31, 17, 3)
    assert denoiser.transform(photos.reshape(3, -1)).shape == (3, 90 * 110 * 3)


def test_single_colours_and_far_values_are_finite(fitted):
    X = np.ones((4, 8, 8)) * np.array([0, 16, -1e6, 1e30])[:, None, None]
    assert np.isfinite(fitted.transform(X)).all()
    assert np.isfinite(fitted.noise_levels(X)).all()


def test_shares_of_pixels_stay_shares(digits):
    settings = {**FAST, "corruption": "missing"}
    denoiser = Denoiser(tier="tiny", settings=settings).fit(digits[0][:200])
    X = digits[0][:20]
    np.testing.assert_allclose(denoiser.noise_levels(X), denoiser.remover_.remove((X / 16)[..., None].astype(np.float32))[1])


def test_a_pipeline_of_scikit_learn(digits):
    flat = digits[1][:100].reshape(100, 64)
    assert make_pipeline(MinMaxScaler(), Denoiser(tier="tiny", settings=FAST)).fit_transform(flat).shape == (100, 64)


class TestKeeping:
    def test_a_saved_denoiser_gives_the_same_bits_here_and_on_the_command_line(self, fitted, digits, tmp_path):
        X = digits[1][:20]
        fitted.save(tmp_path / "digits.sablier")
        loaded = Denoiser.load(tmp_path / "digits.sablier")
        assert (loaded.get_params()["tier"], loaded.image_shape_, loaded.noisy_only) == ("tiny", (8, 8, 1), False)
        np.testing.assert_array_equal(loaded.transform(X), fitted.transform(X))
        np.testing.assert_array_equal(loaded.noise_levels(X), fitted.noise_levels(X))
        denoise(tmp_path / "digits.sablier", ImageSet(X.astype(np.float32)), tmp_path / "out")
        np.testing.assert_allclose(np.load(tmp_path / "out" / "3.npy"), fitted.transform(X)[3], atol=1e-4)

    def test_a_file_from_the_command_line(self, fitted, digits, tmp_path):
        fitted.model_file_.save(tmp_path / "digits.sablier")
        loaded = Denoiser.load(tmp_path / "digits.sablier")
        np.testing.assert_array_equal(loaded.transform(digits[1]), fitted.transform(digits[1]))

    def test_a_file_of_another_kind(self, digits, fitted, tmp_path):
        ImageAutoencoder(2, tier="tiny", settings=FAST).fit(digits[0][:50]).save(tmp_path / "a.sablier")
        with pytest.raises(ModelFileError, match="trained to denoise, got one trained to reconstruct"):
            Denoiser.load(tmp_path / "a.sablier")


class TestErrors:
    def test_parameters(self, digits):
        with pytest.raises(NotFittedError):
            Denoiser().transform(digits[0])
        with pytest.raises(NotFittedError):
            Denoiser().noise_levels(digits[0])
        with pytest.raises(ConfigError, match="noisy_only, got detector"):
            Denoiser(recipe="detector", noisy_only=True).fit(digits[0])
        with pytest.raises(UnknownName, match="tier"):
            Denoiser(tier="huge").fit(digits[0])
        with pytest.raises(UnknownName, match="noise_high"):
            Denoiser(settings={"noise_hih": 1}).fit(digits[0])

    def test_images(self, fitted, digits):
        with pytest.raises(ConfigError, match="not clipped"):
            Denoiser(noisy_only=True, tier="tiny", settings=FAST).fit(digits[0].astype(np.uint8))
        with pytest.raises(ImagesError, match="NaN or infinity"):
            fitted.transform(np.full((2, 8, 8), np.nan))
        with pytest.raises(ImagesError, match="1 or 3 channels"):
            fitted.transform(np.zeros((2, 8, 8, 4)))

    def test_an_unreadable_image_shifts_no_row(self, fitted):
        def unreadable(size):
            raise OSError("it is torn")

        lazy = LazyPixels((lambda size: np.zeros((8, 8, 1), np.float32), unreadable))
        images = ImageSet(lazy, sizes=np.full((2, 2), 8), channels=np.ones(2), depths=np.full(2, 32))
        with pytest.raises(ImagesError, match=r"1 of 2 images cannot be read, for example 1: it is torn\."):
            fitted.transform(images)
