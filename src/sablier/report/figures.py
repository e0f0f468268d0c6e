"""Charts: loss curves, scores against the threshold, ROC, sheets of images. Each draws on what it is given.

Nothing here touches pyplot, whose figures are global and outlive a request of a service.
"""

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from sablier.metrics import psnr
from sablier.report.histories import loss_key, loss_series, rows_by_kind
from sablier.report.pictures import FULL_DIFFERENCE, as_rgb, difference, overlay
from sablier.report.words import METHOD_NAMES
from sablier.tasks.detection.evaluate import MethodRow
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.latent.reconstruct import ReconstructionResult, ReconstructionSummary
from sablier.typing import Array

INK, MUTED, GRID = "#1d2330", "#626b7d", "#d5d9e2"
# Okabe and Ito's colours, told apart by people with any of the common colour blindnesses.
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#9aa2b1"
METHOD_COLOURS = (BLUE, ORANGE, GREEN)
# 4.4 inches are 317 units of SVG: on a phone 360 pixels wide a letter of 10 points is 10 pixels high.
CHART_INCHES = (4.4, 3.0)
SHARES = (0, 1, 5, 10, 20, 40, 60, 80, 100)

styled = mpl.rc_context(
    {
        "font.size": 10, "font.family": "DejaVu Sans", "text.color": INK, "text.parse_math": False,
        "axes.edgecolor": MUTED, "axes.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False,
        "axes.grid": True, "axes.axisbelow": True, "axes.facecolor": "none", "grid.color": GRID, "grid.linewidth": 0.8,
        "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
        "legend.frameon": False, "legend.fontsize": 9.5, "lines.linewidth": 1.8, "lines.solid_capstyle": "round",
        "svg.fonttype": "none", "svg.hashsalt": "sablier",
    }
)  # fmt: skip


@dataclass(frozen=True)
class ScoreGroup:
    """One histogram among several: how many scores fall in each bin."""

    name: str
    counts: Array
    colour: str
    filled: bool = False


@styled
def chart(draw: Callable[[Axes], None], inches: tuple[float, float] = CHART_INCHES) -> Figure:
    """Return a figure of one chart.

    >>> to_svg(chart(lambda axes: draw_losses(axes, {"fold-0": [{"epoch": 1, "loss": 0.1}]})))[:5]
    b'<?xml'
    """
    figure = Figure(inches, layout="constrained")
    draw(figure.add_subplot())
    return figure


@styled
def to_svg(figure: Figure) -> bytes:
    """Return the figure as SVG whose text stays text; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return re.sub(rb"<metadata>.*?</metadata>", b"", buffer.getvalue(), flags=re.DOTALL)


@styled
def to_png(figure: Figure, dots_per_inch: int = 150) -> bytes:
    """Return the figure as PNG on white."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch, facecolor="white")
    return buffer.getvalue()


@styled
def draw_losses(axes: Axes, histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Draw training and validation loss against epochs, one line per fold or member.

    Args:
        histories: member -> rows with "epoch", "loss" and perhaps "validation_loss".
    """
    trained_on = loss_key(row for rows in histories.values() for row in rows)
    for key, label, colour in ((trained_on, "training", BLUE), ("validation_loss", "held-out images", ORANGE)):
        for rows in histories.values():
            epochs, values = loss_series(rows, key)
            if epochs:
                marker = "o" if len(epochs) < 20 else "none"
                thin = 1.8 if len(histories) == 1 else 1.1
                axes.plot(epochs, values, marker=marker, ms=3, lw=thin, color=colour, label=label, alpha=0.9)
                label = "_"  # one entry in the legend for all members
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set(xlabel="epoch", ylabel="loss (log scale)")
    if axes.get_lines():
        axes.legend(loc="upper right")
    else:
        axes.set(xticks=[], yticks=[])
        axes.set_yticks([], minor=True)
        axes.text(0.5, 0.5, "no losses recorded", transform=axes.transAxes, ha="center", color=MUTED)


@styled
def draw_scores(axes: Axes, edges: Array, groups: Sequence[ScoreGroup], threshold: float = float("inf")) -> None:
    """Draw histograms of scores, each as shares of its own images, and the threshold where it is finite.

    The axis is a square root (a rootogram, Tukey 1977), so that a single image among hundreds is still visible.
    """
    shown = [group for group in groups if group.counts.sum()]
    step = _bins_joined(min((int(group.counts.sum()) for group in shown), default=1), len(edges) - 1)
    axes.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    highest = 1.0
    for group in shown:
        counts = np.add.reduceat(group.counts, np.arange(0, len(group.counts), step))
        shares = 100 * counts / counts.sum()
        highest = max(highest, float(shares.max()))
        style: dict[str, Any] = {"fc": group.colour, "alpha": 0.45} if group.filled else {"ec": group.colour, "lw": 1.8}
        axes.stairs(shares, edges[::step], fill=group.filled, label=f"{group.name} ({int(counts.sum()):,})", **style)
    axes.set_ylim(0, highest * 1.1)
    axes.set_yticks([share for share in SHARES if share <= highest * 1.1])
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:.0f}%"))
    axes.set_xlim(edges[0], edges[-1])
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="anomaly score", ylabel="share of images\n(square-root scale)")
    if isfinite(threshold):
        axes.axvspan(threshold, edges[-1], color=ORANGE, alpha=0.1, lw=0)
        axes.axvline(threshold, color=INK, ls=(0, (4, 2)), lw=1.5, label="threshold: images to its right are flagged")
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", handlelength=1.5)


def _bins_joined(count: int, bins: int) -> int:
    """Return how many neighbouring bins to draw as one, so that few images do not make a comb."""
    wanted = 1 if count >= 400 else 2 if count >= 100 else 3
    return next(step for step in range(wanted, 0, -1) if bins % step == 0)


@styled
def draw_roc(axes: Axes, rows: Sequence[MethodRow], decided: bool = True) -> None:
    """Draw the share of bad images flagged against that of good ones; a dot marks the rates at the threshold."""
    for row, colour in reversed(list(zip(rows, METHOD_COLOURS, strict=False))):
        ours = row is rows[0]
        name = METHOD_NAMES.get(row.method, row.method)
        axes.plot(*row.roc, color=colour, lw=2.4 if ours else 1.5, ls="-" if ours else "--", label=f"{name} {row.auroc:.3f}")
        if decided:
            axes.plot([row.false_alarms.value], [1 - row.missed.value], "o", color=colour, ms=7 if ours else 5)
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
    ticks = np.linspace(0, 1, 6)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=ticks, yticks=ticks)
    axes.xaxis.set_major_formatter(lambda x, _position: f"{x:.0%}")
    axes.yaxis.set_major_formatter(lambda y, _position: f"{y:.0%}")
    axes.set(xlabel="good images flagged", ylabel="bad images flagged")
    axes.legend(title="AUROC", loc="lower right", reverse=True)


@dataclass(frozen=True)
class Sheet:
    """Pictures side by side in groups of one or more, each group under its caption, laid out in inches.

    Args:
        groups: a sequence per group of H,W,3 bytes, all of one size.
        captions: one per group; of a longer one, the end is shown.
        columns: groups in a row.
        side: inches of a picture's longer side.
        title: lines above all of it.
    """

    groups: Sequence[Sequence[Array]]
    captions: Sequence[str] = ()
    columns: int = 2
    side: float = 1.2
    title: str = ""

    @property
    def picture_inches(self) -> tuple[float, float]:
        """Width and height of one picture."""
        height, width = self.groups[0][0].shape[:2] if self.groups else (1, 1)
        return self.side * width / max(height, width), self.side * height / max(height, width)

    @property
    def cell_inches(self) -> tuple[float, float]:
        """Width and height of one group with its caption and the space around it."""
        width, height = self.picture_inches
        longest = len(self.groups[0]) if self.groups else 1
        lines = max((caption.count("\n") + 1 for caption in self.captions), default=0)
        return max(longest * (width + 0.05), 0.8 if lines else 0) + 0.2, height + 0.16 * lines + 0.2

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height of the whole."""
        width, height = self.cell_inches
        across = min(self.columns, max(len(self.groups), 1))
        longest = max(map(len, self.title.split("\n")))
        return max(across * width, 0.082 * longest + 0.2 * bool(longest)), max(
            -(-len(self.groups) // self.columns), 1
        ) * height + self.title_inches

    @property
    def title_inches(self) -> float:
        """Height of the title."""
        return 0.1 + 0.2 * (self.title.count("\n") + 1) if self.title else 0.0

    @styled
    def draw(self, figure: Figure | SubFigure) -> None:
        """Draw on a figure of these inches."""
        # One axes for all: an axes per picture takes seconds for a hundred of them.
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        (width, height), (across, down) = self.picture_inches, self.cell_inches
        most = int((across - 0.1) / 0.075)
        if self.title:
            axes.text(0.1, 0.1, "\n".join(map(drawable, self.title.split("\n"))), fontsize=10, va="top", linespacing=1.3)
        for place, pictures in enumerate(self.groups):
            left, top = (place % self.columns) * across + 0.1, (place // self.columns) * down + 0.1 + self.title_inches
            if place < len(self.captions):
                lines = [shortened(drawable(line), most) for line in self.captions[place].split("\n")]
                axes.text(left, top, "\n".join(lines), fontsize=8, va="top", linespacing=1.2)
            bottom = top - 0.2 + down
            for picture in pictures:
                axes.imshow(picture, extent=(left, left + width, bottom, bottom - height), interpolation="nearest")
                left += width + 0.05
        axes.set(xlim=(0, self.inches[0]), ylim=(self.inches[1], 0), aspect="auto")

    def figure(self) -> Figure:
        """Return a figure of the sheet."""
        figure = Figure(self.inches)
        self.draw(figure)
        return figure


def result_sheet(result: DetectionResult, indices: Iterable[int]) -> Sheet:
    """Return image | reconstruction | anomaly map of some images of a result; empty where it has no pictures.

    A detector none of whose members reconstructs has no reconstructions: there it is image | anomaly map.
    """
    if result.images is None or result.anomaly_maps is None:
        return Sheet(())
    chosen = list(indices)
    captions = [f"{result.ids[i]}\np = {result.p_values[i]:.3g}, {result.verdicts[i]}" for i in chosen]
    images, anomaly_maps = result.images[chosen], result.anomaly_maps[chosen]
    columns = [[as_rgb(image) for image in images]]
    if result.reconstructions is not None:
        columns.append([as_rgb(again) for again in result.reconstructions[chosen]])
    columns.append([overlay(image, anomaly_map) for image, anomaly_map in zip(images, anomaly_maps, strict=True)])
    return Sheet(list(zip(*columns, strict=True)), captions)


def picture_rows(rows: Mapping[str, Array]) -> bytes:
    """Return rows of N,H,W,C images in [0, 1], each under its name, as PNG."""
    groups = [[as_rgb(picture) for picture in pictures] for pictures in rows.values()]
    return to_png(Sheet(groups, list(rows), columns=1, side=0.8).figure())


def reconstruction_sheet(summary: ReconstructionSummary) -> Sheet:
    """Return image | reconstruction | difference of the best, typical and worst images of a summary."""
    kinds = {"best": summary.best, "typical": summary.typical, "worst": summary.worst}
    groups = [trio for result in kinds.values() for trio in _reconstruction_trios(result)]
    captions = [
        f"{kind}: {id}\nerror {mse:.5f}, {psnr(mse):.1f} dB"
        for kind, result in kinds.items()
        for id, mse in zip(result.ids, result.mse.tolist(), strict=True)
    ]
    colours = f"blue: too dark, orange: too bright,\nin full colour from a difference of {FULL_DIFFERENCE:g} on"
    title = f"image | reconstruction | difference\n{colours}"
    return Sheet(groups, captions, title=title)


def _reconstruction_trios(result: ReconstructionResult) -> list[tuple[Array, Array, Array]]:
    pairs = zip(result.images, result.reconstructions, strict=True)
    return [(as_rgb(image), as_rgb(again), difference(image, again)) for image, again in pairs]


def loss_curves(histories: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the loss curves of a model file's histories, "member-K/KIND" -> {"rows": ...}, as SVG."""
    return to_svg(loss_figure(histories))


@styled
def loss_figure(histories: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return a chart beside the other for each kind of network: their losses are measured in different units."""
    kinds = rows_by_kind(histories) or {"": {}}
    figure = Figure((CHART_INCHES[0] * len(kinds), CHART_INCHES[1]), layout="constrained")
    for axes, (kind, members) in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds.items(), strict=True):
        draw_losses(axes, members)
        if len(kinds) > 1:
            axes.set_title(kind, fontsize=10)
    return figure


def montage(images: Array, reconstructions: Array, anomaly_maps: Array, captions: Sequence[str] = ()) -> bytes:
    """Return image | reconstruction | anomaly map of N images as PNG.

    Args:
        images, reconstructions: N,H,W,C in [0, 1].
        anomaly_maps: N,H,W, where 1 is the mark level at 5 %.
        captions: N, or none.
    """
    trios = zip(images, reconstructions, anomaly_maps, strict=True)
    groups = [(as_rgb(image), as_rgb(again), overlay(image, anomaly_map)) for image, again, anomaly_map in trios]
    return to_png(Sheet(groups, captions).figure())


def sheet(images: Array, captions: Sequence[str] = (), columns: int = 8) -> bytes:
    """Return N,H,W,C images in [0, 1] as one PNG."""
    return to_png(Sheet([(as_rgb(image),) for image in images], captions, columns).figure())


def shortened(text: str, most: int = 34) -> str:
    """Return the end of a long name, where file names differ.

    >>> shortened("a/very/long/folder/name/with/image-0001.png", 20)
    '…/with/image-0001.png'
    """
    return text if len(text) <= most else "…" + text[-most:]


def drawable(text: str) -> str:
    """Return the text with each character that the chart font lacks as a box, rather than with a warning for each."""
    return "".join(letter if ord(letter) in _known_letters() else "□" for letter in text)


@cache
def _known_letters() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
