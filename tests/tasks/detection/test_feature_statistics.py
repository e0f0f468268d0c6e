"""Gaussians over the places of good images: what their sums, their folds and their distances are worth."""

from functools import reduce

import numpy as np
import pytest
import torch

from sablier.errors import ModelFileError, TooFewImages
from sablier.tasks.detection.feature_statistics import SHRINKAGE, GaussianOfPlaces, PlaceSums, evened, hottest

SIZE, HEIGHT, WIDTH = 12, 5, 7


def places(images: int, seed: int = 0, alike: bool = False) -> torch.Tensor:
    """N,D,h,w that are correlated and far from 0, as activations are; `alike` where each place has a look of its own."""
    generator, fixed = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(99)
    mix = torch.randn(SIZE, SIZE, generator=fixed)
    found = torch.einsum("de,nehw->ndhw", mix, torch.randn(images, SIZE, HEIGHT, WIDTH, generator=generator)) + 20
    return found + alike * 9 * torch.randn(SIZE, HEIGHT, WIDTH, generator=fixed)


def by_numpy(described: torch.Tensor, of: torch.Tensor, means: np.ndarray) -> np.ndarray:
    """Mahalanobis distances from given means, h,w,D, as the textbook has them."""
    rows = (described.double().permute(0, 2, 3, 1).numpy() - means).reshape(-1, SIZE)
    covariance = rows.T @ rows / len(rows)
    covariance += SHRINKAGE * np.trace(covariance) / SIZE * np.eye(SIZE)
    apart = of.double().permute(0, 2, 3, 1).numpy() - means
    return np.sqrt(np.einsum("nhwd,de,nhwe->nhw", apart, np.linalg.inv(covariance), apart) / SIZE)


@pytest.mark.parametrize("alike", [False, True])
def test_distances_are_those_of_the_textbook(alike):
    good, others = places(9, alike=alike), places(3, seed=1, alike=alike) + 2
    gaussian = GaussianOfPlaces.fit(PlaceSums.of(good))
    np.testing.assert_allclose(gaussian.distances(others), by_numpy(good, others, gaussian.means.astype(np.float64)), rtol=1e-3)


def test_places_that_differ_by_chance_share_a_mean_and_others_keep_their_own():
    anyhow, alike = places(30), places(30, alike=True)
    own, common = alike.mean(dim=0).permute(1, 2, 0), anyhow.mean(dim=(0, 2, 3))
    assert np.abs(GaussianOfPlaces.fit(PlaceSums.of(anyhow)).means - common.numpy()).max() < 0.25  # they lie up to 2.7 apart
    assert np.abs(GaussianOfPlaces.fit(PlaceSums.of(alike)).means - own.numpy()).max() < 0.5


def test_what_is_good_in_one_place_is_strange_in_another():
    good = places(40, alike=True)
    gaussian = GaussianOfPlaces.fit(PlaceSums.of(good))
    assert gaussian.distances(good.flip(3)).mean() > 3 * gaussian.distances(good).mean()


def test_a_good_place_is_near_1_and_a_strange_one_farther():
    gaussian = GaussianOfPlaces.fit(PlaceSums.of(places(40)))
    strange = places(1, seed=3)
    strange[0, :, 2, 4] += 30
    heat = gaussian.distances(strange)
    assert heat[0].flatten().argmax() == 2 * WIDTH + 4
    assert heat.max() / 3 < hottest(heat)[0] < heat.max()
    assert gaussian.distances(places(40, seed=5)).square().mean() == pytest.approx(1, abs=0.15)


def test_sums_of_batches_add_up():
    described = places(20, alike=True)
    total = reduce(PlaceSums.__add__, [PlaceSums.of(part) for part in described.split(3)])
    parts, whole = GaussianOfPlaces.fit(total), GaussianOfPlaces.fit(PlaceSums.of(described))
    assert total.count == 20
    np.testing.assert_allclose(parts.distances(described), whole.distances(described), rtol=1e-4)


def test_images_that_are_all_alike_are_taken_and_any_other_is_strange():
    same = torch.full((3, SIZE, HEIGHT, WIDTH), 2.0)
    gaussian = GaussianOfPlaces.fit(PlaceSums.of(same))
    assert torch.isfinite(gaussian.distances(places(1))).all()
    assert gaussian.distances(same).max() < gaussian.distances(places(1)).min()


def test_one_image_is_too_few():
    with pytest.raises(TooFewImages, match="at least 2 good images"):
        GaussianOfPlaces.fit(PlaceSums.of(places(1)))


@pytest.mark.parametrize(("cut", "said"), [(np.s_[:, 1:], "features"), (np.s_[:, :, 1:], "rows"), (np.s_[..., 1:], "columns")])
def test_other_sizes_are_refused(cut, said):
    with pytest.raises(ModelFileError, match=f"{said} of places"):
        GaussianOfPlaces.fit(PlaceSums.of(places(2))).distances(places(2)[cut])


def test_it_comes_back_from_its_tensors():
    gaussian = GaussianOfPlaces.fit(PlaceSums.of(places(4)))
    again = GaussianOfPlaces.from_tensors(gaussian.tensors())
    assert torch.equal(again.distances(places(2)), gaussian.distances(places(2)))


def test_the_three_hottest_places_are_averaged():
    heat = torch.zeros(1, 20, 20)
    heat[0, 3, 3:7] = torch.tensor([4.0, 3.0, 2.0, 1.0])
    assert hottest(heat).tolist() == [3.0]
    assert hottest(torch.ones(2, 1, 2)).tolist() == [1.0, 1.0]


def test_slow_light_is_taken_out_and_a_spot_stays():
    light = torch.linspace(0.2, 0.8, 96).expand(1, 1, 80, 96)
    plain = light + 0.02 * torch.randn(1, 1, 80, 96, generator=torch.Generator().manual_seed(0))
    spotted = plain.clone()
    spotted[0, 0, 38:42, 20:24] += 0.1
    even = evened(plain)
    assert abs(even[..., :32].mean() - even[..., -32:].mean()) < 0.05
    difference = (evened(spotted) - even)[0, 0]
    assert difference[38:42, 20:24].mean() > 0.2
    assert difference[:, 60:].abs().max() < 0.02
    assert torch.allclose(evened(torch.full((1, 3, 50, 60), 0.3)), torch.full((1, 3, 50, 60), 0.5), atol=1e-5)
