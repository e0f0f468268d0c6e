"""The lesson's sum on faces: one with glasses - the same without + another without, where the truth is known.

The lesson adds the glasses of a man to a woman. Here face shapes stand for men and women. The glasses of one shape are added
to faces of the other. Faces of one pose share place, size, tones and lines, so that the truth is known to the pixel. The
glasses come from faces of other poses: in the same pose, the difference of two images would be the very glasses wanted, and a
sum of pixels would do.
"""

import numpy as np

from sablier.course.sums import Sums, compared, encoded
from sablier.images.faces import COMBINATIONS, SHAPES, Pose, draw_face
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.latent.arithmetic import weights_of
from sablier.typing import Array


def without_held_out(images: ImageSet, shape: str) -> ImageSet:
    """Return the faces, less those of a shape that wear glasses."""
    return images.take(~(images.matches("shape", shape) & images.matches("glasses", True)))


def drawn_faces(poses: int, seed: int = 0) -> Array:
    """Draw the sixteen combinations of attributes in each pose.

    Returns:
        P,16,48,48,1 uint8, in the order of `COMBINATIONS`.

    >>> drawn_faces(2).shape
    (2, 16, 48, 48, 1)
    """
    drawn = [Pose.drawn(np.random.default_rng([seed, 2, pose])) for pose in range(poses)]
    return np.array([[draw_face(traits, pose) for traits in COMBINATIONS] for pose in drawn], np.uint8)[..., None]


def sums_to_glasses(codes: Array, shape: str, averaged: bool) -> tuple[Array, Array, Array]:
    """Return (other shape, glasses) - (other shape, bare) + (shape, bare), for each hair and smile of the last.

    Args:
        codes: P,16,... in the order of `COMBINATIONS`; two poses or more.
        shape: of the faces that get glasses.
        averaged: take for the faces of the other shape the means over the other poses and over hair and smile, instead of
            one face of the next pose, with each hair and smile in turn.

    Returns:
        P,S,...; and S: which combination is changed, and which should come out.
    """
    (other,) = set(SHAPES) - {shape}
    plus, plus_too, minus = weights_of(2, 1)
    wearing, bare = (codes[:, _places(other, glasses)] for glasses in (True, False))
    start, truth = (_places(shape, glasses) for glasses in (False, True))
    glasses = plus * wearing + minus * bare
    if averaged:
        means = glasses.mean(axis=1, keepdims=True)
        others = (means.sum(axis=0, keepdims=True) - means) / (len(codes) - 1)
        return plus_too * codes[:, start] + others, start, truth
    of, to = (each.ravel() for each in np.indices(2 * (len(start),)))
    return plus_too * codes[:, start[to]] + np.roll(glasses, 1, axis=0)[:, of], start[to], truth[to]


def measured_glasses(model: Model, preprocess: Preprocess, pixels: Array, shape: str, averaged: bool = False) -> Sums:
    """Compare decoded sums with true faces with glasses, among the sixteen combinations of the pose.

    Args:
        pixels: from `drawn_faces`.
        shape, averaged: as in `sums_to_glasses`.
    """
    codes = encoded(model, preprocess, pixels)
    sums, start, truth = sums_to_glasses(codes, shape, averaged)
    return compared(model, preprocess, pixels, codes, sums, start=start, truth=truth)


def error_ratio_of_pixels(preprocess: Preprocess, pixels: Array, shape: str, averaged: bool = False) -> float:
    """Return the error of the same sums of pixels, without a model, over that of doing nothing."""
    unit = preprocess.to_unit(pixels)
    sums, start, truth = sums_to_glasses(unit, shape, averaged)
    return float(np.mean((sums.clip(0, 1) - unit[:, truth]) ** 2) / np.mean((unit[:, start] - unit[:, truth]) ** 2))


def _places(shape: str, glasses: bool) -> Array:
    """Return where the four combinations of hair and smile are in `COMBINATIONS`."""
    return np.flatnonzero([each.shape == shape and each.glasses == glasses for each in COMBINATIONS])
