"""A learning curve as numbers, and as a chart."""

import io

import numpy as np
import pytest
from PIL import Image

from sablier.errors import TooFewImages
from sablier.metrics import mean_interval
from sablier.report.figures import to_png
from sablier.report.learning_curve import learning_curve_figure
from sablier.tasks.detection.learning_curve import CurvePoint, LearningCurve, runs_of, sizes_up_to

POINTS = [
    CurvePoint(4, (0.7, 0.8, 0.6, 0.9, 0.75)),
    CurvePoint(8, (0.95, 0.99, 1.0, 0.97, 0.98)),
    CurvePoint(48, (1.0, 1.0, 1.0)),
]


def test_a_point_has_a_mean_and_an_interval_of_it_within_0_and_1():
    assert POINTS[0].image_auroc == pytest.approx(0.75)
    low, high = POINTS[0].interval
    assert (low, high) == pytest.approx((0.75 - 2.776 * 0.11180 / 5**0.5, 0.75 + 2.776 * 0.11180 / 5**0.5), abs=1e-3)
    assert POINTS[1].interval[1] == 1.0
    assert POINTS[2].interval == (1.0, 1.0)


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says():
    random = np.random.default_rng(0)
    covered = [low <= 0.5 <= high for low, high in (mean_interval(random.normal(0.5, 0.1, 5)) for _ in range(2000))]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)
    with pytest.raises(TooFewImages, match="at least 2 values"):
        mean_interval(np.array([0.9]))


@pytest.mark.parametrize(("most", "sizes"), [(5, [4, 5]), (8, [4, 8]), (9, [4, 8, 9]), (300, [4, 8, 16, 32, 64, 128, 256, 300])])
def test_sizes_double_up_to_all(most, sizes):
    assert sizes_up_to(most) == sizes
    assert all(runs_of(size) >= 3 for size in sizes)


def test_a_table_has_a_row_for_each_point():
    assert LearningCurve(POINTS, "tests").to_table()[2] == {
        "images": 48, "image_auroc": 1.0, "low": 1.0, "high": 1.0, "trainings": 3,
    }  # fmt: skip


def test_it_is_drawn():
    figure = learning_curve_figure(LearningCurve(POINTS, "12 good and 30 bad images of some folder"))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["4", "8", "48"]
    assert axes.get_ylim()[0] < 0.6
    assert axes.get_xlabel() == "good training images (log scale)"
    assert Image.open(io.BytesIO(to_png(figure))).size[0] > 300
