"""The order in which evaluated images are looked at."""

import numpy as np

from sablier.calibration import verdicts_at
from sablier.tasks.detection.hardest import hardest_first
from sablier.tasks.detection.result import DetectionResult


def found(p_values, scores=None, decided=True):
    values = np.array(p_values, float)
    ids = np.arange(len(values)).astype(str)
    verdicts = verdicts_at(values, 0.05, decided)
    return DetectionResult(ids, -values if scores is None else np.array(scores), values, verdicts, {}, {}, 0.05, "")


def test_misses_come_before_false_alarms_and_those_before_what_is_right():
    good = found([0.5, 0.01, 0.06, 0.04])
    bad = found([0.001, 0.9, 0.05, 0.2])
    assert hardest_first(good, bad).tolist() == [
        [1, 1],  # missed, p = 0.9
        [1, 3],  # missed, p = 0.2
        [0, 1],  # false alarm, p = 0.01
        [0, 3],  # false alarm, p = 0.04
        [1, 2],  # flagged, at the threshold
        [0, 2],  # not flagged, next to it
        [0, 0],
        [1, 0],
    ]


def test_of_equal_p_values_the_score_decides():
    good = found([0.02, 0.02, 0.5, 0.5], [3.0, 4.0, 0.1, 0.2])
    bad = found([0.5, 0.5, 0.02, 0.02], [0.2, 0.1, 4.0, 3.0])
    order = hardest_first(good, bad).tolist()
    assert order[:4] == [[1, 1], [1, 0], [0, 1], [0, 0]]
    assert order[4:] == [[1, 3], [1, 2], [0, 3], [0, 2]]


def test_without_verdicts_the_hardest_bad_images_come_first_and_then_the_hardest_good_ones():
    order = hardest_first(found([0.5, 0.1], decided=False), found([0.1, 0.5], decided=False)).tolist()
    assert order == [[1, 1], [1, 0], [0, 1], [0, 0]]
