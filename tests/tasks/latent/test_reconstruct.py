"""Reconstructions: what is measured of each image and of a stream, and PCA beside it."""

import json

import numpy as np
import pytest

from sablier.errors import TooFewImages
from sablier.images import ImageSet, read_images
from sablier.images.preprocess import Preprocess
from sablier.metrics import psnr
from sablier.models import create_model
from sablier.tasks.latent import reconstruct as module
from sablier.tasks.latent.reconstruct import (
    ReconstructionSummarizer,
    fitted_pca,
    latent_size,
    reconstruct,
    reconstructed_by_pca,
    reconstruction_result,
    squared_errors,
)

RULE = Preprocess(height=8, width=8, channels=1)


@pytest.fixture(scope="module")
def model():
    return create_model("bottleneck", (8, 8, 1), latent=4, width=8).eval()


@pytest.fixture(scope="module")
def digits():
    return read_images("digits:test").take(range(50))


def test_the_error_is_that_of_the_pixels(model, digits):
    result = reconstruction_result(model, RULE, digits)
    again = reconstruct(model, RULE, digits)
    for index, row in enumerate(result.to_table()):
        assert row["id"] == digits.ids[index]
        assert row["label"] == digits.labels[index]
        assert row["mse"] == pytest.approx(np.mean((digits[index] / 255 - again[index]) ** 2), rel=1e-5)
        assert row["psnr"] == pytest.approx(psnr(row["mse"]))
    assert result.to_json()["errors"] == result.to_table()
    assert list(reconstruction_result(model, RULE, ImageSet(digits.array)).to_table()[0]) == ["id", "mse", "psnr"]


def test_an_exact_reconstruction_has_no_decibels(model, digits):
    exact = reconstruction_result(model, RULE, digits.take([0]))
    object.__setattr__(exact, "mse", np.zeros(1))
    assert json.loads(json.dumps(exact.to_json()))["errors"][0]["psnr"] is None


def stream(model, images, chunk, shown=3, pca=None):
    summarizer = ReconstructionSummarizer(model, RULE, shown, pca)
    results = [summarizer.reconstruct(part) for part in images.chunks(chunk)]
    return summarizer.summary(), np.concatenate([result.mse for result in results])


@pytest.mark.parametrize("chunk", [1, 7, 50])
def test_a_stream_says_what_the_whole_says(model, digits, chunk):
    summary, errors = stream(model, digits, chunk)
    assert summary.count == 50
    assert summary.mean_mse == pytest.approx(errors.mean())
    assert summary.median_mse == pytest.approx(np.median(errors))
    assert summary.worst_mse == errors.max()
    order = digits.ids[np.argsort(errors, kind="stable")].tolist()
    assert summary.best.ids.tolist() == order[:3]
    assert summary.worst.ids.tolist() == order[:-4:-1]
    assert summary.worst_id == order[-1]
    assert set(summary.typical.ids) <= set(order[22:28])
    assert (summary.numbers, summary.values) == (4, 64)


@pytest.mark.parametrize(("count", "kinds"), [(1, (0, 0, 1)), (2, (1, 0, 1)), (3, (1, 1, 1)), (9, (3, 3, 3)), (11, (3, 3, 3))])
def test_no_image_is_shown_twice(model, digits, count, kinds):
    summary, _ = stream(model, digits.take(range(count)), 4)
    shown = [result.ids.tolist() for result in (summary.best, summary.typical, summary.worst)]
    assert tuple(map(len, shown)) == kinds
    assert len({id for ids in shown for id in ids}) == sum(kinds)


def test_memory_does_not_grow_with_the_stream(model, digits, monkeypatch):
    monkeypatch.setattr(module, "MOST_ERRORS", 20)
    monkeypatch.setattr(module, "SAMPLE", 10)
    summarizer = ReconstructionSummarizer(model, RULE, 3)
    errors = np.concatenate([summarizer.reconstruct(digits).mse for _ in range(5)])
    assert len(summarizer.errors) == len(summarizer.lots) == 20
    assert [len(kept.images) for kept in (summarizer.best, summarizer.sample, summarizer.worst)] == [3, 10, 3]
    assert summarizer.summary().mean_mse == pytest.approx(errors.mean())


def test_nothing_has_no_summary(model, digits):
    summarizer = ReconstructionSummarizer(model, RULE, 3)
    assert len(summarizer.reconstruct(digits.take([]))) == 0
    with pytest.raises(TooFewImages, match="at least one image"):
        summarizer.summary()


def test_pca_is_beside_it(model, digits):
    pca = fitted_pca(digits, RULE, latent_size(model, RULE))
    summary, _ = stream(model, digits, 20, pca=pca)
    unit = RULE.to_unit(digits.array)
    centred = unit.reshape(50, -1) - unit.reshape(50, -1).mean(axis=0)
    directions = np.linalg.svd(centred)[2][:4]
    kept = (centred @ directions.T @ directions + unit.reshape(50, -1).mean(axis=0)).clip(0, 1)
    assert summary.pca_mse == pytest.approx(np.mean((kept.reshape(unit.shape) - unit) ** 2), rel=1e-4)
    assert reconstructed_by_pca(pca, unit[:0]).shape == (0, 8, 8, 1)


def test_pca_with_a_number_for_each_pixel_is_exact():
    images = ImageSet(np.random.default_rng(0).integers(0, 255, (80, 8, 8), np.uint8))
    pca = fitted_pca(images, RULE, 6272)
    unit = RULE.to_unit(images.array)
    assert pca.n_components_ == 64
    assert squared_errors(unit, reconstructed_by_pca(pca, unit)).max() < 1e-10


def test_pca_takes_as_many_images_as_fit(digits, monkeypatch):
    monkeypatch.setattr(module, "MOST_PCA_VALUES", 20 * 64)
    assert fitted_pca(digits, RULE, 4).n_samples_ == 20
    assert fitted_pca(digits, RULE, 30).n_samples_ == 30


def test_pca_needs_as_many_images_as_numbers(digits):
    with pytest.raises(TooFewImages, match="at least 32 images to fit PCA with 32 numbers, got 20"):
        fitted_pca(digits.take(range(20)), RULE, 32)
