"""Interpolations and sums of images, drawn: a strip, an animation, an equation of pictures."""

import io
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from sablier.report.figures import INK, MUTED, ORANGE, Sheet, drawable, shortened, styled, to_png
from sablier.report.pictures import as_bytes, as_rgb, enlarged
from sablier.report.words import counted
from sablier.tasks.latent.arithmetic import Combination, Term
from sablier.tasks.latent.interpolation import Interpolation
from sablier.typing import Array

MOST_IN_A_ROW = 12
FRAME_PIXELS = 252  # least height of an animation
FRAME_MILLISECONDS, END_MILLISECONDS = 70, 700
LONGEST, SIGN, BESIDE = 1.3, 0.4, 0.05  # inches: longer side of a part, width of a sign, space between real images
ABOVE, MARGIN = 0.45, 0.15  # inches: for two lines of text above a part, and around everything
BELOW = 3  # real images under each part
LETTERS_PER_INCH = 13  # of captions


def interpolation_figure(interpolation: Interpolation) -> Figure:
    """Return the pictures of an interpolation in a row, between the two images themselves."""
    shares = [f"{share:.0%}" for share in np.linspace(0, 1, len(interpolation))]
    pictures = [interpolation.ends[0], *interpolation.images, interpolation.ends[1]]
    captions = [interpolation.ids[0], *shares, interpolation.ids[1]]
    title = "first and last: the images themselves; between them: decoded codes"
    columns = min(MOST_IN_A_ROW, len(pictures))
    return Sheet([(as_rgb(picture),) for picture in pictures], captions, columns, side=0.8, title=title).figure()


def interpolation_strip(interpolation: Interpolation) -> bytes:
    """Return `interpolation_figure` as PNG."""
    return to_png(interpolation_figure(interpolation))


def interpolation_animation(interpolation: Interpolation) -> bytes:
    """Return an interpolation, there and back, as an animated GIF that repeats; small images are enlarged."""
    there = [Image.fromarray(enlarged(as_bytes(picture), FRAME_PIXELS)) for picture in interpolation.images]
    frames = [*there, *there[-2:0:-1]]
    ends = (0, len(there) - 1)
    durations = [END_MILLISECONDS if index in ends else FRAME_MILLISECONDS for index in range(len(frames))]
    buffer = io.BytesIO()
    frames[0].save(buffer, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return buffer.getvalue()


@dataclass(frozen=True)
class _Column:
    """A decoded picture with a sign before it, two lines above it and real images below it."""

    sign: str
    lines: tuple[str, str]
    picture: Array
    images: Array


@styled
def combination_figure(combination: Combination) -> Figure:
    """Return the decoded parts with their signs and the result, each above real images: its own, or the nearest ones."""
    columns = [_column(term, place) for place, term in enumerate(combination.terms)]
    columns.append(_Column("=", ("decoded", "below: nearest images"), combination.image, combination.nearest_images))
    note = leaving_sentence(combination) if combination.leaves_data else ""
    height, width = _sides(combination.image, LONGEST)
    small_height, _ = _sides(combination.image, _small_side(width))
    inches = (
        max(2 * MARGIN + len(columns) * (SIGN + width) - SIGN, len(note) / LETTERS_PER_INCH),
        2 * MARGIN + ABOVE + height + BESIDE + small_height + (0.3 if note else 0.0),
    )
    figure = Figure(inches)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for place, column in enumerate(columns):
        _draw_column(axes, column, MARGIN + place * (SIGN + width), MARGIN)
    axes.text(MARGIN, inches[1] - MARGIN, note, fontsize=8, va="bottom", color=ORANGE)
    axes.set(xlim=(0, inches[0]), ylim=(inches[1], 0), aspect="auto")
    return figure


def combination_picture(combination: Combination) -> bytes:
    """Return `combination_figure` as PNG."""
    return to_png(combination_figure(combination))


def leaving_sentence(combination: Combination) -> str:
    """Return whether the code of the result lies among those of real images, in a sentence; "" where that is not known."""
    if combination.p_value is None:
        return ""
    if combination.leaves_data:
        return f"The result lies outside the training data: at most {combination.p_value:.1%} of real images are as far out."
    return f"The result lies within the training data: {combination.p_value:.0%} of real images are as far out."


def _column(term: Term, place: int) -> _Column:
    sign = "\N{MINUS SIGN}" if term.weight < 0 else "+" if place else ""
    share = "" if abs(term.weight) == 1 else f", weight {term.weight:.2g}"
    return _Column(sign, (term.name, counted(term.count) + share), term.mean, term.images)


def _draw_column(axes: Axes, column: _Column, left: float, top: float) -> None:
    height, width = _sides(column.picture, LONGEST)
    axes.text(left - SIGN / 2, top + ABOVE + height / 2, column.sign, fontsize=18, ha="center", va="center", color=INK)
    most = int(LETTERS_PER_INCH * (width + SIGN))
    name, note = (shortened(drawable(line), most) for line in column.lines)
    axes.text(left, top + ABOVE / 2, name, fontsize=8, va="bottom", color=INK)
    axes.text(left, top + ABOVE - 0.05, note, fontsize=7, va="bottom", color=MUTED)
    _draw_picture(axes, column.picture, left, top + ABOVE, LONGEST)
    side = _small_side(width)
    for place, image in enumerate(column.images[:BELOW]):
        corner = left + place * (_sides(image, side)[1] + BESIDE)
        _draw_picture(axes, image, corner, top + ABOVE + height + BESIDE, side)


def _small_side(width: float) -> float:
    """Return the longer side of real images of which three lie side by side below a part of that width, in inches."""
    return LONGEST * (width - (BELOW - 1) * BESIDE) / (BELOW * width)


def _draw_picture(axes: Axes, picture: Array, left: float, top: float, side: float) -> None:
    height, width = _sides(picture, side)
    axes.imshow(as_rgb(picture), extent=(left, left + width, top + height, top), interpolation="nearest")


def _sides(picture: Array, side: float) -> tuple[float, float]:
    """Return the height and the width in inches of a picture whose longer side is `side`."""
    height, width = picture.shape[:2]
    return side * height / max(height, width), side * width / max(height, width)
