"""Points of the plane, side by side: how a set of them changes."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from sablier.report.figures import BLUE, styled, to_png
from sablier.typing import Array

PANEL_INCHES = 2.2
DOT = 1.2  # size of a point


@styled
def point_panels(panels: Mapping[str, Array], edge: float) -> bytes:
    """Return N,2 points as PNG, each set in a square from -edge to edge under its name."""
    figure = Figure((PANEL_INCHES * len(panels), PANEL_INCHES + 0.3), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for place, (name, points) in zip(axes, panels.items(), strict=True):
        place.scatter(*points.T, s=DOT, color=BLUE, alpha=0.35, linewidths=0, rasterized=True)
        place.set(xlim=(-edge, edge), ylim=(-edge, edge), xticks=[], yticks=[], aspect="equal")
        place.set_title(name, fontsize=10)
        place.spines[:].set_visible(True)
    return to_png(figure)
