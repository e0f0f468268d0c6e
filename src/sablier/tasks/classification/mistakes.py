"""Where labels and a classifier disagree: the images to look at first, and how many labels are wrong."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet, Skipped
from sablier.tasks.classification.classify import calibration_error
from sablier.tasks.classification.confident_learning import NOWHERE, believed, confident_joint, estimated_counts
from sablier.typing import Array

SMALLEST = 1e-12  # probability below which the loss no longer grows: beyond it there is only rounding
CROSS_VALIDATION, MODEL = "cross-validation", "model"  # where probabilities come from


@dataclass(frozen=True)
class MistakesResult:
    """How far a classifier agrees with the labels of N images.

    Args:
        ids, labels: N names, and the classes they are given.
        classes: K names.
        probabilities: N,K calibrated probabilities; rows add up to 1.
        margin: N, from -1 to 1: how much likelier the label is than the likeliest other class.
        loss: N: the cross-entropy of the label, in nats.
        rank: N whole numbers from 1: in which order to look at the images.
        suspected: N booleans: the label is probably wrong.
        estimated: K,K: how many images labelled as the row are estimated to be of the column.
        probabilities_of: "cross-validation", or "model": by the very model.
        folds: of the cross-validation; 0 without one.
        reason: why it was done so, in words.
        skipped: images that could not be read.
    """

    ids: Array
    labels: Array
    classes: Array
    probabilities: Array
    margin: Array
    loss: Array
    rank: Array
    suspected: Array
    estimated: Array
    probabilities_of: str = MODEL
    folds: int = 0
    reason: str = ""
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def predicted(self) -> Array:
        """N names: the likeliest class of each image."""
        return np.asarray(self.classes[self.probabilities.argmax(axis=1)])

    @property
    def numbers(self) -> Array:
        """N numbers of the classes that images are labelled with."""
        return np.asarray(np.searchsorted(self.classes, self.labels))

    @property
    def rivals(self) -> Array:
        """N numbers of classes: the likeliest besides the label."""
        return rivals(self.probabilities, self.numbers)

    @property
    def wrong(self) -> Array:
        """N booleans: told otherwise than labelled."""
        return np.asarray(self.predicted != self.labels)

    @property
    def order(self) -> Array:
        """N positions, by rank."""
        return np.argsort(self.rank, kind="stable")

    @property
    def accuracy(self) -> float:
        """The share of images that are told as they are labelled."""
        return float(1 - self.wrong.mean())

    @property
    def calibration_error(self) -> float:
        """The expected calibration error, 15 bins."""
        return calibration_error(self.probabilities.max(axis=1), ~self.wrong)

    @property
    def confusion(self) -> Array:
        """K,K whole numbers: the images labelled as the row and told to be of the column."""
        from sklearn.metrics import confusion_matrix

        return np.asarray(confusion_matrix(self.labels, self.predicted, labels=self.classes))

    @property
    def estimated_errors(self) -> float:
        """How many labels are estimated to be wrong."""
        return float(self.estimated.sum() - np.trace(self.estimated))

    def pairs(self) -> list[dict[str, Any]]:
        """Return the pairs of classes that are confused, most often first: label, class told, images, estimated wrong labels."""
        confusion = self.confusion * (1 - np.eye(len(self.classes), dtype=int))
        cells = [divmod(int(cell), len(self.classes)) for cell in np.argsort(-confusion, axis=None, kind="stable")]
        return [
            {
                "label": str(self.classes[given]),
                "predicted": str(self.classes[told]),
                "images": int(confusion[given, told]),
                "estimated_errors": float(self.estimated[given, told]),
            }
            for given, told in cells
            if confusion[given, told]
        ]

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image, those to look at first on top."""
        sure, told = self.probabilities.max(axis=1), self.predicted
        of_label = self.probabilities[np.arange(len(self)), self.numbers]
        return [
            {
                "id": str(self.ids[row]),
                "rank": int(self.rank[row]),
                "label": str(self.labels[row]),
                "predicted": str(told[row]),
                "probability": float(sure[row]),
                "label_probability": float(of_label[row]),
                "margin": float(self.margin[row]),
                "loss": float(self.loss[row]),
                "suspected": bool(self.suspected[row]),
            }
            for row in self.order
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the same, with the confusions, the estimates, and where the probabilities come from."""
        return {
            "images": len(self),
            "probabilities": self.probabilities_of,
            "folds": self.folds,
            "reason": self.reason,
            "accuracy": self.accuracy,
            "calibration_error": self.calibration_error,
            "wrong": int(self.wrong.sum()),
            "suspected": int(self.suspected.sum()),
            "estimated_errors": self.estimated_errors,
            "classes": self.classes.tolist(),
            "confusion": self.confusion.tolist(),
            "estimated": self.estimated.tolist(),
            "pairs": self.pairs(),
            "skipped": [asdict(item) for item in self.skipped],
            "rows": self.to_table(),
        }


def find_mistakes(images: ImageSet, classes: Array, probabilities: Array, **how: Any) -> MistakesResult:
    """Rank labelled images by how far the probabilities contradict their labels.

    Two orders are averaged: by the margin between the label and the likeliest other class, which asks how clear the contradiction
    is, and by the loss, which asks how impossible the label is. An image is suspected where confident learning counts it to
    another class (`confident_learning.py`) and the likeliest class is another as well.

    Args:
        images: with labels, all of them among `classes`.
        classes: K names, sorted.
        probabilities: N,K, by a network that has not learnt from the image.
        how: further fields of the result, which say where the probabilities come from.

    Raises:
        ImagesError: for images without labels, or as many probabilities as there are not images.
    """
    if images.labels is None:
        raise ImagesError(f"expected labels, got none from {images.source}. Name a file of labels with --labels.")
    if probabilities.shape != (len(images), len(classes)):
        raise ImagesError(
            f"expected {len(images)} x {len(classes)} probabilities, got {' x '.join(map(str, probabilities.shape))}."
        )
    numbers = np.searchsorted(classes, images.labels)
    of_label = probabilities[np.arange(len(images)), numbers]
    margin = of_label - probabilities[np.arange(len(images)), rivals(probabilities, numbers)]
    loss = -np.log(of_label.clip(SMALLEST, 1.0))
    believed_classes = believed(probabilities, numbers)
    elsewhere = (believed_classes != numbers) & (believed_classes != NOWHERE)
    joint = confident_joint(numbers, believed_classes, len(classes))
    return MistakesResult(
        ids=images.ids,
        labels=images.labels,
        classes=classes,
        probabilities=probabilities,
        margin=margin,
        loss=loss,
        rank=ranks(margin, loss),
        suspected=elsewhere & (probabilities.argmax(axis=1) != numbers),
        estimated=estimated_counts(joint, numbers),
        skipped=images.skipped,
        **how,
    )


def ranks(margin: Array, loss: Array) -> Array:
    """Return N whole numbers from 1: the order by the mean of two ranks, the smallest margin and the largest loss first.

    >>> ranks(np.array([0.9, -0.8, -0.9]), np.array([0.1, 3.0, 2.0])).tolist()
    [3, 1, 2]
    """
    from scipy.stats import rankdata

    mean = rankdata(margin, "average") + rankdata(-loss, "average")
    found = np.empty(len(margin), np.int64)
    found[np.lexsort((-loss, mean))] = np.arange(1, len(margin) + 1)
    return found


def rivals(probabilities: Array, numbers: Array) -> Array:
    """Return N numbers of classes: the likeliest besides the label."""
    others = np.where(np.arange(probabilities.shape[1]) == np.asarray(numbers)[:, None], -1.0, probabilities)
    return np.asarray(others.argmax(axis=1))
