"""Lines that go down, or up, as training goes on: several models in one chart, several charts side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from sablier.report.figures import BLUE, GREEN, MUTED, ORANGE, SHARES, styled, to_png
from sablier.report.histories import Rows, loss_key, loss_series, rows_by_kind

PANEL_INCHES = (4.6, 3.4)
LEGEND_LINE_INCHES, KEY_INCHES, LETTER_INCHES = 0.22, 0.6, 0.085
DOT = 6  # size of a lone dot
# Okabe and Ito's, the strongest first; the others of theirs are too pale for a line.
LINE_COLOURS = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MOST_MARKED = 20  # points of a line that are marked one by one


@dataclass(frozen=True)
class Line:
    """One line of a chart; lines of one name have one colour, in every chart of a picture."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    linked: bool = True  # whether its points follow each other, and are more than marks


@dataclass(frozen=True)
class Panel:
    """One chart.

    Args:
        lines: what is drawn.
        x, y: what the axes say.
        levels: names of heights that are marked across the chart.
        shares: whether heights are shares, on a square-root axis, where small ones are distinguished and 0 has a place;
            otherwise they are losses, on a logarithmic axis.
    """

    lines: Sequence[Line]
    x: str
    y: str
    levels: Mapping[str, float] = field(default_factory=dict)
    shares: bool = False


@styled
def curve_panels(panels: Sequence[Panel], *, dashed: str = "", dots: str = "") -> bytes:
    """Return charts side by side as PNG, with one legend of the names below them.

    Args:
        dashed, dots: what dashed lines and lone dots are, for the legend.
    """
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    colours = {name: LINE_COLOURS[place % len(LINE_COLOURS)] for place, name in enumerate(names)}
    keys = {name: Line2D([], [], color=colour) for name, colour in colours.items()}
    if any(line.dashed for panel in panels for line in panel.lines):
        keys[dashed] = Line2D([], [], color=MUTED, ls="--")
    if not all(line.linked for panel in panels for line in panel.lines):
        keys[dots] = Line2D([], [], color=MUTED, ls="none", marker="o", ms=DOT)
    across = len(panels)
    width = PANEL_INCHES[0] * across
    columns = min(len(keys), int(width / (LETTER_INCHES * max(map(len, keys), default=1) + KEY_INCHES))) or 1
    figure = Figure((width, PANEL_INCHES[1] + LEGEND_LINE_INCHES * -(-len(keys) // columns)), layout="constrained")
    for axes, panel in zip(figure.subplots(1, across, squeeze=False)[0], panels, strict=True):
        _draw(axes, panel, colours)
    figure.legend(keys.values(), keys, loc="outside lower center", ncols=columns)
    return to_png(figure)


def _draw(axes: Axes, panel: Panel, colours: Mapping[str, str]) -> None:
    for line in panel.lines:
        marker = "o" if len(line.x) <= MOST_MARKED else "none"
        style = "none" if not line.linked else "--" if line.dashed else "-"
        axes.plot(line.x, line.y, ls=style, marker=marker, ms=4 if line.linked else DOT, lw=1.6, color=colours[line.name])
    axes.set(xlabel=panel.x, ylabel=f"{panel.y}\n({'square-root' if panel.shares else 'log'} scale)")
    if all(float(x).is_integer() for line in panel.lines for x in line.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    for name, height in panel.levels.items():
        axes.axhline(height, color=MUTED, lw=1, ls=":", zorder=1)
        axes.annotate(
            name, (1, height), xycoords=("axes fraction", "data"), xytext=(0, 2), textcoords="offset points", ha="right",
            fontsize=8.5, color=MUTED, bbox={"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
    if panel.shares:
        axes.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
        axes.set_ylim(0, 1)
        axes.set_yticks([share / 100 for share in SHARES])
        axes.yaxis.set_major_formatter(lambda y, _position: f"{y:.0%}")
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    if not panel.lines:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no losses recorded", transform=axes.transAxes, ha="center", color=MUTED)


def training_curves(models: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> bytes:
    """Return the losses of several models by epoch and by seconds as PNG, a pair of charts for each kind of network.

    Args:
        models: name -> the histories of its model file.
    """
    kinds = {name: rows_by_kind(histories) for name, histories in models.items()}
    panels = []
    for kind in dict.fromkeys(kind for found in kinds.values() for kind in found) or {"": None}:
        for by, label in (("epoch", "epochs"), ("seconds", "seconds of training")):
            lines = [
                line for name, found in kinds.items() for rows in found.get(kind, {}).values() for line in _lines(name, rows, by)
            ]
            panels.append(Panel(lines, label, f"loss of {kind}" if kind else "loss"))
    return curve_panels(panels, dashed="held-out images")


def _lines(name: str, rows: Rows, by: str) -> list[Line]:
    """Return the lines of one history: of what was trained on, and of held-out images where there were any."""
    series = {False: loss_series(rows, loss_key(rows), by), True: loss_series(rows, "validation_loss", by)}
    return [Line(name, *points, dashed=dashed) for dashed, points in series.items() if points[0]]
