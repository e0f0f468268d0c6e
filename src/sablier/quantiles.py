"""Quantiles of the beta and gamma distributions of whole-numbered shape, by bisection, with NumPy alone.

They are the probabilities of binomial and Poisson tails, which are sums: I_x(a, b) = P(Bin(a + b - 1, x) >= a) and P(n, m) =
P(Poisson(m) >= n).
"""

from collections.abc import Callable
from functools import lru_cache
from math import lgamma

import numpy as np

from sablier.typing import Array

HALVINGS = 200  # at most; the interval stops shrinking before


@lru_cache(256)  # every call of `detect` states the same promise
def beta_quantile(a: int, b: int, probability: float) -> float:
    """Return the quantile of the beta distribution.

    Args:
        a, b: its parameters, whole numbers of at least 1.
        probability: from 0.001 to 0.999, where the relative error is below 1e-9.

    >>> round(beta_quantile(5, 95, 0.95), 6)
    0.090074
    """
    trials = a + b - 1
    successes = np.arange(a, trials + 1)
    binomials = np.array([lgamma(trials + 1) - lgamma(k + 1) - lgamma(trials - k + 1) for k in successes.tolist()])

    def below(share: Array) -> Array:
        logs = binomials + successes * np.log(share[:, None]) + (trials - successes) * np.log1p(-share[:, None])
        return np.asarray(np.exp(logs).sum(axis=1))

    return float(_inverse(below, probability, np.zeros(1), np.ones(1))[0])


def poisson_means(counts: Array, probability: float) -> Array:
    """Return for each of N whole numbers n from 1 on the mean m for which P(Poisson(m) >= n) is `probability`.

    That is the quantile of the gamma distribution of shape n.

    Args:
        counts: N numbers n.
        probability: less than a half, so that every mean is below its n.

    >>> poisson_means(np.array([1, 10]), 0.003).round(4).tolist()
    [0.003, 3.4501]
    """
    numbers = np.asarray(counts, np.float64)
    factorials = np.array([lgamma(n + 1) for n in numbers.tolist()])

    def at_least(means: Array) -> Array:
        # The terms of the tail fall from one to the next by at least m / (n + 1).
        term = np.exp(numbers * np.log(means) - means - factorials)
        total, k = term.copy(), 0
        while (term > 1e-17 * total).any():
            k += 1
            term = term * means / (numbers + k)
            total += term
        return np.asarray(total)

    return _inverse(at_least, probability, np.zeros(len(numbers)), numbers)


def _inverse(rising: Callable[[Array], Array], value: float, low: Array, high: Array) -> Array:
    """Return N: where a rising function of each of N numbers has a value, between two bounds."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if ((middle == low) | (middle == high)).all():
            break
        below = rising(middle) < value
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)
