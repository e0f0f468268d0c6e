"""The reliability diagram of a classifier: accuracy by confidence."""

import numpy as np
from matplotlib.figure import Figure

from sablier.calibration import percent
from sablier.report.figures import BLUE, GREY, INK, MUTED, ORANGE, styled, to_png
from sablier.report.words import counted
from sablier.tasks.classification.classify import Reliability

FEW = 10  # predictions in a bin, below which their accuracy says little


@styled
def reliability_diagram(found: Reliability) -> bytes:
    """Return a PNG: bars of the accuracy of predictions, by their confidence, and below how many there are of each."""
    figure = Figure((5.2, 5.0), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    bins = len(found.counts)
    edges, width = np.arange(bins) / bins, 1 / bins
    full, few = found.counts > 0, found.counts < FEW
    for kind, colour, label in ((full & ~few, BLUE, "accuracy"), (full & few, GREY, f"fewer than {FEW} images")):
        if kind.any():
            axes.bar(edges[kind], found.right[kind], width, align="edge", color=colour, ec="white", lw=0.8, label=label)
    axes.vlines(edges[full] + width / 2, found.right[full], found.sure[full], color=ORANGE, lw=2.2, label="gap to confidence")
    axes.plot([0, 1], [0, 1], color=INK, lw=1, ls=(0, (4, 2)), label="perfect calibration")
    shares = np.linspace(0, 1, 6)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xticks=shares, yticks=shares, ylabel="accuracy")
    for axis in (axes.yaxis, axes.xaxis):
        axis.set_major_formatter(lambda value, _position: f"{value:.0%}")
    axes.legend(loc="upper left")
    axes.set_title(
        f"Expected calibration error (ECE) {percent(found.error)}, {counted(int(found.counts.sum()))}", fontsize=10, loc="left"
    )
    below.bar(edges, found.counts, width, align="edge", color=GREY, ec="white", lw=0.8)
    below.set_yscale("symlog", linthresh=1)
    below.set_ylim(0, max(10.0, 4.0 * float(found.counts.max())))
    for edge, count in zip(edges[full], found.counts[full].tolist(), strict=True):
        below.annotate(
            f"{count:,}", (edge + width / 2, count), (0, 2), textcoords="offset points", ha="center", fontsize=7, color=MUTED
        )
    below.set_yticks([])
    below.set_yticks([], minor=True)
    below.grid(visible=False)
    below.set(xlabel="confidence (probability of the predicted class)", ylabel="images\n(log scale)")
    return to_png(figure)
