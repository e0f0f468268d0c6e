"""The guarantee on marks in words: what is promised, of whom, and why nothing is promised."""

import numpy as np
import pytest

from sablier.calibration import Calibration, mark_promise
from sablier.errors import ConfigError

HUNDRED = np.arange(100.0)


def test_a_split_has_a_promise_with_its_assumption():
    words = mark_promise(Calibration((HUNDRED,)), 0.05)
    assert words.startswith(
        "A good image like those it was calibrated on shows any mark (a white pixel in its mask) with a probability of at most 5%"
    )
    # The probability of one calibration follows Beta(5, 96), whose 95 % quantile is 0.0889.
    assert words.endswith("With these 100 calibration images the probability is at most 8.9% (95% confidence).")


def test_groups_count_once():
    words = mark_promise(Calibration((HUNDRED,), (np.full(100, 4),)), 0.1)
    assert "With these 25 calibration groups the probability is about at most" in words
    assert words.endswith("One image of each group is meant.")
    few = mark_promise(Calibration((HUNDRED,), (np.full(100, 4),)), 0.01)
    assert few.endswith("100 images in 25 groups calibrate, it would take 99 groups.")


@pytest.mark.parametrize(
    ("maxima", "alpha", "why"),
    [
        (None, 0.05, "of an earlier version, which did not keep the largest map values"),
        (Calibration((np.empty(0),)), 0.05, "no image calibrates this model"),
        (Calibration((HUNDRED[:18],)), 0.05, "18 images calibrate, it would take 19"),
        (Calibration((HUNDRED, HUNDRED)), 0.05, "no proof covers their mean map"),
    ],
)
def test_where_nothing_is_promised_the_reason_is_told(maxima, alpha, why):
    words = mark_promise(maxima, alpha)
    assert words.startswith("No promise for marks")
    assert why in words


def test_a_rate_that_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="between 0 and 1"):
        mark_promise(None, 0.0)
