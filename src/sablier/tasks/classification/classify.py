"""Classification: calibrated probabilities, and a test for images of no class."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.calibration import Calibration
from sablier.errors import ModelFileError
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Part
from sablier.models.base import Model
from sablier.part_fit import check_finite, check_fit
from sablier.tasks.classification.test_time_augmentation import ONE_VIEW, Views
from sablier.transforms.batches import Batches
from sablier.typing import Array

TASK = "classify"
NET, CLASSES = "net", "classes"  # parts of the model file
BINS = 15  # of the calibration error, as in most papers
UNLIKE = 0.01  # up to this p-value, an image belongs to none of the classes


@dataclass(frozen=True)
class ClassificationResult:
    """The predictions of a classifier on N images.

    Args:
        ids: N names.
        classes: K names.
        probabilities: N,K calibrated probabilities; rows sum to 1.
        p_values: N: the share of held-out training images with at least this energy.
        unlike: N booleans: a p-value of 0.01 or less, so the image belongs to none of the classes; None if too few images
            were held out.
        labels: N true classes, if the source has them.
        skipped: images that could not be read.
    """

    ids: Array
    classes: Array
    probabilities: Array
    p_values: Array
    unlike: Array | None = None
    labels: Array | None = None
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def predicted(self) -> Array:
        """N names: the most probable class of each image."""
        return np.asarray(self.classes[self.probabilities.argmax(axis=1)])

    @property
    def accuracy(self) -> float | None:
        """The accuracy: the share of images classified correctly; None without labels."""
        return None if self.labels is None or not len(self) else float((self.predicted == self.labels).mean())

    @property
    def unknown(self) -> Array:
        """N booleans: the label is none of the classes, so the prediction is wrong."""
        return np.zeros(len(self), bool) if self.labels is None else ~np.isin(self.labels, self.classes)

    def probability_of(self, names: Array) -> Array:
        """Return N: the probability of a class named for each image; 0 if it is none of the classes."""
        return np.asarray((self.probabilities * (np.asarray(names)[:, None] == self.classes)).sum(axis=1))

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image: class, probability, the next class, and whether it may belong to none."""
        order = np.argsort(-self.probabilities, axis=1)[:, :2]
        rows = []
        for index, (first, second) in enumerate(order):
            row: dict[str, Any] = {"id": str(self.ids[index])}
            if self.labels is not None:
                row["label"] = str(self.labels[index])
            row |= {"class": str(self.classes[first]), "probability": float(self.probabilities[index, first])}
            row |= {"next": str(self.classes[second]), "next_probability": float(self.probabilities[index, second])}
            rows.append(row | {"p_value": float(self.p_values[index])})
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return the same and, with labels, the accuracy, the calibration error, and the number of images of no class."""
        known: dict[str, Any] = {}
        if self.labels is not None:
            known = {"accuracy": self.accuracy, "calibration_error": self.calibration_error(), "unknown": int(self.unknown.sum())}
        skipped = [asdict(item) for item in self.skipped]
        return {"images": len(self), "classes": self.classes.tolist(), **known, "skipped": skipped, "rows": self.to_table()}

    def calibration_error(self) -> float | None:
        """Return the expected calibration error: the mean gap between confidence and accuracy over 15 bins (Guo et al. 2017)."""
        found = self.reliability()
        return None if found is None else found.error

    def reliability(self) -> "Reliability | None":
        """Return the accuracy by confidence; None without labels."""
        if self.labels is None or not len(self):
            return None
        return reliability(self.probabilities.max(axis=1), self.predicted == self.labels)


@dataclass(frozen=True)
class Classifier:
    """A trained classifier.

    Args:
        network: returns logits.
        preprocess: the size, channels and value range of images.
        classes: K names, in the order of the logits.
        temperature: divides the logits, so that probabilities are calibrated.
        calibration: of the energies of held-out images.
        views: the copies for test-time augmentation of uncertain images.
    """

    network: Model
    preprocess: Preprocess
    classes: Array
    temperature: float
    calibration: Calibration
    views: Views = ONE_VIEW

    @classmethod
    def from_file(cls, file: ModelFile) -> "Classifier":
        """Return the classifier of a model file.

        Raises:
            ModelFileError: if the file has another task, or lacks a part.
        """
        file.expect(TASK, "classifier")
        try:
            kept = file.parts[CLASSES]
            names, network = np.array(kept.config["names"], str), file.parts[NET].to_model("classify")
            check_fit("names of classes, all different", len(np.unique(names)), int(network.config["classes"]))
            check_fit("names of classes", len(names), int(network.config["classes"]))
            return cls(
                network,
                file.preprocess,
                names,
                float(kept.config["temperature"]),
                Calibration.from_tensors(kept.tensors, 1, bool(kept.config["found"])),
                Views(**kept.config.get("views", {})),
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelFileError(f"the model file lacks a part of the classifier: {error}.") from error

    def part(self) -> Part:
        """Return the part of a model file that keeps everything except the network."""
        config = {"names": self.classes.tolist(), "temperature": self.temperature, "views": self.views.to_json()}
        return Part("classes", config | {"found": self.calibration.found}, self.calibration.tensors())

    def check_bytes(self) -> None:
        """Raise ModelFileError unless it takes 8-bit images: attacks change whole bytes."""
        if self.preprocess.dtype != "uint8":
            raise ModelFileError(
                f"expected a classifier of 8-bit images, got one of {self.preprocess.dtype}. Train one on 8-bit images."
            )

    def answer(self, x: Tensor) -> Tensor:
        """Return N,K logits of N,C,H,W images in [0, 1] as `classify` computes them, with their gradient, for attacks."""
        return self.views.logits(self.network, x)

    def logits(self, images: ImageSet) -> Array:
        """Return N,K logits of dense images, before they are divided by the temperature."""
        return all_logits(self.network, self.preprocess, images, self.views)

    def classify(self, images: ImageSet) -> ClassificationResult:
        """Predict the class of images; those that cannot be read are left out and listed.

        Raises:
            ImagesError: for images that the network does not take.
        """
        dense = images.dense(self.preprocess)
        logits = check_finite("logits", self.logits(dense))
        p_values = self.calibration.p_values(unlikeness(logits)[:, None])
        return ClassificationResult(
            dense.ids,
            self.classes,
            softmax(logits / self.temperature),
            p_values,
            p_values <= UNLIKE if self.calibration.decides(UNLIKE) else None,
            dense.labels,
            dense.skipped,
        )


@torch.no_grad()
def all_logits(network: Model, preprocess: Preprocess, images: ImageSet, views: Views = ONE_VIEW) -> Array:
    """Return N,K logits of dense images, float32; by default without test-time augmentation."""
    network.eval()
    batches = Batches(images, preprocess)
    parts = [views.logits(network, batch.x).numpy() for batch in batches.for_scoring()]
    return np.concatenate(parts) if parts else views.logits(network, batches.take(slice(0)).x).numpy()


def softmax(logits: Array) -> Array:
    """Return rows of probabilities that sum to 1."""
    from scipy.special import softmax as of_rows

    return np.asarray(of_rows(np.asarray(logits, np.float64), axis=1))


def unlikeness(logits: Array) -> Array:
    """Return N: the energy, minus the log-sum-exp of the logits; high if no class responds (Liu et al. 2020)."""
    from scipy.special import logsumexp

    return np.asarray(-logsumexp(np.asarray(logits, np.float64), axis=1))


def fitted_temperature(logits: Array, numbers: Array) -> tuple[float, float]:
    """Return the temperature that fits the true classes of held-out images best, and the cross-entropy with it.

    It is a bounded search over the logarithm, from 0.05 to 20, without gradients (Guo et al. 2017). With N images, the
    target of the true class is (N + 1) / (N + 2), and the rest is spread over the others (Platt 1999), so that a perfect
    score does not give infinite confidence.

    Args:
        numbers: N true class numbers.
    """
    from scipy.optimize import minimize_scalar

    count, classes = logits.shape
    targets = np.full((count, classes), 1 / (count + 2) / (classes - 1))
    targets[np.arange(count), numbers] = (count + 1) / (count + 2)
    tensor, wanted = torch.from_numpy(np.asarray(logits, np.float64)), torch.from_numpy(targets)

    def loss(log_temperature: float) -> float:
        scaled: Tensor = tensor / float(np.exp(log_temperature))
        return float(F.cross_entropy(scaled, wanted))

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x)), float(found.fun)


@dataclass(frozen=True)
class Reliability:
    """Accuracy by confidence, in B bins of equal width from 0 to 1.

    Args:
        counts: B numbers of predictions.
        sure, right: B mean confidences and accuracies; NaN in empty bins.
    """

    counts: Array
    sure: Array
    right: Array

    @property
    def error(self) -> float:
        """The expected calibration error: the mean gap between confidence and accuracy."""
        full = self.counts > 0
        gaps = np.abs(self.right[full] - self.sure[full]) * self.counts[full]
        return round(float(gaps.sum()) / max(1, int(self.counts.sum())), 12)


def reliability(sure: Array, right: Array, bins: int = BINS) -> Reliability:
    """Return the accuracy of predictions by confidence (DeGroot and Fienberg 1983).

    Args:
        sure: N probabilities of the predicted classes; right: N booleans.

    >>> reliability(np.array([0.9, 0.9, 0.9, 0.9, 0.2]), np.array([True, True, True, False, False]), bins=2).right.tolist()
    [0.0, 0.75]
    """
    places = np.minimum((np.asarray(sure) * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums = (np.bincount(places, np.asarray(values, np.float64), minlength=bins) for values in (sure, right))
    means = [np.divide(each, counts, out=np.full(bins, np.nan), where=counts > 0) for each in sums]
    return Reliability(counts, *means)


def calibration_error(sure: Array, right: Array, bins: int = BINS) -> float:
    """Return the mean gap between confidence and accuracy over bins of equal width.

    >>> calibration_error(np.array([0.9, 0.9, 0.9, 0.9]), np.array([True, True, True, False]))
    0.15
    """
    return reliability(sure, right, bins).error
