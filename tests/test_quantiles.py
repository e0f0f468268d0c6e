"""Quantiles by bisection, against scipy's."""

import numpy as np
import pytest
from scipy.special import betaincinv, gammaincinv

from sablier.quantiles import beta_quantile, poisson_means


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 19), (5, 95), (100, 1901), (1, 2000), (1500, 501), (1999, 2), (500, 9501)])
@pytest.mark.parametrize("probability", [0.001, 0.005, 0.05, 0.5, 0.95, 0.999])
def test_the_beta_quantile_is_that_of_scipy(a, b, probability):
    assert beta_quantile(a, b, probability) == pytest.approx(betaincinv(a, b, probability), rel=1e-9)


@pytest.mark.parametrize("probability", [1e-5, 0.003, 0.1, 0.4])
def test_the_poisson_means_are_gamma_quantiles_of_scipy(probability):
    counts = np.arange(1, 513)
    np.testing.assert_allclose(poisson_means(counts, probability), gammaincinv(counts, probability), rtol=1e-9)
