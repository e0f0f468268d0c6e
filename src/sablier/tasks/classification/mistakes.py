"""Label errors: images whose labels contradict the predictions, ranked, and the number of wrong labels."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet, Skipped
from sablier.tasks.classification.classify import calibration_error
from sablier.tasks.classification.confident_learning import NOWHERE, believed, confident_joint, estimated_counts
from sablier.typing import Array

SMALLEST = 1e-12  # probability below which the loss no longer grows: rounding errors
CROSS_VALIDATION, MODEL = "cross-validation", "model"  # where probabilities come from


@dataclass(frozen=True)
class MistakesResult:
    """How far predictions agree with the labels of N images.

    Args:
        ids, labels: N names, and their labels.
        classes: K names.
        probabilities: N,K calibrated probabilities; rows sum to 1.
        margin: N, from -1 to 1: the probability of the label minus that of the most probable other class.
        loss: N: the cross-entropy of the label, in nats.
        rank: N integers from 1: the order in which to check the images.
        suspected: N booleans: the label is probably wrong.
        estimated: K,K: how many images labelled as the row are estimated to belong to the column.
        probabilities_of: "cross-validation" or "model".
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
        """N names: the most probable class of each image."""
        return np.asarray(self.classes[self.probabilities.argmax(axis=1)])

    @property
    def numbers(self) -> Array:
        """N numbers of the classes of the labels."""
        return np.asarray(np.searchsorted(self.classes, self.labels))

    @property
    def rivals(self) -> Array:
        """N numbers of classes: the most probable one besides the label."""
        return rivals(self.probabilities, self.numbers)

    @property
    def wrong(self) -> Array:
        """N booleans: the predicted class is not the label."""
        return np.asarray(self.predicted != self.labels)

    @property
    def order(self) -> Array:
        """N positions, by rank."""
        return np.argsort(self.rank, kind="stable")

    @property
    def accuracy(self) -> float:
        """The share of images whose predicted class is the label."""
        return float(1 - self.wrong.mean())

    @property
    def calibration_error(self) -> float:
        """The expected calibration error, 15 bins."""
        return calibration_error(self.probabilities.max(axis=1), ~self.wrong)

    @property
    def confusion(self) -> Array:
        """K,K integers: the images labelled as the row and predicted as the column."""
        from sklearn.metrics import confusion_matrix

        return np.asarray(confusion_matrix(self.labels, self.predicted, labels=self.classes))

    @property
    def estimated_errors(self) -> float:
        """The estimated number of wrong labels."""
        return float(self.estimated.sum() - np.trace(self.estimated))

    def pairs(self) -> list[dict[str, Any]]:
        """Return confused pairs of classes, most frequent first: label, predicted class, images, estimated wrong labels."""
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
        """Return one row per image, in the order in which to check them."""
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
        """Return the same, with the confusions, the estimates, and the source of the probabilities."""
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

    The ranks by margin and by loss are averaged: one measures how clear the contradiction is, the other how improbable the
    label is. A label is suspected if confident learning assigns another class (`confident_learning.py`) and the most
    probable class is another one, too.

    Args:
        images: with labels, all of them among `classes`.
        classes: K names, sorted.
        probabilities: N,K, by a network that was not trained on the image.
        how: further fields of the result, on the source of the probabilities.

    Raises:
        ImagesError: for images without labels, or another number of probabilities.
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
    """Return N integers from 1: the order by the mean of two ranks, smallest margin and largest loss first.

    >>> ranks(np.array([0.9, -0.8, -0.9]), np.array([0.1, 3.0, 2.0])).tolist()
    [3, 1, 2]
    """
    from scipy.stats import rankdata

    mean = rankdata(margin, "average") + rankdata(-loss, "average")
    found = np.empty(len(margin), np.int64)
    found[np.lexsort((-loss, mean))] = np.arange(1, len(margin) + 1)
    return found


def rivals(probabilities: Array, numbers: Array) -> Array:
    """Return N numbers of classes: the most probable one besides the label."""
    others = np.where(np.arange(probabilities.shape[1]) == np.asarray(numbers)[:, None], -1.0, probabilities)
    return np.asarray(others.argmax(axis=1))
