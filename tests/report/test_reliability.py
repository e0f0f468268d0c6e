"""The reliability diagram, and what it draws."""

import io

import numpy as np
import pytest
from PIL import Image

from sablier.report.reliability import reliability_diagram
from sablier.tasks.classification.classify import calibration_error, reliability


def test_bins_hold_every_prediction_once():
    sure = np.array([0.0, 0.04, 0.5, 0.96, 0.97, 1.0])
    right = np.array([False, False, True, True, False, True])
    found = reliability(sure, right, bins=5)
    assert found.counts.tolist() == [2, 0, 1, 0, 3]
    assert found.right[[0, 2, 4]] == pytest.approx([0, 1, 2 / 3])
    assert found.sure[[0, 2, 4]] == pytest.approx([0.02, 0.5, 2.93 / 3])
    assert np.isnan(found.right[1])
    assert found.error == pytest.approx((2 * 0.02 + 0.5 + 3 * (2.93 - 2) / 3) / 6)
    assert calibration_error(sure, right, bins=5) == found.error


@pytest.mark.parametrize("count", [1, 5, 3000])
def test_it_is_drawn_whatever_there_is(count):
    random = np.random.default_rng(0)
    sure = 1 - 0.6 * random.random(count)
    picture = Image.open(io.BytesIO(reliability_diagram(reliability(sure, random.random(count) < sure))))
    pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    blue = (pixels == (0, 0x72, 0xB2)).all(axis=1).sum()
    assert (blue > 1000) == (count == 3000)  # bars of few images are grey
