"""The part of a model file that recognises images: what is kept of `KnownImages`."""

import numpy as np

from sablier.errors import ModelFileError
from sablier.images.fingerprints import Fingerprints
from sablier.modelfile import ModelFile, Part
from sablier.tasks.known_images import CALIBRATED, TRAINED, KnownImages, Recognizer
from sablier.typing import Array

KNOWN = "known-images"  # the name of the part
SPREADS, STEPS = 4.0, 127  # range of a stored number around its mean, in standard deviations, and its steps


def known_images_in(file: ModelFile) -> KnownImages:
    """Return the known images of a model file.

    Raises:
        ModelFileError: if there are none, as for a model that was trained on patches.
    """
    if KNOWN not in file.parts:
        raise ModelFileError("the model file lacks what it recognises its training images by. Train it anew.")
    return KnownImages.from_tensors(file.parts[KNOWN].tensors)


def recognizer_of(file: ModelFile) -> Recognizer:
    """Return what recognises the images of a stream that a model file knows."""
    return Recognizer(known_images_in(file), file.preprocess)


def known_part(prints: Fingerprints, uses: Array | None = None) -> dict[str, Part]:
    """Return the part of a model file that recognises images.

    Args:
        prints: of N images.
        uses: N: TRAINED or CALIBRATED; None: all of them trained the model.
    """
    used = np.full(len(prints), TRAINED) if uses is None else uses
    return {KNOWN: _stored(prints, used)}


def recalibrated_part(known: KnownImages, prints: Fingerprints) -> dict[str, Part]:
    """Return the part for a recalibrated model: the known images that trained it, and those that calibrate it now."""
    kept = known.uses == TRAINED
    uses = np.r_[known.uses[kept], np.full(len(prints), CALIBRATED)]
    return {KNOWN: _stored(Fingerprints.joined(known.prints.take(kept), prints), uses, known.scale)}


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
