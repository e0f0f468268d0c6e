"""The charts of a page of detections, as SVG that is a part of the page."""

import re
from collections.abc import Callable

import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes

from sablier.calibration import DiscoveryBound, percent
from sablier.modelfile import ModelFile
from sablier.report import figures
from sablier.report.figures import BLUE, GREEN, GREY, GRID, INK, MUTED, ORANGE, ScoreGroup, chart, to_svg
from sablier.report.histories import loss_series, rows_by_kind
from sablier.tasks.detection.evaluate import EvaluationResult
from sablier.tasks.detection.summary import DetectionSummary
from sablier.typing import Array

# Charts take their colours from the page, which knows whether it is dark.
PAGE_COLOURS = {INK: "ink", MUTED: "muted", GRID: "grid", BLUE: "blue", ORANGE: "orange", GREEN: "green", GREY: "grey"}


def loss_charts(file: ModelFile) -> list[tuple[str, Markup]]:
    """Return a chart of losses for each kind of network that keeps any: they are measured in different units."""
    charts = []
    for kind, members in rows_by_kind(file.histories).items():
        if any(loss_series(rows, "loss")[0] for rows in members.values()):
            drawn = chart(lambda axes, members=members: figures.draw_losses(axes, members))  # type: ignore[misc]
            name = f"Loss of {kind} by epoch" if kind else "Loss by epoch"
            charts.append((kind, inline_svg(to_svg(drawn), name)))
    return charts


def scores_chart(edges: Array, groups: list[ScoreGroup], threshold: float) -> Markup:
    """Return the histogram of the scores of groups of images, with the threshold."""

    def draw(axes: Axes) -> None:
        figures.draw_scores(axes, edges, groups, threshold)

    return inline_svg(to_svg(chart(draw, (4.4, 3.5))), "Histogram of anomaly scores with the threshold")


def p_values_chart(summary: DetectionSummary) -> Markup:
    """Return the histogram of p-values, which is flat for images like those of calibration."""

    def draw(axes: Axes) -> None:
        counts = summary.p_value_counts
        axes.stairs(100 * counts / counts.sum(), np.linspace(0, 1, len(counts) + 1), color=BLUE, fill=True, alpha=0.6)
        axes.axhline(100 / len(counts), color=INK, ls=(0, (4, 2)), lw=1.5, label="expected for images like those of calibration")
        axes.yaxis.set_major_formatter(lambda y, _position: f"{y:g}%")
        axes.set(xlabel="p-value", ylabel="share of images", xlim=(0, 1))
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left")

    return inline_svg(to_svg(chart(draw, (4.4, 3.5))), "Histogram of p-values")


def bound_chart(bound: DiscoveryBound) -> Markup:
    """Return the curve of images flagged against the bound on good ones among them."""

    def draw(axes: Axes) -> None:
        flagged, good = np.append(0, bound.flagged), np.append(0, bound.good)
        most = max(2 * bound.at(bound.cut)[0], int(1.5 * np.max(flagged - good)), 10)
        shown = flagged <= most
        axes.plot(flagged[shown], flagged[shown], color=MUTED, ls=(0, (4, 2)), lw=1, label="all flagged")
        axes.step(
            flagged[shown], good[shown], color=BLUE, where="post", label=f"good at most, {percent(bound.confidence)} confidence"
        )
        axes.plot(*bound.at(bound.cut), "o", color=ORANGE, label="these verdicts")
        axes.set(xlabel=f"{bound.counted} flagged", ylabel=f"good {bound.counted}", xlim=(0, most), ylim=(0, None))
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left")

    return inline_svg(to_svg(chart(draw, (4.4, 3.5))), "Images flagged, and at most how many of them are good")


def roc_chart(result: EvaluationResult) -> Markup:
    """Return the ROC curves of a detector and its baselines."""
    draw: Callable[[Axes], None] = lambda axes: figures.draw_roc(axes, result.rows, not result.undetermined)  # noqa: E731
    return inline_svg(to_svg(chart(draw, (4.4, 3.9))), "ROC curves of sablier and the baselines")


def inline_svg(svg_file: bytes, name: str) -> Markup:
    """Return a chart as SVG that is a part of the page: its colours follow it, its ids meet no other chart's.

    Args:
        svg_file: as `figures.to_svg` writes it.
        name: what it shows; no other chart of the page has the same.
    """
    svg = svg_file.decode()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = re.sub(r'<svg width="[^"]*" height="[^"]*"', f'<svg role="img" aria-label="{escape(name)}"', svg, count=1)
    prefix = re.sub(r"\W+", "-", name.lower())
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    return Markup(re.sub("|".join(PAGE_COLOURS), lambda found: f"var(--{PAGE_COLOURS[found[0]]})", svg))
