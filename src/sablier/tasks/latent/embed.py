"""Encode a stream of images, and compare the codes with PCA of as many numbers.

On images held out from the comparison's fits: the reconstruction error, the share of variance that it explains and, with
labels, how well these are predicted from the code. The predictors are a linear probe (multinomial logistic regression on
standardised codes; Alain and Bengio 2016) and the vote of the 5 nearest codes. The encoder is never trained on labels.
"""

from dataclasses import asdict, dataclass, replace
from math import prod
from typing import Any

import numpy as np

from sablier.errors import TooFewImages
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.latent.latents import Latents, fingerprint
from sablier.tasks.latent.reconstruct import (
    MOST_PCA_VALUES,
    decode,
    encode,
    fitted_pca,
    latent_size,
    reconstructed_by_pca,
    squared_errors,
)
from sablier.tasks.streaming import MOST_SKIPPED_LISTED
from sablier.typing import Array

MOST_COMPARED = 12_000  # an even sample of the stream, on which the codes are compared with PCA
TRAINING_SHARE = 2 / 3  # of them; the others are scored
NEIGHBOURS = 5
MOST_PROBE_STEPS = 1000


@dataclass(frozen=True)
class Encoding:
    """The quality of one encoding.

    Args:
        method: "PCA", or "model".
        mse: mean squared error of pixels in [0, 1] of images decoded from the code; None without a decoder.
        explained: the explained share of the variance of the pixels: 1 is all of it, 0 that of the mean image.
        linear_probe, knn5: accuracies of a linear probe and of the 5 nearest codes; None without labels.
    """

    method: str
    mse: float | None
    explained: float | None
    linear_probe: float | None = None
    knn5: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The model's codes next to PCA of as many numbers, on the same images.

    Args:
        numbers: the length of a code.
        trained_on, scored_on: how many images PCA and the predictors of labels were fitted to, and how many others were
            scored.
        rows: one for each encoding.
    """

    numbers: int
    trained_on: int
    scored_on: int
    rows: tuple[Encoding, ...]

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row for each encoding."""
        return [asdict(row) for row in self.rows]

    def to_json(self) -> dict[str, Any]:
        """Return everything."""
        return {**asdict(self), "rows": self.to_table()}


@dataclass(frozen=True)
class EmbeddingResult:
    """The codes of a stream of images.

    Args:
        latents: the codes.
        comparison: with PCA; None if there are too few images.
        skipped, skipped_count: images that could not be read, at most 1,000 of them, and how many there were.
        network: which network encoded, if the model file holds several; otherwise "".
    """

    latents: Latents
    comparison: Comparison | None
    skipped: tuple[Skipped, ...] = ()
    skipped_count: int = 0
    network: str = ""

    def __len__(self) -> int:
        return len(self.latents)

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image: its name, its label if it has one, its code."""
        return self.latents.to_table()

    def to_json(self) -> dict[str, Any]:
        """Return everything except the codes."""
        return {
            "images": len(self),
            "numbers": self.latents.numbers,
            "model": self.latents.model,
            "network": self.network,
            "comparison": None if self.comparison is None else self.comparison.to_json(),
            "skipped": [asdict(item) for item in self.skipped],
            "skipped_count": self.skipped_count,
        }


class Embedder:
    """Encodes chunk by chunk; keeps the codes, and a bounded sample of images for the comparison.

    Args:
        model, preprocess: a network that can encode, and its preprocessing.
        compare: whether to compare with PCA.
    """

    def __init__(self, model: Model, preprocess: Preprocess, compare: bool = True, seed: int = 0) -> None:
        self.model, self.preprocess, self.seed = model, preprocess, seed
        most = min(MOST_COMPARED, MOST_PCA_VALUES // prod(model.shape))
        self.sample = _EvenSample(max(most, 2), seed) if compare else None
        self.numbers = latent_size(model, preprocess)
        self.parts: list[Latents] = []
        self.skipped: list[Skipped] = []
        self.count = self.skipped_count = 0

    def add(self, images: ImageSet) -> Latents:
        """Encode one chunk, keep its codes, and return them."""
        dense = images.dense(self.preprocess)
        latents = Latents(dense.ids, encode(self.model, self.preprocess, dense), dense.labels)
        self.parts.append(latents)
        self.count += len(latents)
        self.skipped_count += len(dense.skipped)
        self.skipped = [*self.skipped, *dense.skipped][:MOST_SKIPPED_LISTED]
        if self.sample is not None:
            self.sample.add(dense)
        return latents

    def result(self) -> EmbeddingResult:
        """Return the codes of everything so far, and the comparison.

        Raises:
            TooFewImages: if no image could be read.
        """
        if not self.count:
            reasons = "; ".join(f"{item.id}: {item.reason}" for item in self.skipped[:3])
            raise TooFewImages(f"expected at least one readable image to encode, got none. {reasons}")
        latents = joined(self.parts, fingerprint(self.model, self.preprocess))
        sample = self.sample.images() if self.sample is not None else None
        compared = None if sample is None else compare_with_pca(self.model, self.preprocess, sample, self.seed)
        return EmbeddingResult(latents, compared, tuple(self.skipped), self.skipped_count)


def joined(parts: list[Latents], model: str) -> Latents:
    """Return the codes of several chunks as one; labels are kept if every chunk has them."""
    labels = [part.labels for part in parts if part.labels is not None]
    return Latents(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.codes for part in parts]),
        np.concatenate(labels) if len(labels) == len(parts) else None,
        model,
    )


def compare_with_pca(model: Model, preprocess: Preprocess, images: ImageSet, seed: int = 0) -> Comparison | None:
    """Compare codes with those of PCA, on images that neither PCA nor the predictors were fitted to.

    Returns:
        The comparison; None if there are too few images to fit PCA of so many numbers to two thirds of them.
    """
    numbers = latent_size(model, preprocess)
    order = np.random.default_rng(seed).permutation(len(images))
    known, fresh = (images.take(np.sort(part)) for part in np.split(order, [int(TRAINING_SHARE * len(order))]))
    if len(known) <= numbers or not len(fresh):
        return None
    pca = fitted_pca(known, preprocess, numbers, seed)
    pixels = preprocess.to_unit(fresh.array)
    spread = float(((pixels - preprocess.to_unit(known.array).mean(axis=0)) ** 2).mean(dtype=np.float64))
    flat = [preprocess.to_unit(part.array).reshape(len(part), -1) for part in (known, fresh)]
    codes = {"PCA": [pca.transform(each) for each in flat], "model": [encode(model, preprocess, part) for part in (known, fresh)]}
    drawn = {"PCA": reconstructed_by_pca(pca, pixels)}
    if "decode" in model.capabilities:
        drawn["model"] = decode(model, preprocess, codes["model"][1])
    rows = []
    for method, (learnt, scored) in codes.items():
        error = float(squared_errors(pixels, drawn[method]).mean()) if method in drawn else None
        explained = None if error is None or not spread else 1 - error / spread
        probe = neighbours = None
        if known.labels is not None and fresh.labels is not None and len(np.unique(known.labels)) > 1:
            probe = linear_probe(learnt, known.labels, scored, fresh.labels, seed)
            neighbours = nearest_neighbours(learnt, known.labels, scored, fresh.labels)
        rows.append(Encoding(method, error, explained, probe, neighbours))
    return Comparison(numbers, len(known), len(fresh), tuple(rows))


def linear_probe(codes: Array, labels: Array, new_codes: Array, new_labels: Array, seed: int = 0) -> float:
    """Return the accuracy of a linear predictor of labels from codes.

    It is scikit-learn's multinomial logistic regression, with its default penalty, on codes that are standardised by the
    mean and spread of its training codes.

    >>> codes = np.array([[0.0], [0.1], [1.0], [1.1]])
    >>> linear_probe(codes, np.array(["a", "a", "b", "b"]), np.array([[0.2], [0.9]]), np.array(["a", "b"]))
    1.0
    """
    from sklearn.linear_model import LogisticRegression

    centre, spread = codes.mean(axis=0), codes.std(axis=0) + 1e-6
    probe = LogisticRegression(max_iter=MOST_PROBE_STEPS, random_state=seed).fit((codes - centre) / spread, labels)
    return float(probe.score((new_codes - centre) / spread, new_labels))


def nearest_neighbours(codes: Array, labels: Array, new_codes: Array, new_labels: Array) -> float:
    """Return the accuracy of the vote of the 5 nearest codes, by Euclidean distance."""
    from sklearn.neighbors import KNeighborsClassifier

    voters = KNeighborsClassifier(min(NEIGHBOURS, len(codes)), algorithm="brute").fit(codes, labels)
    return float(voters.score(new_codes, new_labels))


class _EvenSample:
    """Keeps a uniform sample of `most` images of a stream: those with the lowest random keys."""

    def __init__(self, most: int, seed: int) -> None:
        self.most, self.random = most, np.random.default_rng(seed)
        self.kept: list[ImageSet] = []
        self.lots = np.empty(0)
        self.bar = np.inf  # keys above it are too high already

    def add(self, images: ImageSet) -> None:
        lots = self.random.random(len(images))
        chosen = lots < self.bar
        self.kept.append(replace(images.take(chosen), skipped=()))
        self.lots = np.r_[self.lots, lots[chosen]]
        if len(self.lots) > 2 * self.most:  # not at every chunk: joining copies all of them
            self._prune()

    def images(self) -> ImageSet:
        """Return the sample, in the order of the stream."""
        self._prune()
        return self.kept[0]

    def _prune(self) -> None:
        lowest = np.sort(np.argsort(self.lots, kind="stable")[: self.most])
        self.kept = [ImageSet.concatenate(self.kept).take(lowest)]
        self.lots = self.lots[lowest]
        if len(lowest) == self.most:
            self.bar = float(self.lots.max())
