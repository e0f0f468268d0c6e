"""The baselines are scikit-learn's PCA and nearest neighbours on thumbnails."""

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from sablier.baselines import EXPLAINED_VARIANCE, MOST_KEPT, NEIGHBOURS, Baselines, principal_directions, thumbnails
from sablier.images import Preprocess, load_dataset

RULE = Preprocess(height=8, width=8, channels=1)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_dataset("digits").array


@pytest.fixture(scope="module")
def fitted(digits: np.ndarray) -> Baselines:
    return Baselines.fit(digits[:400], RULE)


def flat(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(len(pixels), -1) / 255.0


def test_pca_is_scikit_learns_reconstruction_error(digits, fitted):
    known, new = flat(digits[:400]), flat(digits[400:500])
    reference = PCA(EXPLAINED_VARIANCE, svd_solver="full").fit(known)
    assert len(fitted.components) == reference.n_components_
    error = ((new - reference.inverse_transform(reference.transform(new))) ** 2).mean(axis=1)
    assert fitted.scores(digits[400:500], RULE)["pca"] == pytest.approx(error, rel=1e-3, abs=1e-6)


def test_knn_is_scikit_learns_mean_distance(digits, fitted):
    reference = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(flat(digits[:400]))
    distances = reference.kneighbors(flat(digits[400:500]))[0].mean(axis=1) / 8
    assert fitted.scores(digits[400:500], RULE)["knn"] == pytest.approx(distances, rel=1e-4)


def test_scores_survive_the_model_file(digits, fitted):
    again = Baselines.from_tensors(fitted.tensors())
    before, after = (each.scores(digits[400:500], RULE) for each in (fitted, again))
    assert np.array_equal(after["pca"], before["pca"])
    assert after["knn"] == pytest.approx(before["knn"], abs=2e-3)  # thumbnails are kept in 8 bits
    assert fitted.tensors()["kept"].dtype == np.uint8


def test_at_most_a_thousand_images_are_kept(digits):
    assert Baselines.fit(digits, RULE).kept.shape == (MOST_KEPT, 64)


def test_one_image_of_each_size_is_enough_to_score(digits):
    one = Baselines.fit(digits[:1], RULE)
    scores = one.scores(digits[:2], RULE)
    assert scores["knn"][0] == pytest.approx(0, abs=1e-3)
    assert scores["knn"][1] > 0.1


def test_images_that_are_all_the_same_are_no_trouble():
    fitted = Baselines.fit(np.full((12, 8, 8, 1), 7, np.uint8), RULE)
    assert fitted.scores(np.full((1, 8, 8, 1), 7, np.uint8), RULE)["pca"] == pytest.approx(0, abs=1e-6)
    assert Baselines.from_tensors(fitted.tensors()).kept == pytest.approx(fitted.kept)


@pytest.mark.parametrize("shape", [(0, 8, 8, 1), (0, 100, 60, 3)])
def test_no_image_has_no_score(shape):
    rule = Preprocess(height=shape[1], width=shape[2], channels=shape[3])
    pixels = np.random.default_rng(0).integers(0, 255, (9, *shape[1:])).astype(np.uint8)
    scores = Baselines.fit(pixels, rule).scores(np.empty(shape, np.uint8), rule)
    assert {name: values.shape for name, values in scores.items()} == {"pca": (0,), "knn": (0,)}


def test_thumbnails_are_at_most_32_pixels_a_side():
    rule = Preprocess(height=96, width=48, channels=3)
    pixels = np.random.default_rng(0).integers(0, 255, (2, 96, 48, 3)).astype(np.uint8)
    small = thumbnails(pixels, rule)
    assert small.shape == (2, 32 * 16 * 3)
    one = np.asarray(Image.fromarray(pixels[1, ..., 0].astype(np.float32) / 255).resize((16, 32), Image.Resampling.BOX))
    assert small[1].reshape(32, 16, 3)[..., 0] == pytest.approx(one)


def test_the_same_seed_keeps_the_same_images(digits):
    first, again, other = (Baselines.fit(digits, RULE, seed).kept for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("shape", [(12, 300), (40, 7), (9, 9)])
def test_principal_directions_are_those_of_the_singular_value_decomposition(shape):
    points = (np.random.default_rng(0).normal(size=shape) * np.linspace(1, 4, shape[1])).astype(np.float32)
    centred = points - points.mean(axis=0)
    squares, directions = principal_directions(centred)
    _, spreads, expected = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    count = min(shape[0] - 1, shape[1])  # centred points span a dimension less
    assert squares[:count] == pytest.approx(spreads[:count] ** 2, rel=1e-4)
    assert np.abs((directions[:count] * expected[:count]).sum(axis=1)) == pytest.approx(np.ones(count), abs=1e-3)
    assert directions[:count] @ directions[:count].T == pytest.approx(np.eye(count), abs=1e-5)


def test_equal_points_have_one_direction_without_variance():
    squares, directions = principal_directions(np.zeros((4, 9), np.float32))
    assert squares.tolist() == [0.0]
    assert directions.shape == (1, 9)
    assert np.isfinite(directions).all()
