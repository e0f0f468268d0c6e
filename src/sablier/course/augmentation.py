"""Data augmentation by a decoder, as lesson 3 proposes it, measured: what made images bring to a classifier.

A few images have labels, and a classifier of pixels (support vectors, the usual kernel) learns from them. Then it learns from
them and from more images: reconstructions, decoded averages of the codes of two images of one class, averages of their pixels
(which need no network), or as many further images with labels, the most that could be hoped for.
"""

from dataclasses import dataclass

import numpy as np

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.latent.reconstruct import decode, encode
from sablier.typing import Array

LABELLED = 10  # images of each class that have labels
MADE = 40  # images of each class that are added
DRAWS = 5


@dataclass(frozen=True)
class Augmented:
    """Accuracies on new images.

    Args:
        labelled, added: images of each class.
        accuracy: what was added -> the accuracy of each draw of labelled images; the names are those of `WAYS`.
    """

    labelled: int
    added: int
    accuracy: dict[str, list[float]]


WAYS = ("nothing", "reconstructions", "codes", "pixels", "real")


def augmented(model: Model, preprocess: Preprocess, images: ImageSet, tests: ImageSet) -> Augmented:
    """Measure a classifier that learns from a few labelled images, and from those that the autoencoder makes of them.

    Args:
        images: to draw the labelled images from; the autoencoder has seen them without their labels.
        tests: to measure on.
    """
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    labels, truth = np.asarray(images.labels), np.asarray(tests.labels)
    unit, new = (_flat(preprocess.to_unit(each.array)) for each in (images, tests))
    for draw in range(DRAWS):
        random = np.random.default_rng(draw)
        order = {name: random.permutation(np.flatnonzero(images.matches("label", name))) for name in np.unique(labels)}
        known = np.concatenate([places[:LABELLED] for places in order.values()])
        further = np.concatenate([places[LABELLED : LABELLED + MADE] for places in order.values()])
        names = labels[known]
        first, second, weight = _pairs(names, random)
        codes = encode(model, preprocess, images.take(known))
        mixed = weight * codes[first] + (1 - weight) * codes[second]
        added = {
            "nothing": (unit[:0], names[:0]),
            "reconstructions": (_flat(decode(model, preprocess, codes)), names),
            "codes": (_flat(decode(model, preprocess, mixed)), names[first]),
            "pixels": (weight * unit[known][first] + (1 - weight) * unit[known][second], names[first]),
            "real": (unit[further], labels[further]),
        }
        for way, (more, more_names) in added.items():
            found[way].append(_accuracy(np.r_[unit[known], more], np.r_[names, more_names], new, truth))
    return Augmented(LABELLED, MADE, found)


def _pairs(names: Array, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return pairs of images of one class, `MADE` of each class, and the weight of the first, P,1."""
    pairs = [random.choice(np.flatnonzero(names == name), (MADE, 2)) for name in np.unique(names)]
    first, second = np.concatenate(pairs).T
    return first, second, random.uniform(0, 1, (len(first), 1)).astype(np.float32)


def _accuracy(images: Array, names: Array, tests: Array, truth: Array) -> float:
    from sklearn.svm import SVC

    return float(SVC(C=10).fit(images, names).score(tests, truth))


def _flat(images: Array) -> Array:
    return images.reshape(len(images), -1)
