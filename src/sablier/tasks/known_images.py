"""The images that trained or calibrated a model, to recognise them later; and repeats in a stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sablier.images.fingerprints import Fingerprints, fingerprints
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule
from sablier.images.repeats import Surroundings, near_pairs
from sablier.typing import Array

NEW, TRAINED, CALIBRATED = 0, 1, 2
WORDS = np.array(["", "trained", "calibrated"])  # the values in tables, by use
MOST_REMEMBERED = 1000  # images of a stream that later ones are compared with
SURE_SHARE = 0.25  # of the radius by the known images: within it, an image is a copy whatever the stream is like


@dataclass(frozen=True)
class KnownImages:
    """Fingerprints of N images that trained or calibrated a model.

    Args:
        prints: of the images.
        uses: N: 1 if an image trained the model, 2 if it only calibrated it.
        surroundings: how near independent images come to each other.
        radii: N: how near a copy of each must be.
        scale: the mean and the step of each number of a descriptor in the file, if they come from a file.
    """

    prints: Fingerprints
    uses: Array
    surroundings: Surroundings
    radii: Array
    scale: tuple[Array, Array] | None = None

    @classmethod
    def of(cls, prints: Fingerprints, uses: Array, scale: tuple[Array, Array] | None = None) -> "KnownImages":
        """Return known images with the distances between them."""
        return cls(prints, np.asarray(uses, np.uint8), *Surroundings.of(prints.descriptors), scale)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> "KnownImages":
        """Return the known images that the part of a model file keeps."""
        descriptors = tensors["means"] + tensors["steps"] * tensors["descriptors"].astype(np.float32)
        prints = Fingerprints(tensors["hashes"].view(np.uint64), descriptors)
        return cls.of(prints, tensors["uses"], (tensors["means"], tensors["steps"]))

    def equal(self, prints: Fingerprints) -> Array:
        """Return M uses: for each of M images, that of the known image with the same pixels: TRAINED, CALIBRATED or NEW."""
        found = np.zeros(len(prints), np.uint8)
        if not len(self.uses) or not len(prints):
            return found
        order = np.argsort(self.prints.hashes, kind="stable")
        places = np.minimum(np.searchsorted(self.prints.hashes[order], prints.hashes), len(order) - 1)
        equal = self.prints.hashes[order][places] == prints.hashes
        found[equal] = self.uses[order][places[equal]]
        return found

    def overlap(self, prints: Fingerprints) -> Array:
        """Return M uses: for each of M images, that of the known image it equals or nearly copies: TRAINED, CALIBRATED or NEW."""
        found = self.equal(prints)
        if not len(self.uses) or not len(prints):
            return found
        pairs = near_pairs(prints.descriptors, self.radius_of(prints), self.prints.descriptors, self.radii)
        near = np.full(len(prints), np.iinfo(np.uint8).max)
        np.minimum.at(near, pairs[:, 0], self.uses[pairs[:, 1]])
        copied = (found == NEW) & (near < np.iinfo(np.uint8).max)
        found[copied] = near[copied]
        return found

    def radius_of(self, prints: Fingerprints) -> Array:
        """Return M: how near a copy of each of M other images must be."""
        return self.surroundings.radii(prints.descriptors)

    def with_trained(self, prints: Fingerprints) -> "KnownImages":
        """Return the known images and others that train the model, too."""
        uses = np.r_[self.uses, np.full(len(prints), TRAINED)]
        return KnownImages.of(Fingerprints.joined(self.prints, prints), uses, self.scale)


@dataclass(frozen=True)
class Recognized:
    """What is known of N images of a stream.

    Args:
        known: N of "", "trained" and "calibrated": whether the model knows the image, or one that it nearly copies.
        repeats: N ids of an earlier image of the stream that an image repeats, or "".
    """

    known: Array
    repeats: Array


class Recognizing(Protocol):
    """Whatever recognises images of a stream that a model knows, and repeats."""

    def recognize(self, dense: ImageSet) -> Recognized: ...


@dataclass
class Recognizer:
    """Recognises images of a stream that the model knows, and repeats of the last 1,000 images.

    How near a copy must be is estimated from the known images and from the stream; the smaller value counts. Anomalous
    images are far from all known ones, and still no copies of each other. A stream of one scene gives no estimate, so what
    is very near by the known images alone is a copy as well.

    Args:
        known: the images that trained or calibrated the model.
        preprocess: makes images dense.
    """

    known: KnownImages
    preprocess: PixelRule
    _ids: Array = field(default_factory=lambda: np.empty(0, str))
    _prints: Fingerprints | None = None
    _radii: Array = field(default_factory=lambda: np.empty(0))

    def recognize(self, dense: ImageSet) -> Recognized:
        """Return what is known of the next images of the stream, and remember them."""
        prints = fingerprints(dense, self.preprocess)
        radii = self.known.radius_of(prints)
        earlier = 0 if self._prints is None else len(self._prints)
        of_all = prints if self._prints is None else Fingerprints.joined(self._prints, prints)
        ids, radii = np.concatenate([self._ids, dense.ids]), np.concatenate([self._radii, radii])
        _, own = Surroundings.of(of_all.descriptors)
        first = _earliest(of_all, np.where(own < 0, radii, np.clip(own, np.minimum(SURE_SHARE * radii, radii), radii)))
        repeats = np.where(first < np.arange(len(ids)), ids[first], "")[earlier:]
        last = np.arange(max(0, len(ids) - MOST_REMEMBERED), len(ids))
        self._ids, self._radii = ids[last], radii[last]
        self._prints = of_all.take(last)
        return Recognized(WORDS[self.known.overlap(prints)], repeats)


def _earliest(prints: Fingerprints, radii: Array) -> Array:
    """Return N: the position of the first image that each repeats, or its own."""
    _, first, inverse = np.unique(prints.hashes, return_index=True, return_inverse=True)
    found = first[inverse]
    pairs = near_pairs(prints.descriptors, radii, prints.descriptors, radii)
    np.minimum.at(found, pairs[:, 1], pairs[:, 0])
    return np.asarray(found)
