"""Robustness of a classifier: its accuracy under natural corruptions and under attacks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet, Skipped
from sablier.metrics import rate_interval
from sablier.tasks.classification.attack import attack_classifier
from sablier.tasks.classification.classify import Classifier
from sablier.transforms.attacks import Attack
from sablier.transforms.natural import corrupt
from sablier.typing import Array


@dataclass(frozen=True)
class UnderAttack:
    """The accuracy under an attack.

    Args:
        attack: its name; eps, norm: of the perturbation set.
        right: images classified correctly, both original and, as 8-bit images, attacked.
        warnings: why that may be too high, in words.
    """

    attack: str
    eps: float
    norm: str
    right: int
    warnings: tuple[str, ...] = ()

    @property
    def perturbation_set(self) -> str:
        """The largest change of values, or of whole images, for display: "linf 8/255"."""
        steps = round(self.eps * 255, 6)
        return f"{self.norm} {f'{steps:g}/255' if steps == int(steps) else f'{self.eps:.3g}'}"


@dataclass(frozen=True)
class RobustnessResult:
    """How many of N images are classified correctly.

    Args:
        images: N.
        right: of the original images.
        kinds, severities: K names of corruptions and S integers from 1 to 5.
        corrupted: K,S: of the images under each.
        attacks: one row for each attack.
        example: H,W,C uint8: an image, and pictures: K,S,H,W,C: its corrupted versions.
        skipped: images that could not be read.
    """

    images: int
    right: int
    kinds: tuple[str, ...]
    severities: tuple[int, ...]
    corrupted: Array
    attacks: tuple[UnderAttack, ...]
    example: Array
    pictures: Array
    skipped: tuple[Skipped, ...] = ()

    @property
    def accuracy(self) -> float:
        """The accuracy on the original images."""
        return self.right / self.images

    @property
    def corruption_accuracy(self) -> float | None:
        """The mean accuracy over kinds and severities; None if there are none."""
        return float(self.corrupted.mean()) / self.images if self.corrupted.size else None

    @property
    def worst_attack(self) -> UnderAttack | None:
        """The attack with the lowest accuracy; its warnings are those that matter."""
        return min(self.attacks, key=lambda each: each.right, default=None)

    def relative(self, right: float) -> float | None:
        """Return a number of images as a share of those classified correctly when original; None if there are none."""
        return right / self.right if self.right else None

    def to_table(self) -> list[dict[str, Any]]:
        """Return a row for the original images, for each kind and severity, and for each attack.

        The intervals are of the accuracy, 95 %.
        """
        found = [self._row("none", "", "", "", self.right)]
        for kind, row in zip(self.kinds, self.corrupted.tolist(), strict=True):
            found += [self._row("corruption", kind, severity, "", n) for severity, n in zip(self.severities, row, strict=True)]
        return found + [self._row("attack", each.attack, "", each.eps, each.right) for each in self.attacks]

    def to_json(self) -> dict[str, Any]:
        """Return the means, the rows, and why an accuracy under attack may be too high."""
        mean = self.corruption_accuracy
        return {
            "images": self.images,
            "accuracy": self.accuracy,
            "corruption_accuracy": mean,
            "relative_corruption_accuracy": None if mean is None else self.relative(mean * self.images),
            "kinds": {kind: float(row.mean()) / self.images for kind, row in zip(self.kinds, self.corrupted, strict=True)},
            "attacks": {each.attack: each.right / self.images for each in self.attacks},
            "warnings": {each.attack: list(each.warnings) for each in self.attacks if each.warnings},
            "skipped": [asdict(item) for item in self.skipped],
            "rows": self.to_table(),
        }

    def _row(self, damage: str, name: str, severity: int | str, eps: float | str, right: int) -> dict[str, Any]:
        low, high = rate_interval(right, self.images)
        return {
            "damage": damage,
            "name": name,
            "severity": severity,
            "eps": eps,
            "images": self.images,
            "right": right,
            "accuracy": right / self.images,
            "low": low,
            "high": high,
            "relative": self.relative(right),
        }


def measure_robustness(
    classifier: Classifier,
    images: ImageSet,
    labels: Array,
    kinds: Sequence[str],
    severities: Sequence[int],
    attacks: Mapping[str, Attack],
    seed: int = 0,
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> RobustnessResult:
    """Corrupt and attack dense 8-bit images, and count how many are classified correctly.

    Images are corrupted at the size that the network takes.

    Args:
        labels: N numbers of classes.
        kinds, severities: as for `corrupt`; attacks: by their displayed names.
        seed: of the corruptions.
        on_progress: called with what comes next, how many kinds and attacks are done, and of how many.

    Raises:
        ImagesError: for no images, or images below 8 pixels a side; ModelFileError for a classifier of other than 8-bit
            images.
    """
    if not len(images):
        raise ImagesError(f"expected at least one image to corrupt and attack, got none from {images.source}.")
    classifier.check_bytes()
    as_they_are = _correct(classifier, images, labels)
    example = int(np.argmax(as_they_are))  # the first that is classified correctly, or the first
    corrupted = np.zeros((len(kinds), len(severities)), int)
    pictures = np.zeros((*corrupted.shape, *images.shape), np.uint8)
    total = len(kinds) + len(attacks)
    for row, kind in enumerate(kinds):
        on_progress(kind, row, total)
        for column, severity in enumerate(severities):
            damaged = replace(images, pixels=corrupt(images.array, kind, severity, seed))
            corrupted[row, column] = _correct(classifier, damaged, labels).sum()
            pictures[row, column] = damaged.array[example]
    under = []
    for row, (name, attack) in enumerate(attacks.items(), len(kinds)):
        on_progress(name, row, total)
        found = attack_classifier(classifier, images, labels, name, attack)
        right = int(((found.before == found.labels) & (found.after == found.labels)).sum())
        under.append(UnderAttack(name, attack.eps, attack.norm, right, found.warnings))
    on_progress("", total, total)
    return RobustnessResult(
        len(images),
        int(as_they_are.sum()),
        tuple(kinds),
        tuple(severities),
        corrupted,
        tuple(under),
        images.array[example],
        pictures,
        images.skipped,
    )


def _correct(classifier: Classifier, images: ImageSet, labels: Array) -> Array:
    return np.asarray(classifier.logits(images).argmax(axis=1) == labels)
