"""A mixture of Gaussians over the codes of training images, fitted after the autoencoder is trained.

A plain autoencoder does not tell which codes belong to images. The mixture does: new codes are sampled from it, codes are
varied by it, and an unlikely code is outside of the training data (Ghosh et al. 2020).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sablier.errors import ConfigError, ImagesError, ModelFileError, TooFewImages
from sablier.modelfile import ModelFile, Part
from sablier.typing import Array

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

PART = "mixture"  # of the model file
KINDS = ("full", "diag")  # of covariance that are tried
MOST_HELD_OUT = 2000
HELD_OUT_SHARE = 0.15
FEWEST_TO_HOLD_OUT = 10
MOST_NUMBERS = 256  # of a code: longer ones hardly compress, and their covariances would be larger than the network
MOST_COMPONENTS = 512
FEWEST_PER_COMPONENT = 5
ROUNDS = 12  # of EM after each doubling: the components start from the fit before
WORK = 140_000  # multiplications per code and round of EM, at most: 128 full covariances of 32 numbers
RIDGE = 1e-3  # added to variances, in units of the variance of each number
WORTH = 0.005  # nats per number by which a mixture of twice the size must be better on held-out codes


@dataclass(frozen=True)
class LatentMixture:
    """K Gaussians over codes of D numbers.

    Args:
        weights: K shares that sum to 1.
        means: K,D.
        factors: K,D,D: lower triangular Cholesky factors of the covariances.
        held_out: sorted log-likelihoods, in nats, of codes that the mixture was not fitted to.
        kind: "full" or "diag": which covariances were fitted.

    >>> codes = np.random.default_rng(0).normal(size=(300, 2)) + np.repeat([[0, 0], [9, 9], [0, 9]], 100, axis=0)
    >>> mixture = fitted_mixture(codes)
    >>> mixture.sample(5, seed=1).shape, float(mixture.p_values(np.array([[50.0, -50.0]]))[0]) < 0.05
    ((5, 2), True)
    """

    weights: Array
    means: Array
    factors: Array
    held_out: Array
    kind: str = "full"

    @property
    def components(self) -> int:
        """The number of Gaussians."""
        return len(self.weights)

    @property
    def numbers(self) -> int:
        """The length of a code."""
        return int(self.means.shape[1])

    def sample(self, count: int, seed: int = 0) -> Array:
        """Sample new codes, count,D float32; the same seed gives the same.

        Raises:
            ConfigError: for a count below 1.
        """
        if count < 1:
            raise ConfigError(f"expected to draw at least 1 code, got {count}.")
        random = np.random.default_rng(seed)
        drawn = random.choice(self.components, count, p=self.weights)
        return self._moved(np.zeros((count, self.numbers)), drawn, random, strength=1.0)

    def variations(self, codes: Array, strength: float, seed: int = 0) -> Array:
        """Vary each of N,D codes; return N,D float32.

        The Gaussian of a code is sampled by its membership. The code is then shrunk towards the mean of that Gaussian, and
        noise of its covariance restores the spread (the autoregressive step of Neal 1998). Codes that follow the mixture
        still do so afterwards, whatever the strength.

        Args:
            strength: from 0, the code itself, to 1, any other of the same Gaussian.

        Raises:
            ConfigError: for another strength; ImagesError for codes of another length.
        """
        if not 0 <= strength <= 1:
            raise ConfigError(f"expected a strength from 0 to 1, got {strength:g}.")
        random = np.random.default_rng(seed)
        drawn = (self.memberships(codes).cumsum(axis=1) > random.random((len(codes), 1))).argmax(axis=1)
        return self._moved(np.asarray(codes, np.float64) - self.means[drawn], drawn, random, strength)

    def log_likelihood(self, codes: Array) -> Array:
        """Return N: the log density at each of N,D codes, in nats.

        Raises:
            ImagesError: for codes of another length, or that are not finite.
        """
        return np.asarray(np.logaddexp.reduce(self._joint(codes), axis=1))

    def memberships(self, codes: Array) -> Array:
        """Return N,K: the probability that each of N,D codes comes from each Gaussian; rows sum to 1."""
        joint = self._joint(codes)
        return np.asarray(np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True)))

    def p_values(self, codes: Array) -> Array:
        """Return N p-values of codes: the share of held-out codes that are no more likely.

        Codes with small ones are outside the data. The smallest possible is 1 over the number of held-out codes plus 1.
        """
        as_unlikely = np.searchsorted(self.held_out, self.log_likelihood(codes), side="right")
        return np.asarray((as_unlikely + 1) / (len(self.held_out) + 1))

    def gaussian(self) -> "LatentMixture":
        """Return one Gaussian with the same mean and covariance, for comparison."""
        mean = self.weights @ self.means
        centred = self.means - mean
        within = np.einsum("k,kij,klj->il", self.weights, self.factors, self.factors)
        covariance = within + np.einsum("k,ki,kj->ij", self.weights, centred, centred)
        return LatentMixture(np.ones(1), mean[None], np.linalg.cholesky(covariance)[None], self.held_out[:0])

    def part(self) -> Part:
        """Return the part of a model file that keeps the mixture."""
        return Part("latent_mixture", {"kind": self.kind}, self.tensors())

    def tensors(self) -> dict[str, Array]:
        """Return the arrays to keep, by name; float32, except the weights."""
        small = {name: getattr(self, name).astype(np.float32) for name in ("means", "factors", "held_out")}
        return {"weights": self.weights, **small}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Array], kind: str = "full") -> "LatentMixture":
        """Return the mixture that `tensors` kept.

        Raises:
            KeyError, ValueError: if an array is missing, or they do not fit together.
        """
        weights, means, factors, held_out = (
            np.asarray(tensors[name], np.float64) for name in ("weights", "means", "factors", "held_out")
        )
        if factors.shape != (len(weights), means.shape[1], means.shape[1]) or len(means) != len(weights):
            raise ValueError(f"a mixture of {len(weights)} Gaussians has means {means.shape} and factors {factors.shape}")
        return cls(weights / weights.sum(), means, factors, held_out, kind)

    def _moved(self, centred: Array, drawn: Array, random: np.random.Generator, strength: float) -> Array:
        """Return codes after a step of `strength` around the means of the sampled Gaussians."""
        noise = random.standard_normal(centred.shape)
        moved = np.sqrt(1 - strength**2) * centred + self.means[drawn]
        for component in np.unique(drawn):
            rows = drawn == component
            moved[rows] += strength * noise[rows] @ self.factors[component].T
        return np.asarray(moved.astype(np.float32))

    def _joint(self, codes: Array) -> Array:
        """Return N,K: the log density of each Gaussian at each code, times its share."""
        from scipy.linalg import solve_triangular

        codes = np.asarray(codes, np.float64)
        if codes.ndim != 2 or codes.shape[1] != self.numbers:
            raise ImagesError(f"expected codes of shape N,{self.numbers}, got {codes.shape}. Are they of another model?")
        if not np.isfinite(codes).all():
            raise ImagesError("expected finite codes, got NaN or infinity.")
        found = np.empty((len(codes), self.components))
        for index, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            white = solve_triangular(factor, (codes - mean).T, lower=True, check_finite=False)
            found[:, index] = -0.5 * (white**2).sum(axis=0) - np.log(np.diagonal(factor)).sum()
        with np.errstate(divide="ignore"):  # a share of 0
            return np.asarray(found + np.log(self.weights) - 0.5 * self.numbers * np.log(2 * np.pi))


def mixture_of(file: ModelFile) -> LatentMixture | None:
    """Return the mixture of a model file; None if it keeps none.

    Raises:
        ModelFileError: for a mixture whose parts do not fit together.
    """
    part = file.parts.get(PART)
    if part is None:
        return None
    try:
        return LatentMixture.from_tensors(part.tensors, str(part.config["kind"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"the model file lacks a part of the mixture of its codes: {error}.") from error


def fitted_mixture(codes: Array, seed: int = 0) -> LatentMixture:
    """Fit a mixture to N,D codes; held-out codes decide the number of Gaussians and their kind of covariance.

    The number is doubled as long as held-out codes become clearly more likely: each Gaussian is split in two along its
    longest axis, and EM continues from there (Dempster, Laird and Rubin 1977).

    Raises:
        TooFewImages: for fewer than 2 codes.
        ImagesError: for codes that are not finite, or of more than 256 numbers.
    """
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or len(codes) < 2:
        raise TooFewImages(f"expected at least 2 codes to fit a mixture to, got {codes.shape}.")
    if codes.shape[1] > MOST_NUMBERS or not np.isfinite(codes).all():
        raise ImagesError(f"expected finite codes of at most {MOST_NUMBERS} numbers to fit a mixture to, got {codes.shape}.")
    order = np.random.default_rng(seed).permutation(len(codes))
    # A handful is too few to hold any out.
    apart = min(MOST_HELD_OUT, round(HELD_OUT_SHARE * len(codes))) if len(codes) >= FEWEST_TO_HOLD_OUT else 0
    fitting = codes[order[apart:]]
    held_out = codes[order[:apart]] if apart else fitting
    centre, spread = fitting.mean(axis=0), np.maximum(fitting.std(axis=0), 1e-6)
    scaled, apart_scaled = (fitting - centre) / spread, (held_out - centre) / spread
    kind, best = max(
        ((kind, _grown(scaled, apart_scaled, kind, seed)) for kind in KINDS), key=lambda pair: pair[1].score(apart_scaled)
    )
    factors = np.linalg.cholesky(_covariances(best)) * spread[:, None]
    mixture = LatentMixture(best.weights_ / best.weights_.sum(), best.means_ * spread + centre, factors, np.empty(0), kind)
    return LatentMixture(mixture.weights, mixture.means, factors, np.sort(mixture.log_likelihood(held_out)), kind)


def _grown(codes: Array, held_out: Array, kind: str, seed: int) -> "GaussianMixture":
    """Return the mixture of one kind with the highest likelihood of held-out codes."""
    best = _fit(codes, kind, seed, None)
    score = best.score(held_out)
    while True:
        count = 2 * best.n_components
        work = count * codes.shape[1] ** (2 if kind == "full" else 1)
        if count > min(MOST_COMPONENTS, len(codes) // FEWEST_PER_COMPONENT) or work > WORK:
            return best
        split = _fit(codes, kind, seed, best)
        found = split.score(held_out)
        if not found > score + WORTH * codes.shape[1]:
            return best
        best, score = split, found


def _fit(codes: Array, kind: str, seed: int, before: "GaussianMixture | None") -> "GaussianMixture":
    """Return one Gaussian, or twice as many as `before` has."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    start: dict[str, Any] = {"n_components": 1}
    if before is not None:
        values, axes = np.linalg.eigh(_covariances(before))
        step = 0.7 * np.sqrt(values[:, -1:]) * axes[:, :, -1]
        precisions = np.linalg.inv(_covariances(before)) if kind == "full" else 1 / before.covariances_
        start = {
            "n_components": 2 * before.n_components,
            "weights_init": np.tile(before.weights_, 2) / (2 * before.weights_.sum()),
            "means_init": np.concatenate([before.means_ - step, before.means_ + step]),
            "precisions_init": np.concatenate([precisions, precisions]),
        }
    with warnings.catch_warnings():
        # A dozen rounds show whether the split is useful; the next one continues from there.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(covariance_type=kind, reg_covar=RIDGE, max_iter=ROUNDS, random_state=seed, **start).fit(codes)


def _covariances(mixture: "GaussianMixture") -> Array:
    """Return K,D,D."""
    found = mixture.covariances_
    return np.asarray(found if found.ndim == 3 else found[:, :, None] * np.eye(found.shape[1]))
