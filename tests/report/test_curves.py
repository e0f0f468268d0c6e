"""Charts of how nets learnt: what is drawn, and what an empty history looks like."""

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from sablier.report import curves
from sablier.report.curves import Line, Panel, curve_panels, training_curves

ROWS = [{"epoch": epoch, "loss": 1 / epoch, "validation_loss": 1.1 / epoch, "seconds": 2.0 * epoch} for epoch in range(1, 6)]


def drawn(monkeypatch, make) -> Figure:
    """Return the figure that `make` writes."""
    kept: list[Figure] = []
    monkeypatch.setattr(curves, "to_png", lambda figure: kept.append(figure) or b"")
    make()
    return kept[0]


def test_a_line_a_model_by_epoch_and_by_seconds(monkeypatch):
    models = {"a": {"net": {"rows": ROWS}}, "b": {"net": {"rows": ROWS[:3]}}}
    figure = drawn(monkeypatch, lambda: training_curves(models))
    by_epoch, by_seconds = figure.axes
    assert [np.asarray(line.get_xdata()).tolist() for line in by_epoch.lines[::2]] == [[1, 2, 3, 4, 5], [1, 2, 3]]
    assert np.asarray(by_seconds.lines[2].get_xdata()).tolist() == [2, 4, 6]
    solid, dashed, other = by_epoch.lines[:3]
    assert solid.get_color() == dashed.get_color() != other.get_color()
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "held-out images"]


def test_kinds_of_networks_share_no_chart(monkeypatch):
    histories = {f"fold-{fold}/{kind}": {"rows": ROWS} for fold in (0, 1) for kind in ("restoration", "transformations")}
    figure = drawn(monkeypatch, lambda: training_curves({"a": histories, "b": {"fold-0/restoration": {"rows": ROWS}}}))
    assert [axes.get_ylabel() for axes in figure.axes] == [
        f"loss of {kind}\n(log scale)" for kind in ("restoration", "transformations") for _ in range(2)
    ]
    assert len(figure.axes[0].lines) == 6
    assert len(figure.axes[2].lines) == 4


def test_models_without_a_network_say_so(monkeypatch):
    figure = drawn(monkeypatch, lambda: training_curves({"a": {}, "b": {}}))
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["no losses recorded"]] * 2


def test_shares_of_nothing_are_drawn_too(monkeypatch):
    panel = Panel([Line("a", [1, 2, 3], [0.9, 0.1, 0.0])], "iterations", "misclassified", {"a level": 0.1}, shares=True)
    figure = drawn(monkeypatch, lambda: curve_panels([panel]))
    heights = figure.axes[0].transData.transform([(1, 0.9), (1, 0.1), (1, 0.0)])[:, 1]
    assert np.all(np.isfinite(heights))
    assert heights[0] > heights[1] > heights[2]


def test_it_is_a_picture():
    picture = Image.open(io.BytesIO(training_curves({"a": {"net": {"rows": ROWS}}})))
    assert picture.size[0] > 2 * picture.size[1]
