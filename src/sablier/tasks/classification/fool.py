"""Fooling images: images of nothing that a classifier is sure of, with p-values and the predictions of another classifier."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sablier.errors import ConfigError, ModelFileError, UnknownName
from sablier.images.imageset import ImageSet
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.classification.fooling import WAYS, Found, Goal
from sablier.typing import Array

SURE, GENERATIONS = 0.999, 5000


@dataclass(frozen=True)
class FoolResult:
    """Fooling images of K classes, found by W methods.

    Args:
        ways: W names of methods.
        classes: K names.
        images: W,K,H,W,C uint8; everything below is computed on these bytes.
        probabilities: W,K: the calibrated probability of the class.
        p_values: W,K: the share of held-out training images with at least this energy.
        unlike: W,K booleans: whether the p-value says that an image belongs to none of the classes; None if too few images
            were held out.
        generations: W: how many each method took, or gradient steps.
        seconds: W: the time of each method.
        sure: the probability to reach.
        judge_probabilities: W,K: the probability of the same class by another classifier, or None.
        judge_classes: W,K: the predicted class of the other classifier, or None.
    """

    ways: tuple[str, ...]
    classes: Array
    images: Array
    probabilities: Array
    p_values: Array
    unlike: Array | None
    generations: tuple[int, ...]
    seconds: tuple[float, ...]
    sure: float
    judge_probabilities: Array | None = None
    judge_classes: Array | None = None

    def __len__(self) -> int:
        return len(self.ways) * len(self.classes)

    @property
    def fooled(self) -> Array:
        """W,K booleans: whether the classifier reaches the probability."""
        return np.asarray(self.probabilities >= self.sure)

    @property
    def judge_agrees(self) -> Array | None:
        """W,K booleans: whether the other classifier predicts the same class; None without one."""
        return None if self.judge_classes is None else np.asarray(self.judge_classes == self.classes)

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image, method by method."""
        rows = []
        for (way, column), fooled in np.ndenumerate(self.fooled):
            row: dict[str, Any] = {"way": self.ways[way], "class": str(self.classes[column])}
            row |= {"probability": float(self.probabilities[way, column]), "fooled": bool(fooled)}
            row["p_value"] = float(self.p_values[way, column])
            if self.judge_probabilities is not None and self.judge_classes is not None:
                row["judge_probability"] = float(self.judge_probabilities[way, column])
                row["judge_class"] = str(self.judge_classes[way, column])
            rows.append(row)
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return everything except the pictures."""
        ways = {
            way: {"classes_fooled": int(self.fooled[row].sum()), "confidence_min": float(self.probabilities[row].min()),
                  "generations": self.generations[row], "seconds": self.seconds[row]}
            for row, way in enumerate(self.ways)
        }  # fmt: skip
        return {"classes": self.classes.tolist(), "sure": self.sure, "ways": ways, "rows": self.to_table()}


def fool_classifier(
    classifier: Classifier,
    ways: Sequence[str] = tuple(WAYS),
    classes: Sequence[str] | None = None,
    *,
    judge: Classifier | None = None,
    sure: float = SURE,
    generations: int = GENERATIONS,
    seed: int = 0,
    on_progress: Callable[[str, int], None] = lambda way, images: None,
) -> FoolResult:
    """Search, by each method, for images of each class that a classifier is sure of.

    A search ends when all classes are reached, or after `generations`; a class that was not reached has its best image.

    Args:
        ways: names among `WAYS`.
        classes: names; None: all.
        judge: another classifier, which also classifies the images.
        sure: the calibrated probability to reach.
        generations: the most generations of evolution, or gradient steps.
        seed: the seed of random choices.
        on_progress: called with the method, and the number of images that the classifier has evaluated.

    Raises:
        UnknownName: for an unknown method or class.
        ConfigError: for `sure` beyond 0 to 1, generations below 1, or no method or class.
        ModelFileError: for a classifier or a judge that does not take 8-bit images, or a judge that lacks a class.
        ImagesError: for a judge that takes images of another size only.
    """
    names = _checked(classifier, ways, classes, sure, generations)
    if judge is not None:
        rule = classifier.preprocess
        _check_judge(judge, names, (rule.height, rule.width, rule.channels))
    goal = _goal(classifier, names, sure, generations, seed)
    found: list[Found] = []
    seconds = []
    for way in ways:
        start = time.perf_counter()
        found.append(WAYS[way](goal, lambda images, way=way: on_progress(way, images)))  # type: ignore[misc]  # way is a str
        seconds.append(time.perf_counter() - start)
    images = np.stack([(each.images * 255).round().byte().permute(0, 2, 3, 1).numpy() for each in found])
    shown, wanted, shape = ImageSet(images.reshape(-1, *images.shape[2:])), np.tile(names, len(ways)), images.shape[:2]
    said = classifier.classify(shown)
    judged = None if judge is None else judge.classify(shown)
    return FoolResult(
        ways=tuple(ways),
        classes=names,
        images=images,
        probabilities=said.probability_of(wanted).reshape(shape),
        p_values=said.p_values.reshape(shape),
        unlike=None if said.unlike is None else said.unlike.reshape(shape),
        generations=tuple(each.generations for each in found),
        seconds=tuple(seconds),
        sure=sure,
        judge_probabilities=None if judged is None else judged.probability_of(wanted).reshape(shape),
        judge_classes=None if judged is None else judged.predicted.reshape(shape),
    )


def _goal(classifier: Classifier, names: Array, sure: float, generations: int, seed: int) -> Goal:
    """Return the goal of the search, with the network in eval mode."""
    preprocess = classifier.preprocess
    classifier.network.eval()
    return Goal(
        logits=classifier.answer,
        temperature=classifier.temperature,
        shape=(preprocess.channels, preprocess.height, preprocess.width),
        classes=torch.from_numpy(np.searchsorted(classifier.classes, names)),
        sure=sure,
        generations=generations,
        seed=seed,
    )


def _checked(classifier: Classifier, ways: Sequence[str], classes: Sequence[str] | None, sure: float, generations: int) -> Array:
    """Return the names of the wanted classes, in the classifier's order; raise an error for wrong arguments."""
    for way in ways:
        if way not in WAYS:
            raise UnknownName("way", way, WAYS)
    known = classifier.classes.tolist()
    for name in classes or ():
        if name not in known:
            raise UnknownName("class", name, known)
    if not ways or (classes is not None and not len(classes)):
        raise ConfigError(f"expected at least one way and one class, got ways {list(ways)} and classes {classes}.")
    if not 0 < sure < 1:
        raise ConfigError(f"expected a probability between 0 and 1 to be sure, such as 0.999, got {sure:g}.")
    if generations < 1:
        raise ConfigError(f"expected at least 1 generation, got {generations}.")
    classifier.check_bytes()
    return np.array([name for name in known if classes is None or name in classes])


def _check_judge(judge: Classifier, names: Array, shape: tuple[int, int, int]) -> None:
    """Raise an error if another classifier lacks these classes, or does not take bytes of this shape."""
    judge.check_bytes()
    unknown = [name for name in names.tolist() if name not in judge.classes.tolist()]
    if unknown:
        known = ", ".join(judge.classes[:10].tolist())
        raise ModelFileError(f"expected a judge that knows the same classes, got one that knows {known}, not {unknown[0]}.")
    ImageSet(np.zeros((1, *shape), np.uint8), ids=np.array(["the images to judge"])).dense(judge.preprocess)
