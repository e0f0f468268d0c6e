"""Selections of a source by name: `mnist[label=5]`, `mnist:test[label!=5]`, `glyphs[label=A,B;bold=True]`."""

import re
from dataclasses import dataclass

import numpy as np

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet

_SELECTED = re.compile(r"^(?P<source>.+)\[(?P<conditions>[^\[\]]+)\]$", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """A column that must equal one of some values, or none of them."""

    column: str
    values: tuple[str, ...]
    equal: bool

    def keeps(self, images: ImageSet) -> ImageSet:
        """Return the images that meet the condition."""
        return images.take(images.matches(self.column, self.values) == self.equal)


def parse_selection(source: str) -> tuple[str, tuple[Condition, ...]]:
    """Return the source without its selection, and the conditions.

    >>> parse_selection("mnist:test[label!=5,6]")
    ('mnist:test', (Condition(column='label', values=('5', '6'), equal=False),))

    Raises:
        ImagesError: for a condition that is not column=value or column!=value.
    """
    match = _SELECTED.match(source)
    if match is None:
        return source, ()
    conditions = []
    for text in match["conditions"].split(";"):
        column, equals, values = text.partition("=")
        if not equals or not column.strip(" !") or not values.strip():
            raise ImagesError(f"expected column=value or column!=value in {source!r}, got {text!r}. For example mnist[label=5].")
        names = tuple(value.strip() for value in values.split(","))
        conditions.append(Condition(column.strip().removesuffix("!").strip(), names, not column.strip().endswith("!")))
    return match["source"], tuple(conditions)


def selected(images: ImageSet, conditions: tuple[Condition, ...]) -> ImageSet:
    """Return the images that meet every condition."""
    for condition in conditions if len(images) else ():  # none of no images has a label
        images = condition.keeps(images)
    return images


def check_not_empty(images: ImageSet, whole: ImageSet, source: str) -> ImageSet:
    """Return `images`, or raise an error that a selection is empty, with the labels that there are."""
    if len(images) or not len(whole):
        return images
    known = "" if whole.labels is None else f" The labels are: {', '.join(np.unique(whole.labels)[:20])}."
    raise ImagesError(f"{source}: no image meets the selection.{known}")
