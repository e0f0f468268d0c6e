"""Bold A - regular A + regular B, where the true bold B is known: letters of a font family that is not in training.

The lesson's example (with glasses - without + another without) has no known answer; glyphs have one. Letters are rendered in
poses: size, shift and rotation are random once per pose, and all letters of the pose share them. The sum then differs from
the truth only by the error of the model.
"""

from dataclasses import dataclass

import numpy as np

from sablier.images.glyphs import FONTS, LETTERS, draw_letter, reduced
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.latent.arithmetic import weights_of
from sablier.tasks.latent.reconstruct import decode, encode, squared_errors
from sablier.typing import Array

REGULAR, BOLD = 0, 1


@dataclass(frozen=True)
class Sums:
    """Decoded sums of codes against the truth; errors are mean squared errors of pixels in [0, 1].

    Args:
        count: how many sums.
        error: of the decoded sum, to bold B.
        nothing: of regular B itself, to bold B: the error without a sum.
        redrawn: of the reconstruction of bold B: the error if the code of the sum were right.
        right: the share of sums that are nearer, in pixels, to bold B than to any other of the twenty letters of the pose.
        right_by_code: the same share by the distances of codes.
    """

    count: int
    error: float
    nothing: float
    redrawn: float
    right: float
    right_by_code: float

    @property
    def error_ratio(self) -> float:
        """The error over that without a sum."""
        return self.error / self.nothing

    @property
    def floor_ratio(self) -> float:
        """The same ratio if the code were that of bold B: a floor for the error of sums."""
        return self.redrawn / self.nothing


def drawn_letters(family: str, poses: int, seed: int = 0) -> Array:
    """Render the ten letters of a family, regular and bold, in each pose, upright and, if it has both, slanted.

    Returns:
        P,10,2,28,28,1 uint8.

    >>> drawn_letters("STIX", 2).shape, drawn_letters("Computer Modern", 2).shape
    ((4, 10, 2, 28, 28, 1), (2, 10, 2, 28, 28, 1))
    """
    fonts = {(font.italic, font.bold): font for font in FONTS if font.family == family}
    styles = [italic for italic in (False, True) if (italic, False) in fonts and (italic, True) in fonts]
    drawn = [
        [
            [
                reduced(draw_letter(letter, fonts[italic, bold], np.random.default_rng([seed, italic, pose])))
                for bold in (False, True)
            ]
            for letter in LETTERS
        ]
        for italic in styles
        for pose in range(poses)
    ]
    return np.array(drawn, np.uint8)[..., None]


def families_with_bold() -> tuple[str, ...]:
    """Return the font families that have a bold face, in the order of `FONTS`."""
    return tuple(dict.fromkeys(font.family for font in FONTS if font.bold))


def sums_to_bold(codes: Array, averaged: bool) -> tuple[Array, Array]:
    """Return bold A - regular A + regular B for each pose and each pair of letters, and which letter B is.

    Args:
        codes: P,L,2,latent of letters, regular and bold.
        averaged: take for A the mean of all letters but B, instead of each of them in turn.

    Returns:
        P,S,latent and S.
    """
    letters = codes.shape[1]
    plus, plus_too, minus = weights_of(2, 1)
    if averaged:
        others = (codes.sum(axis=1, keepdims=True) - codes) / (letters - 1)
        return plus * others[:, :, BOLD] + plus_too * codes[:, :, REGULAR] + minus * others[:, :, REGULAR], np.arange(letters)
    a, b = np.nonzero(~np.eye(letters, dtype=bool))
    return plus * codes[:, a, BOLD] + plus_too * codes[:, b, REGULAR] + minus * codes[:, a, REGULAR], b


def encoded_letters(model: Model, preprocess: Preprocess, pixels: Array) -> Array:
    """Return the codes of P,10,2,28,28,1 letters, P,10,2,latent."""
    return encode(model, preprocess, ImageSet(pixels.reshape(-1, *pixels.shape[3:]))).reshape(*pixels.shape[:3], -1)


def measured_sums(model: Model, preprocess: Preprocess, pixels: Array, averaged: bool = False) -> Sums:
    """Compare decoded sums with true bold letters.

    Args:
        pixels: from `drawn_letters`.
        averaged: as in `sums_to_bold`.
    """
    codes, unit = encoded_letters(model, preprocess, pixels), preprocess.to_unit(pixels)
    sums, letter = sums_to_bold(codes, averaged)
    poses, count = sums.shape[:2]
    drawn = decode(model, preprocess, sums.reshape(poses * count, -1)).reshape(poses, count, *unit.shape[3:])
    redrawn = decode(model, preprocess, codes[:, :, BOLD].reshape(poses * len(unit[0]), -1)).reshape(unit[:, :, BOLD].shape)
    truth = 2 * letter + BOLD  # among the twenty candidates of a pose, letter by letter
    flat = (poses * count, -1)
    return Sums(
        count=poses * count,
        error=float(squared_errors(unit[:, letter, BOLD].reshape(flat), drawn.reshape(flat)).mean()),
        nothing=float(squared_errors(unit[:, :, BOLD], unit[:, :, REGULAR]).mean()),
        redrawn=float(squared_errors(unit[:, :, BOLD], redrawn).mean()),
        right=_share_nearest(drawn.reshape(poses, count, -1), unit.reshape(poses, 2 * unit.shape[1], -1), truth),
        right_by_code=_share_nearest(sums, codes.reshape(poses, 2 * unit.shape[1], -1), truth),
    )


def _share_nearest(found: Array, candidates: Array, truth: Array) -> float:
    """Return the share of P,S,D vectors whose nearest of P,K,D candidates is the one with the number in S."""
    squares = [((one[:, None] - known) ** 2).sum(axis=2) for one, known in zip(found, candidates, strict=True)]
    return float(np.mean(np.stack(squares).argmin(axis=2) == truth))
