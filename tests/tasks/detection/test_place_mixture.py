"""Mixtures of Gaussians over the places of good images: what their sums and their distances are worth."""

import numpy as np
import pytest
import torch

from sablier.errors import ModelFileError, TooFewImages
from sablier.tasks.detection import place_mixture
from sablier.tasks.detection.place_mixture import SHRINKAGE, PlaceMixture
from sablier.tasks.detection.places import PlaceSums, highest

SIZE, HEIGHT, WIDTH = 12, 5, 7


def places(images: int, seed: int = 0, alike: bool = False) -> torch.Tensor:
    """N,D,h,w that are correlated and far from 0, as activations are; `alike` where each place has a look of its own."""
    generator, fixed = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(99)
    mix = torch.randn(SIZE, SIZE, generator=fixed)
    found = torch.einsum("de,nehw->ndhw", mix, torch.randn(images, SIZE, HEIGHT, WIDTH, generator=generator)) + 20
    return found + alike * 9 * torch.randn(SIZE, HEIGHT, WIDTH, generator=fixed)


def sums_of(described: torch.Tensor, at_once: int = 100) -> PlaceSums:
    sums = PlaceSums(len(described))
    for part in described.split(at_once):
        sums.add(part)
    return sums


def mixture_of(described: torch.Tensor) -> PlaceMixture:
    return PlaceMixture.fit(sums_of(described))


def clusters(images: int, seed: int = 0) -> torch.Tensor:
    """N,D,h,w of two kinds of places that lie anyhow: one spreads widely, one hardly."""
    generator = torch.Generator().manual_seed(seed)
    wide = torch.rand(images, 1, HEIGHT, WIDTH, generator=generator) < 0.5
    found = torch.randn(images, SIZE, HEIGHT, WIDTH, generator=generator)
    return torch.where(wide, 4 * found, 0.2 * found + 30)


def by_numpy(described: torch.Tensor, of: torch.Tensor, means: np.ndarray) -> np.ndarray:
    """Mahalanobis distances from given means, h,w,D, as the textbook has them."""
    rows = (described.double().permute(0, 2, 3, 1).numpy() - means).reshape(-1, SIZE)
    covariance = rows.T @ rows / len(rows)
    covariance += SHRINKAGE * np.trace(covariance) / SIZE * np.eye(SIZE)
    apart = of.double().permute(0, 2, 3, 1).numpy() - means
    return np.sqrt(np.einsum("nhwd,de,nhwe->nhw", apart, np.linalg.inv(covariance), apart) / SIZE)


@pytest.mark.parametrize("alike", [False, True])
def test_with_one_component_distances_are_those_of_the_textbook(alike, monkeypatch):
    monkeypatch.setattr(place_mixture, "MOST_COMPONENTS", 1)
    good, others = places(9, alike=alike), places(3, seed=1, alike=alike) + 2
    mixture = mixture_of(good)
    found = by_numpy(good, others, mixture.means.astype(np.float64))
    np.testing.assert_allclose(mixture.distances(others), found, rtol=0.02)  # it shrinks once more, where it is whitened


def test_a_distance_is_the_least_of_those_from_the_components():
    mixture, others = mixture_of(clusters(30)), clusters(2, seed=1)
    assert len(mixture.centres) == 30 // place_mixture.IMAGES_A_COMPONENT
    assert mixture.penalties.min() == 0
    apart = others.permute(0, 2, 3, 1).numpy()[..., None, :] - mixture.means.astype(np.float32)[..., None, :]
    squares = ((np.einsum("kde,nhwke->nhwkd", mixture.whitening, apart) - mixture.centres) ** 2).sum(axis=-1)
    least = (squares + mixture.penalties).min(axis=-1)
    np.testing.assert_allclose(mixture.distances(others), np.sqrt(least / SIZE), rtol=1e-3)


def test_what_lies_between_two_kinds_of_good_places_is_strange(monkeypatch):
    between = torch.full((1, SIZE, HEIGHT, WIDTH), 22.0)

    def strange() -> float:
        mixture = mixture_of(clusters(30))
        return float(mixture.distances(between).mean() / mixture.distances(clusters(30, seed=1)).mean())

    by_mixture = strange()
    monkeypatch.setattr(place_mixture, "MOST_COMPONENTS", 1)
    assert by_mixture > 2 * strange()


def test_many_places_are_sampled_and_means_are_kept_on_a_coarser_grid():
    sums = PlaceSums(12)
    for image in torch.rand(12, 1, 3, 120, 130):
        sums.add(image)
    assert sums.sample.shape == (12 * 3334, 3)  # 40,000 rounded up
    assert sums.where.max() < 120 * 130
    few = PlaceSums(2)
    few.add(torch.rand(2, 300, 60, 60))
    assert few.sample.shape == (4000, 300)  # 1,200,000 numbers, more than a quarter of the places
    assert mixture_of(torch.linspace(0, 1, 120)[:, None].expand(4, 3, 120, 130)).means.shape == (59, 64, 3)


def test_places_that_differ_by_chance_share_a_mean_and_others_keep_their_own():
    anyhow, alike = places(30), places(30, alike=True)
    own, common = alike.mean(dim=0).permute(1, 2, 0), anyhow.mean(dim=(0, 2, 3))
    assert np.abs(mixture_of(anyhow).means - common.numpy()).max() < 0.25  # they lie up to 2.7 apart
    assert np.abs(mixture_of(alike).means - own.numpy()).max() < 0.5


def test_what_is_good_in_one_place_is_strange_in_another():
    good = places(40, alike=True)
    mixture = mixture_of(good)
    assert mixture.distances(good.flip(3)).mean() > 3 * mixture.distances(good).mean()


def test_a_good_place_is_near_1_and_a_strange_one_farther():
    mixture = mixture_of(places(40))
    strange = places(1, seed=3)
    strange[0, :, 2, 4] += 30
    anomaly_map = mixture.distances(strange)
    assert anomaly_map[0].flatten().argmax() == 2 * WIDTH + 4
    assert anomaly_map.max() / 3 < highest(anomaly_map)[0] < anomaly_map.max()
    assert mixture.distances(places(40, seed=5)).square().mean() == pytest.approx(1.1, abs=0.2)


def test_sums_of_batches_add_up():
    described = places(20, alike=True)
    parts, whole = sums_of(described, at_once=3), sums_of(described)
    assert parts.count == whole.count == 20
    np.testing.assert_allclose(parts.products, whole.products, rtol=1e-5)
    np.testing.assert_allclose(parts.totals, whole.totals, rtol=1e-9)
    np.testing.assert_allclose(
        PlaceMixture.fit(parts).distances(described), PlaceMixture.fit(whole).distances(described), rtol=1e-3
    )


def test_images_that_are_all_alike_are_taken_and_any_other_is_strange():
    same = torch.full((3, SIZE, HEIGHT, WIDTH), 2.0)
    mixture = mixture_of(same)
    assert torch.isfinite(mixture.distances(places(1))).all()
    assert mixture.distances(same).max() < mixture.distances(places(1)).min()


def test_one_image_is_too_few():
    with pytest.raises(TooFewImages, match="at least 2 good images"):
        mixture_of(places(1))


def test_other_features_are_refused():
    with pytest.raises(ModelFileError, match="features"):
        mixture_of(places(2)).distances(places(2)[:, 1:])


def test_it_comes_back_from_its_tensors():
    mixture = mixture_of(places(4))
    again = PlaceMixture.from_tensors(mixture.tensors())
    assert torch.equal(again.distances(places(2)), mixture.distances(places(2)))


def test_the_three_highest_places_are_averaged():
    anomaly_map = torch.zeros(1, 20, 20)
    anomaly_map[0, 3, 3:7] = torch.tensor([4.0, 3.0, 2.0, 1.0])
    assert highest(anomaly_map).tolist() == [3.0]
    assert highest(torch.ones(2, 1, 2)).tolist() == [1.0, 1.0]
