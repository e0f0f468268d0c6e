"""Error by bytes: a codec beside others."""

from collections.abc import Mapping
from functools import partial

from matplotlib.axes import Axes

from sablier.report.figures import chart, to_png
from sablier.tasks.codec.peers import Rates

MOST_MARKED = 20  # points of a line that are marked one by one


def rates_chart(lossy: Mapping[str, Rates], lossless: Mapping[str, float]) -> bytes:
    """Return a PNG: mean squared error by mean bytes of an image, a line each; lossless codecs as marks on the axis."""
    return to_png(chart(partial(_draw, lossy=lossy, lossless=lossless), (8.0, 4.6)))


def _draw(axes: Axes, lossy: Mapping[str, Rates], lossless: Mapping[str, float]) -> None:
    for name, points in lossy.items():
        ours = name == "sablier"
        sizes, errors = zip(*sorted(points), strict=True)
        marker = "o" if len(points) <= MOST_MARKED else None
        axes.plot(
            sizes, errors, marker=marker, markersize=3.5, linewidth=2.6 if ours else 1.3, label=name, zorder=3 if ours else 2
        )
    for index, (name, size) in enumerate(sorted(lossless.items(), key=lambda row: row[1])):
        axes.axvline(size, color="0.6", linestyle=":", linewidth=1.1)
        axes.annotate(
            f"{name}: {size:,.0f}", (size, 1), xycoords=("data", "axes fraction"), xytext=(3, -4 - 11 * index),
            textcoords="offset points", va="top", fontsize=7.5, color="0.3",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, place: f"{value:g}")
    axes.set_xlabel("bytes per image, of real files (log scale; dotted: lossless)")
    axes.set_ylabel("mean squared error\n(pixels from 0 to 1; log scale)")
    axes.legend(fontsize=8, loc="lower left")
