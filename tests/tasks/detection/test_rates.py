"""False alarms and misses at several values of alpha."""

import numpy as np
import pytest

from sablier.calibration import Calibration
from sablier.tasks.detection.rates import rates_by_alpha


def test_rates_are_counted_at_each_alpha_and_at_that_of_the_evaluation():
    calibration = Calibration((np.arange(99.0),))
    good, bad = np.array([0.01, 0.03, 0.04, 0.2]), np.array([0.01, 0.02, 0.5])
    rows = rates_by_alpha(good, bad, calibration, 0.03)
    assert [row.alpha for row in rows] == [0.01, 0.02, 0.03, 0.05, 0.1]
    assert all(row.decided for row in rows)
    assert [row.false_alarms.hits for row in rows] == [1, 1, 2, 3, 3]
    assert [row.missed.hits for row in rows] == [2, 1, 1, 1, 1]
    assert rows[0].to_json() == {"alpha": 0.01, "false_alarm_rate": 0.25, "miss_rate": pytest.approx(2 / 3)}


def test_where_too_few_images_calibrate_there_is_no_rate():
    rows = rates_by_alpha(np.array([0.05, 0.5]), np.array([0.05]), Calibration((np.arange(19.0),)), 0.05)
    assert [(row.alpha, row.decided) for row in rows] == [(0.01, False), (0.02, False), (0.05, True), (0.1, True)]
    assert rows[0].to_json() == {"alpha": 0.01, "false_alarm_rate": None, "miss_rate": None}
    assert (rows[2].false_alarms.hits, rows[2].missed.hits) == (1, 0)
