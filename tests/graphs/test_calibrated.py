"""Conformal p-values in torch: those of `Calibration`, to the last digit where shares are whole."""

import numpy as np
import pytest
import torch

from sablier.calibration import Calibration
from sablier.graphs.calibrated import PValues


def sizes_of(groups):
    """Return how many images are in the group of each image, given the number of its group."""
    return np.bincount(groups)[groups]


def calibrations():
    random = np.random.default_rng(0)
    scores = random.normal(0, 1, 40).round(1)  # with many ties
    folds = tuple(random.normal(k, 1, 12 + k).round(1) for k in range(3))
    groups = random.integers(0, 9, 40)
    fold_groups = tuple(random.integers(0, 4, len(fold)) for fold in folds)
    fold_sizes = tuple(map(sizes_of, fold_groups))
    return {
        "split": Calibration((scores,)),
        "one image": Calibration((np.array([0.5]),)),
        "empty": Calibration((np.empty(0),)),
        "groups": Calibration((scores,), (sizes_of(groups),)),
        "groups of three": Calibration((np.arange(99.0) / 10,), (np.full(99, 3),)),
        "found groups": Calibration((scores,), (sizes_of(groups),), None, found=True),
        "given and found groups": Calibration((scores,), (sizes_of(groups),), (sizes_of(groups // 2),), found=True),
        "folds": Calibration(folds),
        "folds with groups": Calibration(folds, fold_sizes),
        "folds with found groups": Calibration(folds, fold_sizes, None, found=True),
    }


@pytest.mark.parametrize("name", list(calibrations()))
def test_p_values_are_those_of_the_calibration(name):
    calibration = calibrations()[name]
    random = np.random.default_rng(1)
    scores = random.normal(0.5, 2, (300, 3)).round(1)
    scores[0], scores[1] = -99, 99
    pooled = np.concatenate([fold for fold in calibration.folds if len(fold)] or [np.zeros(1)])
    scores[2 : 2 + len(pooled)] = pooled[:, None]  # as high as those that calibrate, bit for bit
    graph = PValues(calibration)
    found = graph(torch.from_numpy(scores))
    columns = scores if calibration.crossed else scores.mean(axis=1)[:, None]
    np.testing.assert_allclose(found, calibration.p_values(columns), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(calibration.levels(found.numpy()), calibration.levels(calibration.p_values(columns)))
    assert found.dtype == torch.float64
    assert float(found[0]) == 1
    assert float(found[1]) == pytest.approx(max(1 / (groups + 1) for _, groups in calibration.views), abs=1e-12)


@pytest.mark.parametrize("name", list(calibrations()))
def test_verdicts_are_those_of_the_calibration_at_any_alpha(name):
    calibration = calibrations()[name]
    graph = PValues(calibration)
    p_values = calibration.p_values(np.random.default_rng(2).normal(1, 2, (200, len(calibration.folds))).round(1))
    least = 1 / (calibration.groups + 1)
    flagged = {
        alpha: graph.flagged(torch.from_numpy(p_values), torch.tensor([alpha], dtype=torch.float64)).numpy()
        for alpha in (1e-4, 0.01, least, 2 * least - 1e-12, 0.05, 0.3, 0.9)
        if alpha < 1
    }
    for alpha, each in flagged.items():
        np.testing.assert_array_equal(each, calibration.verdicts(p_values, alpha) == "anomaly")
    assert not flagged[1e-4].any()
    assert calibration.count < 2 or flagged[0.9].any()


def test_a_tie_counts_as_at_least_as_high():
    graph = PValues(Calibration((np.array([1.0, 2.0, 2.0, 3.0]),)))
    below, above = np.nextafter(2.0, 0), np.nextafter(2.0, 9)
    assert graph(torch.tensor([[below], [2.0], [above]], dtype=torch.float64)).tolist() == [0.8, 0.8, 0.4]
