"""Charts of the pages of sections, in any language: lines, and histograms with a threshold."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from sablier.report.curves import LINE_COLOURS, MOST_MARKED, Line
from sablier.report.figures import BLUE, INK, ORANGE, chart, to_svg
from sablier.report.sections import Picture
from sablier.typing import Array

INCHES = (4.6, 3.3)
BINS = 40
FEW = 3  # places of points up to which each has its own tick
MOST_OF_A_HISTOGRAM = 0.995  # quantile at which the axis ends; larger values are counted in the last bin


def lines_picture(lines: Sequence[Line], x: str, y: str, alt: str, caption: str = "", *, log: bool = False) -> Picture:
    """Return lines over a common axis; those of one name have one colour and one entry in the legend.

    Args:
        x, y: what the axes say.
        alt: what is to be seen; no other chart of the page has the same.
        log: whether the heights are on a logarithmic axis.
    """
    return Picture(to_svg(chart(lambda axes: _draw_lines(axes, lines, x, y, log), INCHES)), alt, caption)


def _draw_lines(axes: Axes, lines: Sequence[Line], x: str, y: str, log: bool) -> None:
    names = list(dict.fromkeys(line.name for line in lines))
    for line in lines:
        first = next(other for other in lines if other.name == line.name) is line
        marker = "o" if len(line.x) <= MOST_MARKED else "none"
        colour = LINE_COLOURS[names.index(line.name) % len(LINE_COLOURS)]
        style = "none" if not line.linked else "--" if line.dashed else "-"
        axes.plot(line.x, line.y, color=colour, marker=marker, ms=3, ls=style, lw=1.6, label=line.name if first else "_")
    axes.set(xlabel=x, ylabel=y)
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    places = sorted({value for line in lines for value in line.x})
    if len(places) <= FEW:
        axes.set_xticks(places)
    elif all(float(value).is_integer() for value in places):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)


def histogram_picture(
    groups: Mapping[str, Array],
    x: str,
    y: str,
    alt: str,
    caption: str = "",
    *,
    threshold: float = float("inf"),
    threshold_name: str = "",
) -> Picture:
    """Return the histograms of up to two groups of values, each as shares of its own, and a threshold where it is finite.

    Args:
        groups: name -> values, the usual ones first.
        x, y: what the axes say.
        alt: what is to be seen; no other chart of the page has the same.
    """
    values = np.concatenate(list(groups.values()))
    edges = np.linspace(0, np.quantile(values, MOST_OF_A_HISTOGRAM), BINS + 1)

    def draw(axes: Axes) -> None:
        for (name, found), colour, filled in zip(groups.items(), (BLUE, ORANGE), (True, False), strict=False):
            counts = np.histogram(np.minimum(found, edges[-1]), edges)[0]
            style: dict[str, Any] = {"fc": colour, "alpha": 0.45} if filled else {"ec": colour, "lw": 1.8}
            axes.stairs(100 * counts / counts.sum(), edges, fill=filled, label=name, **style)
        if isfinite(threshold):
            axes.axvline(threshold, color=INK, ls=(0, (4, 2)), lw=1.5, label=threshold_name)
        axes.set(xlabel=x, ylabel=y, xlim=(0, edges[-1]), ylim=(0, None))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g} %"))
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left")

    return Picture(to_svg(chart(draw, INCHES)), alt, caption)
