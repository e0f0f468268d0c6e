"""The images that trained or calibrated a model, to recognise them later; and repeats in a stream."""

from dataclasses import dataclass, field

import numpy as np

from sablier.errors import ModelFileError
from sablier.images.fingerprints import Fingerprints, fingerprints
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.repeats import Surroundings, near_pairs
from sablier.modelfile import ModelFile, Part
from sablier.typing import Array

KNOWN = "known-images"  # the part of the model file
NEW, TRAINED, CALIBRATED = 0, 1, 2
WORDS = np.array(["", "trained", "calibrated"])  # the values in tables, by use
SPREADS, STEPS = 4.0, 127  # range of a stored number around its mean, in standard deviations, and its steps
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
    def from_file(cls, file: ModelFile) -> "KnownImages":
        """Return the known images of a model file.

        Raises:
            ModelFileError: if there are none, as for a model that was trained on patches.
        """
        if KNOWN not in file.parts:
            raise ModelFileError("the model file lacks what it recognises its training images by. Train it anew.")
        kept = file.parts[KNOWN].tensors
        descriptors = kept["means"] + kept["steps"] * kept["descriptors"].astype(np.float32)
        scale = kept["means"], kept["steps"]
        return cls.of(Fingerprints(kept["hashes"].view(np.uint64), descriptors), kept["uses"], scale)

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

    def recalibrated(self, prints: Fingerprints) -> dict[str, Part]:
        """Return the part for a recalibrated model: the images that trained it, and those that calibrate it now."""
        kept = self.uses == TRAINED
        trained = self.prints.take(kept)
        uses = np.r_[self.uses[kept], np.full(len(prints), CALIBRATED)]
        return {KNOWN: _stored(Fingerprints.joined(trained, prints), uses, self.scale)}


@dataclass(frozen=True)
class Recognized:
    """What is known of N images of a stream.

    Args:
        known: N of "", "trained" and "calibrated": whether the model knows the image, or one that it nearly copies.
        repeats: N ids of an earlier image of the stream that an image repeats, or "".
    """

    known: Array
    repeats: Array


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
    preprocess: Preprocess
    _ids: Array = field(default_factory=lambda: np.empty(0, str))
    _prints: Fingerprints | None = None
    _radii: Array = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, file: ModelFile) -> "Recognizer":
        """Return the recognizer of a model file."""
        return cls(KnownImages.from_file(file), file.preprocess)

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


def _stored(prints: Fingerprints, uses: Array, scale: tuple[Array, Array] | None = None) -> Part:
    """Return the part of a model file, about 57 bytes per image: descriptors are kept in 255 steps.

    Args:
        scale: the mean and the step of each number of a descriptor in an earlier file, whose values then stay the same; None
            uses their own spread.
    """
    descriptors = prints.descriptors
    if scale is None:
        means, spreads = (np.zeros(descriptors.shape[1], np.float32),) * 2
        if len(descriptors):
            means, spreads = descriptors.mean(axis=0), descriptors.std(axis=0)
        scale = means, np.maximum(SPREADS * spreads / STEPS, 1e-6).astype(np.float32)
    means, steps = scale
    tensors = {
        "hashes": prints.hashes.astype("<u8").view(np.int64),
        "uses": np.asarray(uses, np.uint8),
        "descriptors": np.rint((descriptors - means) / steps).clip(-STEPS, STEPS).astype(np.int8),
        "means": means,
        "steps": steps,
    }
    return Part(KNOWN, {}, tensors)


def _earliest(prints: Fingerprints, radii: Array) -> Array:
    """Return N: the position of the first image that each repeats, or its own."""
    _, first, inverse = np.unique(prints.hashes, return_index=True, return_inverse=True)
    found = first[inverse]
    pairs = near_pairs(prints.descriptors, radii, prints.descriptors, radii)
    np.minimum.at(found, pairs[:, 1], pairs[:, 0])
    return np.asarray(found)


def known_part(prints: Fingerprints, uses: Array | None = None) -> dict[str, Part]:
    """Return the part of a model file that recognises images.

    Args:
        prints: of N images.
        uses: N: TRAINED or CALIBRATED; None: all of them trained the model.
    """
    used = np.full(len(prints), TRAINED) if uses is None else uses
    return {KNOWN: _stored(prints, used)}
