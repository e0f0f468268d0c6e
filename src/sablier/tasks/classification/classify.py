"""Tell the class of images: calibrated probabilities, and how unlike all classes an image is."""

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
UNLIKE = 0.01  # p-values up to it say that an image is none of the classes


@dataclass(frozen=True)
class ClassificationResult:
    """What a classifier says of N images.

    Args:
        ids: N names.
        classes: K names.
        probabilities: N,K calibrated probabilities; rows add up to 1.
        p_values: N: the share of held-out training images that are at least as unlike every class.
        unlike: N booleans: a p-value of 0.01 or less says that the image is none of the classes; None where too few images were
            held out to say so.
        labels: N true classes, where the source has them.
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
        """N names: the likeliest class of each image."""
        return np.asarray(self.classes[self.probabilities.argmax(axis=1)])

    @property
    def accuracy(self) -> float | None:
        """The accuracy: the share of images classified correctly; None without labels."""
        return None if self.labels is None or not len(self) else float((self.predicted == self.labels).mean())

    @property
    def unknown(self) -> Array:
        """N booleans: labelled as something that is none of the classes, and so told wrong."""
        return np.zeros(len(self), bool) if self.labels is None else ~np.isin(self.labels, self.classes)

    def probability_of(self, names: Array) -> Array:
        """Return N: the probability of a class named for each image, 0 of one that is none of the classes."""
        return np.asarray((self.probabilities * (np.asarray(names)[:, None] == self.classes)).sum(axis=1))

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image: its class, how sure that is, the next likeliest, and whether it may be none of these."""
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
        """Return the same, and where labels exist the accuracy, the calibration error, and how many are none of the classes."""
        known: dict[str, Any] = {}
        if self.labels is not None:
            known = {"accuracy": self.accuracy, "calibration_error": self.calibration_error(), "unknown": int(self.unknown.sum())}
        skipped = [asdict(item) for item in self.skipped]
        return {"images": len(self), "classes": self.classes.tolist(), **known, "skipped": skipped, "rows": self.to_table()}

    def calibration_error(self) -> float | None:
        """Return the expected calibration error: how far sureness is from being right, 15 bins (Guo et al. 2017)."""
        found = self.reliability()
        return None if found is None else found.error

    def reliability(self) -> "Reliability | None":
        """Return how often it is right by how sure it is; None without labels."""
        if self.labels is None or not len(self):
            return None
        return reliability(self.probabilities.max(axis=1), self.predicted == self.labels)


@dataclass(frozen=True)
class Classifier:
    """A trained classifier.

    Args:
        network: gives logits.
        preprocess: the images it takes.
        classes: K names, in the order of the logits.
        temperature: what logits are divided by, so that probabilities are as often right as they say.
        calibration: of how unlike every class images are that the network never saw.
        views: which copies it looks at where it is unsure.
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
            ModelFileError: for a file of another task, or one that lacks a part.
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
        """Return the part of a model file that keeps everything but the network."""
        config = {"names": self.classes.tolist(), "temperature": self.temperature, "views": self.views.to_json()}
        return Part("classes", config | {"found": self.calibration.found}, self.calibration.tensors())

    def check_bytes(self) -> None:
        """Raise ModelFileError unless it takes images of 8 bits: attacks move whole bytes."""
        if self.preprocess.dtype != "uint8":
            raise ModelFileError(
                f"expected a classifier of 8-bit images, got one of {self.preprocess.dtype}. Train one on 8-bit images."
            )

    def answer(self, x: Tensor) -> Tensor:
        """Return N,K logits of N,C,H,W images in [0, 1] as `classify` finds them, with their gradient: what attacks follow."""
        return self.views.logits(self.network, x)

    def logits(self, images: ImageSet) -> Array:
        """Return N,K logits of dense images, before they are divided by the temperature."""
        return all_logits(self.network, self.preprocess, images, self.views)

    def classify(self, images: ImageSet) -> ClassificationResult:
        """Tell the class of images; those that cannot be read are left out and listed.

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
    """Return N,K logits of dense images, float32; without `views`, of the images alone."""
    network.eval()
    batches = Batches(images, preprocess)
    parts = [views.logits(network, batch.x).numpy() for batch in batches.for_scoring()]
    return np.concatenate(parts) if parts else views.logits(network, batches.take(slice(0)).x).numpy()


def softmax(logits: Array) -> Array:
    """Return rows of probabilities that add up to 1."""
    from scipy.special import softmax as of_rows

    return np.asarray(of_rows(np.asarray(logits, np.float64), axis=1))


def unlikeness(logits: Array) -> Array:
    """Return N: minus the logarithm of the sum of exponentials of the logits: high where no class answers (Liu et al. 2020)."""
    from scipy.special import logsumexp

    return np.asarray(-logsumexp(np.asarray(logits, np.float64), axis=1))


def fitted_temperature(logits: Array, numbers: Array) -> tuple[float, float]:
    """Return what to divide logits by so that the true classes of held-out images are likeliest, and the cross-entropy then.

    By a bounded search over the logarithm, from 0.05 to 20: it cannot run away, and needs no gradient (Guo et al. 2017). Of N
    images the true class counts (N + 1) / (N + 2), the others what remains (Platt 1999): where all are correct, that does
    not mean that all ever will be.

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
    """How often predictions are right, by how sure they are, in B bins of equal width from 0 to 1.

    Args:
        counts: B whole numbers of predictions.
        sure, right: B means of the predictions in each bin; not a number where there is none.
    """

    counts: Array
    sure: Array
    right: Array

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance between how sure and how often right predictions are."""
        full = self.counts > 0
        gaps = np.abs(self.right[full] - self.sure[full]) * self.counts[full]
        return round(float(gaps.sum()) / max(1, int(self.counts.sum())), 12)


def reliability(sure: Array, right: Array, bins: int = BINS) -> Reliability:
    """Return how often predictions are right, by how sure they are (DeGroot and Fienberg 1983).

    Args:
        sure: N probabilities of what was predicted; right: N booleans.

    >>> reliability(np.array([0.9, 0.9, 0.9, 0.9, 0.2]), np.array([True, True, True, False, False]), bins=2).right.tolist()
    [0.0, 0.75]
    """
    places = np.minimum((np.asarray(sure) * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums = (np.bincount(places, np.asarray(values, np.float64), minlength=bins) for values in (sure, right))
    means = [np.divide(each, counts, out=np.full(bins, np.nan), where=counts > 0) for each in sums]
    return Reliability(counts, *means)


def calibration_error(sure: Array, right: Array, bins: int = BINS) -> float:
    """Return the mean distance, over bins of equal width, between how sure and how often right predictions are.

    >>> calibration_error(np.array([0.9, 0.9, 0.9, 0.9]), np.array([True, True, True, False]))
    0.15
    """
    return reliability(sure, right, bins).error
