"""Encode a stream of images, and say what the codes are worth beside those of PCA with as many numbers.

Three questions, answered on images that answered nothing before: how closely are images drawn again from the code, which
share of their variance does that explain, and, where labels exist, do simple readers find them in the code? A linear
probe (multinomial logistic regression on standardised codes) and the vote of the 5 nearest codes. Labels are never shown
to the encoder: they only ask what it has learnt (Alain and Bengio 2016).
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

MOST_COMPARED = 12_000  # images drawn evenly from the stream, on which the codes are compared with PCA's
TRAINING_SHARE = 2 / 3  # of them; the others score
NEIGHBOURS = 5
MOST_PROBE_STEPS = 1000


@dataclass(frozen=True)
class Encoding:
    """What one way to encode images is worth.

    Args:
        method: "PCA", or "model".
        mse: mean squared error of pixels in [0, 1] when images are drawn again from the code; None without a decoder.
        explained: the share of the variance of the pixels that this explains: 1 is all of it, 0 what the mean image does.
        linear_probe, knn5: shares of labels that a linear probe and the 5 nearest codes find; None without labels.
    """

    method: str
    mse: float | None
    explained: float | None
    linear_probe: float | None = None
    knn5: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The model's codes beside PCA's, of as many numbers, on the same images.

    Args:
        numbers: how many numbers a code has.
        trained_on, scored_on: how many images PCA and the readers of labels learnt from, and how many others were scored.
        rows: one for each way to encode.
    """

    numbers: int
    trained_on: int
    scored_on: int
    rows: tuple[Encoding, ...]

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row for each way to encode."""
        return [asdict(row) for row in self.rows]

    def to_json(self) -> dict[str, Any]:
        """Return everything."""
        return {**asdict(self), "rows": self.to_table()}


@dataclass(frozen=True)
class EmbeddingResult:
    """The codes of a stream of images.

    Args:
        latents: the codes.
        comparison: with PCA; None where there are too few images for one.
        skipped, skipped_count: images that could not be read, at most 1,000 of them, and how many there were.
        network: which network encoded, where the model file holds several; otherwise "".
    """

    latents: Latents
    comparison: Comparison | None
    skipped: tuple[Skipped, ...] = ()
    skipped_count: int = 0
    network: str = ""

    def __len__(self) -> int:
        return len(self.latents)

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image: its name, its label where it has one, its code."""
        return self.latents.to_table()

    def to_json(self) -> dict[str, Any]:
        """Return everything but the codes."""
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
    """Encodes chunk by chunk; of the stream it keeps the codes, and a bounded number of images to compare on.

    Args:
        model, preprocess: a network that can encode, and what is done to an image before.
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
        """Encode one chunk, remember its codes, and return them."""
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
            TooFewImages: where no image could be read.
        """
        if not self.count:
            reasons = "; ".join(f"{item.id}: {item.reason}" for item in self.skipped[:3])
            raise TooFewImages(f"expected at least one readable image to encode, got none. {reasons}")
        latents = joined(self.parts, fingerprint(self.model, self.preprocess))
        sample = self.sample.images() if self.sample is not None else None
        compared = None if sample is None else compare_with_pca(self.model, self.preprocess, sample, self.seed)
        return EmbeddingResult(latents, compared, tuple(self.skipped), self.skipped_count)


def joined(parts: list[Latents], model: str) -> Latents:
    """Return the codes of several chunks as one; labels survive where every chunk has them."""
    labels = [part.labels for part in parts if part.labels is not None]
    return Latents(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.codes for part in parts]),
        np.concatenate(labels) if len(labels) == len(parts) else None,
        model,
    )


def compare_with_pca(model: Model, preprocess: Preprocess, images: ImageSet, seed: int = 0) -> Comparison | None:
    """Compare codes with those of PCA: both are read on images that neither PCA nor the readers have seen.

    Returns:
        The comparison; None for images too few to fit PCA of so many numbers on two thirds of them.
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
    """Return the share of new labels that a linear reader of the codes finds.

    It is scikit-learn's multinomial logistic regression, with its default penalty, on codes that are standardised by the
    mean and spread of those it learns from.

    >>> codes = np.array([[0.0], [0.1], [1.0], [1.1]])
    >>> linear_probe(codes, np.array(["a", "a", "b", "b"]), np.array([[0.2], [0.9]]), np.array(["a", "b"]))
    1.0
    """
    from sklearn.linear_model import LogisticRegression

    centre, spread = codes.mean(axis=0), codes.std(axis=0) + 1e-6
    probe = LogisticRegression(max_iter=MOST_PROBE_STEPS, random_state=seed).fit((codes - centre) / spread, labels)
    return float(probe.score((new_codes - centre) / spread, new_labels))


def nearest_neighbours(codes: Array, labels: Array, new_codes: Array, new_labels: Array) -> float:
    """Return the share of new labels that the vote of the 5 nearest codes finds, by Euclidean distance."""
    from sklearn.neighbors import KNeighborsClassifier

    voters = KNeighborsClassifier(min(NEIGHBOURS, len(codes)), algorithm="brute").fit(codes, labels)
    return float(voters.score(new_codes, new_labels))


class _EvenSample:
    """Keeps `most` images of a stream, each with the same chance: those that drew the lowest lots."""

    def __init__(self, most: int, seed: int) -> None:
        self.most, self.random = most, np.random.default_rng(seed)
        self.kept: list[ImageSet] = []
        self.lots = np.empty(0)
        self.bar = np.inf  # lots above it are beaten by enough others already

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
