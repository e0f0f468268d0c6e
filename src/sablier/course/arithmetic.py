"""Bold A - regular A + regular B, where the true bold B is known: letters of a font family that is not in training.

The lesson's example (with glasses - without + another without) has no known answer; glyphs have one. Letters are rendered in
poses: size, shift and rotation are random once per pose, and all letters of the pose share them. The sum then differs from
the truth only by the error of the model.
"""

import numpy as np

from sablier.course.sums import Sums, compared, encoded
from sablier.images.glyphs import FONTS, LETTERS, draw_letter, reduced
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.latent.arithmetic import weights_of
from sablier.typing import Array

REGULAR, BOLD = 0, 1


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
    return encoded(model, preprocess, _candidates(pixels)).reshape(*pixels.shape[:3], -1)


def measured_sums(model: Model, preprocess: Preprocess, pixels: Array, averaged: bool = False) -> Sums:
    """Compare decoded sums with true bold letters, among the twenty letters of a pose.

    Args:
        pixels: from `drawn_letters`.
        averaged: as in `sums_to_bold`.
    """
    codes = encoded_letters(model, preprocess, pixels)
    sums, letter = sums_to_bold(codes, averaged)
    known = codes.reshape(len(codes), -1, codes.shape[-1])
    return compared(
        model, preprocess, _candidates(pixels), known, sums, start=2 * letter + REGULAR, truth=2 * letter + BOLD
    )  # fmt: skip


def _candidates(pixels: Array) -> Array:
    """Return P,L,2,H,W,C letters as P,2L,H,W,C: letter by letter."""
    return pixels.reshape(len(pixels), -1, *pixels.shape[3:])
