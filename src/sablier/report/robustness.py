"""The accuracy of a classifier under corruptions and attacks: a coloured table, a sheet of pictures, and an HTML page."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from sablier import __version__
from sablier.report.figures import INK, MUTED, ORANGE, Sheet, styled, to_png
from sablier.report.pages import rendered
from sablier.report.pictures import SMALL, as_rgb, data_uri
from sablier.report.words import counted
from sablier.tasks.classification.robustness import RobustnessResult
from sablier.transforms.natural import KINDS

CELL = (0.62, 0.25)  # inches, width and height
NAMES, MARGIN, HEAD = 1.5, 0.15, 0.45  # inches: for names on the left, around everything, for the lines above
LOST = LinearSegmentedColormap.from_list("lost", ["#ffffff", ORANGE])
LIGHT_ON = 0.75  # share lost from which letters are white
STRONGEST = 0.75  # opacity of a cell of the page where everything is lost


@dataclass(frozen=True)
class Cell:
    """A cell of the page's table: the accuracy as text, the opacity of its colour, and the picture in it as a data URI."""

    text: str
    opacity: str
    picture: str


@styled
def robustness_figure(result: RobustnessResult) -> Figure:
    """Return a table of accuracies, kinds by severities and their means, then attacks; the more is lost, the more orange."""
    groups: list[tuple[list[str], list[list[float]], list[str]]] = []
    if result.kinds:
        values = [[*row, float(np.mean(row))] for row in result.corrupted.tolist()]
        groups.append((list(result.kinds), values, [*map(str, result.severities), "mean"]))
    if result.attacks:
        names = [f"{each.attack}, {each.perturbation_set}" for each in result.attacks]
        groups.append((names, [[each.right] for each in result.attacks], ["accuracy"]))
    across = max((len(heads) for _, _, heads in groups), default=1)
    rows = sum(len(names) + 1.6 for names, _, _ in groups)
    lines = summary_lines(result)
    inches = max(2 * MARGIN + NAMES + across * CELL[0], 0.075 * max(map(len, lines))), 2 * MARGIN + HEAD + rows * CELL[1]
    figure = Figure(inches)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.text(MARGIN, MARGIN, "\n".join(lines), fontsize=9, va="top", linespacing=1.4)
    top = MARGIN + HEAD
    for names, values, heads in groups:
        _draw_table(axes, result, names, values, heads, top)
        top += (len(names) + 1.6) * CELL[1]
    axes.set(xlim=(0, inches[0]), ylim=(inches[1], 0))
    return figure


def _draw_table(
    axes: Axes, result: RobustnessResult, names: list[str], values: list[list[float]], heads: list[str], top: float
) -> None:
    """Draw one table with its heads, in inches."""
    width, height = CELL
    left = MARGIN + NAMES
    for column, head in enumerate(heads):
        axes.text(left + (column + 0.5) * width, top + height / 2, head, fontsize=8, ha="center", va="center", color=MUTED)
    for row, (name, numbers) in enumerate(zip(names, values, strict=True), 1):
        axes.text(left - 0.1, top + (row + 0.5) * height, name, fontsize=8, ha="right", va="center", color=INK)
        for column, right in enumerate(numbers):
            lost = share_lost(result, right)
            place = (left + column * width, top + row * height)
            axes.add_patch(Rectangle(place, *CELL, facecolor=LOST(lost), edgecolor="white", linewidth=1))
            colour = "white" if lost > LIGHT_ON else INK
            text = f"{100 * right / result.images:.1f}"
            middle = place[0] + width / 2, place[1] + height / 2
            axes.text(*middle, text, fontsize=8, ha="center", va="center", color=colour)


def robustness_table(result: RobustnessResult) -> bytes:
    """Return `robustness_figure` as PNG."""
    return to_png(robustness_figure(result))


def corruption_sheet(result: RobustnessResult) -> bytes:
    """Return a PNG: one image uncorrupted, and then of each kind at the severities that were measured."""
    example = as_rgb(result.example / 255)
    groups = [[example, *(as_rgb(each / 255) for each in row)] for row in result.pictures]
    severities = ", ".join(map(str, result.severities))
    title = f"one image, uncorrupted and corrupted\nat severity {severities}, from left to right"
    side = 0.62 if max(example.shape[:2]) <= SMALL else 1.0
    return to_png(Sheet(groups, result.kinds, columns=2, side=side, title=title).figure())


def robustness_page(result: RobustnessResult, title: str) -> str:
    """Return the page: tables first, with what each corruption does to one image in the same cells, then how it is measured."""
    mean, worst = result.corruption_accuracy, result.worst_attack
    return rendered(
        "robustness.html",
        title=title,
        headline=headline(result),
        images=counted(result.images),
        clean=f"{result.accuracy:.1%}",
        example=data_uri(as_rgb(result.example / 255)),
        pixelated=max(result.example.shape[:2]) <= SMALL,
        severities=result.severities,
        tiles=[
            ("images", f"{result.images:,}"),
            ("accuracy", f"{result.accuracy:.1%}"),
            *([] if mean is None else [("mean accuracy under corruption", f"{mean:.1%}")]),
            *((f"accuracy under {each.attack}", f"{each.right / result.images:.1%}") for each in result.attacks),
        ],
        kinds=[_kind_row(result, row) for row in range(len(result.kinds))],
        attacks=[
            (each.attack, each.perturbation_set, _cell(result, each.right), each.warnings if each is worst else ())
            for each in result.attacks
        ],
        skipped=len(result.skipped),
        made_by=f"sablier {__version__}",
    )


def headline(result: RobustnessResult) -> str:
    """Return the accuracy, that under corruptions and that under the strongest attack, in a sentence."""
    parts = []
    if result.corruption_accuracy is not None:
        parts.append(f"{result.corruption_accuracy:.1%} under corruption")
    worst = result.worst_attack
    if worst is not None:
        parts.append(f"{worst.right / result.images:.1%} under attack ({worst.attack}, {worst.perturbation_set})")
    return f"{result.accuracy:.1%} accuracy" + "".join(f", {part}" for part in parts)


def summary_lines(result: RobustnessResult) -> list[str]:
    """Return the lines above the table."""
    relative = result.relative((result.corruption_accuracy or 0.0) * result.images)
    share = f"; the mean under corruption is {relative:.0%} of that" if result.kinds and relative is not None else ""
    first = f"{counted(result.images)}: {result.accuracy:.1%} accuracy{share}"
    by = " by severity" if result.kinds else ""
    return [first, f"accuracy in %{by}; white: nothing lost, orange: all lost"]


def share_lost(result: RobustnessResult, right: float) -> float:
    """Return how much of the accuracy on uncorrupted images is lost, from 0 to 1."""
    kept = result.relative(right)
    return 0.0 if kept is None else float(np.clip(1 - kept, 0, 1))


def _kind_row(result: RobustnessResult, row: int) -> tuple[str, str, list[Cell], Cell]:
    name, numbers = result.kinds[row], result.corrupted[row].tolist()
    cells = [_cell(result, right, picture) for right, picture in zip(numbers, result.pictures[row], strict=True)]
    return name, KINDS[name].words, cells, _cell(result, float(np.mean(numbers)))


def _cell(result: RobustnessResult, right: float, picture: NDArray[np.uint8] | None = None) -> Cell:
    shown = "" if picture is None else data_uri(as_rgb(picture / 255))
    return Cell(f"{100 * right / result.images:.1f}", f"{STRONGEST * share_lost(result, right):.2f}", shown)
