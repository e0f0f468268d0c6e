"""The lesson's small network as a picture: each neuron and connection with its value and the derivative of the loss."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from sablier.course.backprop import LAYOUT, Passes
from sablier.report.figures import BLUE, INK, MUTED, ORANGE, styled, to_svg

INCHES = (7.4, 4.6)
PLACES = {"x1": (0.0, 1.2), "x2": (0.0, -1.2), "1": (2.5, 1.2), "2": (2.5, -1.2), "3": (5.0, 0.0), "L": (6.7, 0.0)}
# Where the two lines of text of each weight begin, clear of the connections.
TEXTS = {
    "w1": (1.25, 1.55), "w2": (0.08, -0.25), "w3": (0.08, 0.5), "w4": (1.25, -1.35), "w5": (3.75, 1.2), "w6": (3.75, -0.98),
}  # fmt: skip
RADIUS = 0.26  # of a neuron, and what a connection leaves free around its middle
LINE, APART = 0.24, 0.95  # between lines and columns of text


@styled
def network_drawing(passes: Passes, value_name: str, gradient_name: str) -> bytes:
    """Return the network as SVG: values in blue, derivatives in orange.

    Args:
        value_name, gradient_name: what the two colours are, for the legend.
    """
    figure = Figure(INCHES)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.6, 7.3), ylim=(-2.6, 2.3), aspect="equal")
    axes.set_axis_off()
    ends = [(source.removeprefix("o"), neuron) for neuron, inputs in LAYOUT.items() for source, _ in inputs]
    for source, neuron in [*ends, ("3", "L")]:
        begin, end = np.array(PLACES[source]), np.array(PLACES[neuron])
        reach = RADIUS * (end - begin) / np.linalg.norm(end - begin)
        axes.plot(*zip(begin + reach, end - reach, strict=True), color=MUTED, lw=1.2)
    for weight, (right, top) in TEXTS.items():
        _tell(axes, right, top, [weight], passes)
    for name, (right, high) in PLACES.items():
        axes.add_patch(Circle((right, high), RADIUS, fill=False, ec=INK, lw=1.4))
        axes.text(right, high, name, ha="center", va="center", color=INK)
        told = [f"p{name}", f"o{name}"] if name in LAYOUT else [name]
        above = high > 0 or name in ("3", "L")
        lines = len(told)
        _tell(axes, right, high + (0.2 + lines * LINE if above else -0.45), told, passes)
    axes.text(-0.5, -2.45, value_name, color=BLUE, va="center")
    axes.text(3.0, -2.45, gradient_name, color=ORANGE, va="center")
    return to_svg(figure)


def _tell(axes: Axes, right: float, top: float, names: list[str], passes: Passes) -> None:
    """Write values and, below them, derivatives of quantities around a place, downwards from `top`."""
    for column, name in enumerate(names):
        place = right + APART * (column - (len(names) - 1) / 2)
        lines = [(BLUE, f"{name} = {passes.values[name]:.3f}")]
        if name in passes.gradients:
            lines.append((ORANGE, f"{passes.gradients[name]:+.4f}"))
        for row, (colour, text) in enumerate(lines):
            axes.text(place, top - row * LINE, text, color=colour, ha="center", va="center", fontsize=8.5)
