"""The mixture over codes: its size is chosen on held-out codes, it draws what it was fitted to, and it survives the file."""

import numpy as np
import pytest

from sablier.errors import ConfigError, ImagesError, TooFewImages
from sablier.tasks.latent.mixture import MOST_NUMBERS, LatentMixture, fitted_mixture


def clumps(count: int, centres: np.ndarray, spread: float = 0.3, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return centres[random.integers(len(centres), size=count)] + spread * random.normal(size=(count, centres.shape[1]))


CENTRES = np.array([[0.0, 0, 0], [5, 0, 0], [0, 5, 0], [0, 0, 5]])


@pytest.fixture(scope="module")
def mixture():
    return fitted_mixture(clumps(2000, CENTRES))


def test_clumps_take_several_gaussians_and_one_cloud_takes_one(mixture):
    assert 4 <= mixture.components <= 8
    assert fitted_mixture(np.random.default_rng(0).normal(size=(2000, 3)) * [1, 5, 0.1]).components == 1


def test_what_leans_takes_full_covariances_and_what_does_not_takes_fewer_numbers():
    random = np.random.default_rng(0)
    leaning = random.normal(size=(1500, 6)) @ random.normal(size=(6, 6))
    assert fitted_mixture(leaning).kind == "full"
    assert fitted_mixture(clumps(400, 6 * random.normal(size=(8, 12)))).kind == "diag"


def test_new_codes_lie_where_those_of_training_do(mixture):
    drawn, codes = mixture.sample(4000, seed=1), clumps(4000, CENTRES, seed=5)
    nearest = np.linalg.norm(drawn[:, None] - CENTRES, axis=2).min(axis=1)
    assert np.quantile(nearest, 0.95) == pytest.approx(
        np.quantile(np.linalg.norm(codes[:, None] - CENTRES, axis=2).min(axis=1), 0.95), rel=0.1
    )
    assert np.allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.3)
    assert np.array_equal(drawn, mixture.sample(4000, seed=1))
    assert not np.array_equal(drawn, mixture.sample(4000, seed=2))


def test_one_gaussian_has_the_same_mean_and_covariance_and_is_less_likely(mixture):
    codes, single = clumps(4000, CENTRES, seed=5), mixture.gaussian()
    assert single.components == 1
    assert np.allclose(single.means[0], codes.mean(axis=0), atol=0.2)
    assert np.allclose(single.factors[0] @ single.factors[0].T, np.cov(codes.T), atol=0.3)
    assert mixture.log_likelihood(codes).mean() > single.log_likelihood(codes).mean() + 1


def test_likelihoods_are_those_of_scipy(mixture):
    from scipy.stats import multivariate_normal

    codes = clumps(5, CENTRES, seed=3)
    parts = [
        share * multivariate_normal(mean, factor @ factor.T).pdf(codes)
        for share, mean, factor in zip(mixture.weights, mixture.means, mixture.factors, strict=True)
    ]
    assert np.allclose(mixture.log_likelihood(codes), np.log(np.sum(parts, axis=0)))
    assert np.allclose(mixture.memberships(codes), (np.array(parts) / np.sum(parts, axis=0)).T)


def test_p_values_of_new_codes_are_spread_evenly_and_those_far_out_are_small(mixture):
    p_values = mixture.p_values(clumps(3000, CENTRES, seed=9))
    for share in (0.05, 0.5):
        assert (p_values <= share).mean() == pytest.approx(share, abs=0.08)
    assert np.allclose(mixture.p_values(np.array([[30.0, 30, 30], [2.5, 2.5, 2.5]])), 1 / (len(mixture.held_out) + 1))


def test_variations_move_by_their_strength_and_keep_to_the_mixture(mixture):
    codes = mixture.sample(3000, seed=3)
    assert np.allclose(mixture.variations(codes, 0.0), codes, atol=1e-5)
    distances = [np.linalg.norm(mixture.variations(codes, strength, seed=4) - codes, axis=1).mean() for strength in (0.2, 0.5, 1)]
    assert distances[0] < distances[1] < distances[2] < 1.5  # never into another clump
    moved = mixture.variations(codes, 0.7, seed=4)
    assert mixture.log_likelihood(moved).mean() == pytest.approx(mixture.log_likelihood(codes).mean(), abs=0.1)


def test_the_file_keeps_it(mixture):
    again = LatentMixture.from_tensors(mixture.tensors(), mixture.kind)
    codes = clumps(50, CENTRES, seed=2)
    assert np.allclose(again.log_likelihood(codes), mixture.log_likelihood(codes), atol=1e-4)
    assert np.allclose(again.sample(20, seed=1), mixture.sample(20, seed=1), atol=1e-4)
    torn = mixture.tensors() | {"means": mixture.means[:1]}
    with pytest.raises(ValueError, match="a mixture of"):
        LatentMixture.from_tensors(torn)


@pytest.mark.parametrize("count", [2, 3, 9, 11, 40])
def test_a_few_codes_are_enough_to_draw_from(count):
    codes = np.random.default_rng(0).normal(size=(count, 5))
    mixture = fitted_mixture(codes)
    assert np.isfinite(mixture.sample(100)).all()
    assert ((mixture.p_values(codes) > 0) & (mixture.p_values(codes) <= 1)).all()


def test_numbers_that_never_change_do_no_harm():
    codes = clumps(500, CENTRES)
    codes[:, 1] = 3.25
    drawn = fitted_mixture(codes).sample(200)
    assert np.allclose(drawn[:, 1], 3.25, atol=1e-3)


def test_what_cannot_be_done_is_said(mixture):
    with pytest.raises(TooFewImages, match="at least 2 codes"):
        fitted_mixture(np.zeros((1, 3)))
    with pytest.raises(ImagesError, match=f"at most {MOST_NUMBERS} numbers"):
        fitted_mixture(np.zeros((5, MOST_NUMBERS + 1)))
    with pytest.raises(ImagesError, match="finite"):
        fitted_mixture(np.full((5, 3), np.nan))
    with pytest.raises(ConfigError, match="at least 1 code, got 0"):
        mixture.sample(0)
    with pytest.raises(ConfigError, match="from 0 to 1, got 2"):
        mixture.variations(CENTRES, 2.0)
    with pytest.raises(ImagesError, match=r"shape N,3, got \(4, 2\)"):
        mixture.log_likelihood(CENTRES[:, :2])
    with pytest.raises(ImagesError, match="finite codes"):
        mixture.p_values(np.full((1, 3), np.inf))
