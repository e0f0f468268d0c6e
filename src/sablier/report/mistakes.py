"""Mistakes as pictures: the images to review, their saliency maps, and which classes are confused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from sablier.report.figures import INK, MUTED, ORANGE, Sheet, drawable, shortened, styled, to_png
from sablier.report.pictures import HIGHEST, as_rgb, overlay
from sablier.report.words import counted
from sablier.tasks.classification.mistakes import MistakesResult
from sablier.typing import Array

MOST_SHOWN = 48  # images on the sheet and as cards of the page
FEWEST_SHOWN = 8  # where fewer are misclassified, those whose labels are least certain join them
MOST_PAIRS, EXAMPLES = 12, 6  # pairs of classes with examples, and examples of each
MOST_NUMBERED = 30  # classes up to which a cell of the confusion matrix is large enough for its number
LONGEST_CAPTION = 28  # letters that fit above an image and its neighbour on the sheet
CELL_INCHES, LARGEST_INCHES = 0.42, 14.0


@dataclass(frozen=True)
class Looked:
    """An image and its saliency map, both H,W,3 bytes."""

    image: Array
    looked: Array


def looked(image: Array, where: Array) -> Looked:
    """Return an H,W,C image in [0, 1] beside itself under an H,W map from 0 to 1."""
    return Looked(as_rgb(image), overlay(image, HIGHEST * where))


def shown_rows(result: MistakesResult) -> Array:
    """Return the positions of the images to show, by rank: the misclassified ones, and where they are few, others."""
    wrong, right = (result.order[result.wrong[result.order] == kind] for kind in (True, False))
    return np.asarray(np.r_[wrong[:MOST_SHOWN], right[: max(0, FEWEST_SHOWN - len(wrong))]])


def example_rows(result: MistakesResult, pair: Mapping[str, Any]) -> Array:
    """Return the positions of examples of a pair of classes, by rank."""
    both = (result.labels == pair["label"]) & (result.predicted == pair["predicted"])
    return np.asarray(result.order[both[result.order]][:EXAMPLES])


def pictured_rows(result: MistakesResult) -> Array:
    """Return the positions of all images that are shown with their saliency maps."""
    examples = [example_rows(result, pair) for pair in result.pairs()[:MOST_PAIRS]]
    return np.unique(np.concatenate([shown_rows(result), *examples]))


def caption(row: Mapping[str, Any]) -> str:
    """Return the caption of an image.

    >>> caption({"label": "4", "predicted": "9", "probability": 0.991})
    'labelled 4, predicted 9 (99 %)'
    """
    return f"labelled {row['label']}, predicted {row['predicted']} ({sureness(row['probability'])})"


def sureness(probability: float) -> str:
    """Return a probability as a percentage that is 0 or 100 % only where it is.

    >>> sureness(0.991), sureness(0.9999), sureness(1.0), sureness(0.002), sureness(0.0)
    ('99 %', '>99 %', '100 %', '<1 %', '0 %')
    """
    if 0.99 < probability < 1 and round(100 * probability) == 100:
        return ">99 %"
    if 0 < probability < 0.01 and round(100 * probability) == 0:
        return "<1 %"
    return f"{100 * probability:.0f} %"


def headline(result: MistakesResult) -> str:
    """Return how many labels are suspected to be wrong."""
    suspected, wrong = int(result.suspected.sum()), int(result.wrong.sum())
    if suspected:
        return f"{counted(suspected, 'suspected label error')} among {len(result):,} labels"
    if wrong:
        return f"No suspected label error; {wrong:,} of {counted(len(result))} {'is' if wrong == 1 else 'are'} misclassified"
    return f"All {counted(len(result))} are classified as labelled"


def mistakes_sheet(result: MistakesResult, pictures: Mapping[int, Looked]) -> bytes:
    """Return a PNG: image | saliency map, of those to review first."""
    rows = dict(zip(result.order.tolist(), result.to_table(), strict=True))
    shown = shown_rows(result).tolist()
    said = [caption(rows[row]) for row in shown]
    if max(map(len, said)) > LONGEST_CAPTION:
        said = [text.replace(", predicted ", "\npredicted ") for text in said]
    marks = [" (label error?)" if rows[row]["suspected"] else "" for row in shown]
    captions = [f"{text}\n{rows[row]['id']}{mark}" for text, row, mark in zip(said, shown, marks, strict=True)]
    title = f"{headline(result)}\nbeside each image its saliency map: the pixels that decide between both classes"
    groups = [(pictures[row].image, pictures[row].looked) for row in shown]
    return to_png(Sheet(groups, captions, columns=6, side=0.95, title=title).figure())


@styled
def confusion_picture(result: MistakesResult) -> bytes:
    """Return a PNG of the confusion matrix: labels down, predicted classes across; colours off the diagonal."""
    confusion, count = result.confusion, len(result.classes)
    side = min(LARGEST_INCHES, max(2.5, CELL_INCHES * count))
    figure = Figure((side + 1.6, side + 1.2), layout="constrained")
    axes = figure.add_subplot()
    off = np.where(np.eye(count, dtype=bool), 0, confusion)
    colours = LinearSegmentedColormap.from_list("mistakes", ["white", "#f6c9a8", ORANGE])
    # Square roots: beside the one pair that is confused most, the others are still seen.
    axes.imshow(np.sqrt(off), cmap=colours, vmin=0, vmax=max(1.0, float(np.sqrt(off.max()))))
    if count <= MOST_NUMBERED:
        for row, column in zip(*np.nonzero(confusion), strict=True):
            on = row == column
            axes.text(
                column, row, f"{confusion[row, column]:,}", ha="center", va="center", fontsize=7.5, color=MUTED if on else INK,
                fontweight="normal" if on else "bold",
            )  # fmt: skip
    names = [shortened(drawable(str(name)), 14) for name in result.classes]
    size = 9 if count <= MOST_NUMBERED else max(4.0, 72 * 0.8 * side / count)
    axes.set_xticks(range(count), names, rotation=0 if max(map(len, names)) <= 3 else 90, fontsize=size)
    axes.set_yticks(range(count), names, fontsize=size)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    axes.set(xlabel="predicted class", ylabel="label")
    axes.set_title(f"Accuracy {result.accuracy:.2%} on {counted(len(result))}", fontsize=10, loc="left")
    return to_png(figure)
