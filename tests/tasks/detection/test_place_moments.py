"""Moments of places: means and covariance as textbooks have them, however images are dealt; mixtures renewed by them."""

import numpy as np
import pytest
import torch

from sablier.errors import ModelFileError
from sablier.tasks.detection.place_mixture import PlaceMixture
from sablier.tasks.detection.place_moments import PlaceMoments
from sablier.tasks.detection.places import PlaceSums

SIZE, HEIGHT, WIDTH = 6, 5, 7


def places(images: int, seed: int = 0, alike: float = 9.0) -> torch.Tensor:
    """N,D,h,w that are correlated and far from 0; each place has a look of its own, as far as they lie `alike`."""
    generator, fixed = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(99)
    mix = torch.randn(SIZE, SIZE, generator=fixed)
    found = torch.einsum("de,nehw->ndhw", mix, torch.randn(images, SIZE, HEIGHT, WIDTH, generator=generator)) + 20
    return (found + alike * torch.randn(SIZE, HEIGHT, WIDTH, generator=fixed)).half().float()  # as features are kept


def sums_of(described: torch.Tensor, at_once: int = 100) -> PlaceSums:
    sums = PlaceSums(len(described))
    for part in described.split(at_once):
        sums.add(part)
    return sums


def test_places_that_lie_alike_have_their_own_means_and_the_covariance_around_them():
    described = places(400, alike=50.0)
    moments = sums_of(described).moments
    rows = described.permute(0, 2, 3, 1).double().numpy()
    np.testing.assert_allclose(moments.means, rows.mean(axis=0), atol=1e-2)
    apart = (rows - rows.mean(axis=0)).reshape(-1, SIZE)
    np.testing.assert_allclose(moments.covariance, apart.T @ apart / len(apart), rtol=1e-2, atol=1e-2)


def test_places_that_lie_anyhow_share_one_mean_and_the_covariance_around_it():
    described = places(9, seed=3, alike=0.0)
    moments = sums_of(described).moments
    rows = described.permute(0, 2, 3, 1).reshape(-1, SIZE).double().numpy()
    assert moments.means.std(axis=(0, 1)).max() < 0.3
    np.testing.assert_allclose(moments.means.mean(axis=(0, 1)), rows.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments.covariance, np.cov(rows.T, bias=True), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("at_once", [1, 7, 40])
def test_batches_and_parts_make_no_difference(at_once):
    described = places(40)
    whole = sums_of(described).moments
    parts = [sums_of(part, at_once).moments for part in (described[:13], described[13:])]
    joined = parts[0].joined(parts[1])
    assert joined.count == whole.count == 40
    np.testing.assert_allclose(joined.totals, whole.totals, rtol=1e-6)
    np.testing.assert_allclose(joined.products, whole.products, rtol=1e-14)
    np.testing.assert_allclose(joined.means, whole.means, rtol=1e-6)


def test_many_places_are_joined_to_cells(monkeypatch):
    described = places(60)
    exact = sums_of(described).moments
    monkeypatch.setattr("sablier.tasks.detection.place_moments.MOST_NUMBERS", 100)
    moments = sums_of(described).moments
    assert moments.totals.shape == (3, 4, SIZE)
    assert moments.products is not exact.products
    rows = described.permute(0, 2, 3, 1).double().numpy()
    cells = [[(0, 1), (1, 3), (3, 5)], [(0, 1), (1, 3), (3, 5), (5, 7)]]  # first and last of rows, of columns
    for row, (top, bottom) in enumerate(cells[0]):
        for column, (left, right) in enumerate(cells[1]):
            inside = rows[:, top:bottom, left:right]
            np.testing.assert_allclose(moments.totals[row, column] / 60, inside.mean(axis=(0, 1, 2)), rtol=1e-5)
            rows[:, top:bottom, left:right] = inside - inside.mean(axis=(0, 1, 2))
    apart = rows.reshape(-1, SIZE)
    np.testing.assert_allclose(moments.covariance, apart.T @ apart / len(apart), rtol=0.05, atol=0.5)


def test_equal_images_have_no_negative_variance_around_cells(monkeypatch):
    monkeypatch.setattr("sablier.tasks.detection.place_moments.MOST_NUMBERS", 100)
    moments = sums_of(places(1).repeat(8, 1, 1, 1)).moments
    assert np.linalg.eigvalsh(moments.covariance).min() > -1e-6 * moments.mean_square


def test_they_come_back_from_their_tensors():
    moments = sums_of(places(5)).moments
    tensors = moments.tensors()
    assert tensors["products"].shape == (SIZE * (SIZE + 1) // 2,)
    again = PlaceMoments.from_tensors(moments.count, moments.grid, tensors)
    assert np.array_equal(again.products, moments.products)
    assert np.array_equal(again.means, moments.means)
    with pytest.raises(ModelFileError, match="expected 6 rows of cells, got 5"):
        PlaceMoments.from_tensors(5, (6, 7), tensors)
    with pytest.raises(ModelFileError, match="expected 21 products of features, got 20"):
        PlaceMoments.from_tensors(5, moments.grid, {**tensors, "products": tensors["products"][1:]})


def test_only_moments_of_the_same_places_are_joined():
    moments = sums_of(places(5)).moments
    with pytest.raises(ModelFileError, match="features of places"):
        moments.joined(sums_of(places(5)[:, 1:]).moments)
    with pytest.raises(ModelFileError, match="rows of places"):
        moments.joined(sums_of(places(5)[:, :, 1:]).moments)


def test_a_mixture_renewed_by_more_images_is_that_of_one_pass_over_all():
    first, more, others = places(40), places(24, seed=1) + 3, places(4, seed=2)
    mixture, before = PlaceMixture.fit(sums_of(first)), sums_of(first).moments
    assert len(mixture.centres) > 1
    by_parts = mixture.renewed(before, before.joined(sums_of(more, at_once=5).moments))
    at_once = mixture.renewed(before, sums_of(torch.cat([first, more]), at_once=3).moments)
    np.testing.assert_allclose(by_parts.distances(others), at_once.distances(others), rtol=1e-5)
    assert (by_parts.distances(others) / mixture.distances(others) - 1).abs().max() > 0.05  # and not that of the first alone


def test_with_one_component_a_renewed_mixture_is_a_fitted_one(monkeypatch):
    monkeypatch.setattr("sablier.tasks.detection.place_mixture.MOST_COMPONENTS", 1)
    first, both, others = places(40), places(400, seed=5), places(4, seed=2)
    before, after = (sums_of(each) for each in (first, both))
    renewed = PlaceMixture.fit(before).renewed(before.moments, after.moments)
    np.testing.assert_allclose(renewed.distances(others), PlaceMixture.fit(after).distances(others), rtol=0.02)


def test_a_mixture_renewed_by_what_it_was_fitted_on_is_itself():
    sums, others = sums_of(places(40)), places(4, seed=2)
    mixture = PlaceMixture.fit(sums)
    same = mixture.renewed(sums.moments, sums.moments)
    np.testing.assert_allclose(same.distances(others), mixture.distances(others), rtol=1e-5)


def test_sums_that_are_of_no_images_are_refused():
    sums = sums_of(places(40))
    mixture, moments = PlaceMixture.fit(sums), sums.moments
    wrong = PlaceMoments(moments.count, moments.grid, moments.totals, -moments.products)
    with pytest.raises(ModelFileError, match="of no images"):
        mixture.renewed(wrong, moments)
