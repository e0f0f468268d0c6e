"""The bound on bad images in a lot: does it hold, how tight is it, and what does a harmless effect on a whole lot do?

Lots of 200 images with 0, 3, 10 or 40 bad ones, at 95 %. A run is right where the bound does not exceed the truth. Beside it: the
local tests of Simes, and the rank-sum test (Mann-Whitney) as the local test, as in Magnani, Sesia and Solari (2023, arXiv
2308.05534). "effect" adds a small amount to the scores of all good images of a lot: all bad images found there are wrong.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import norm

from promise_bounds import simes_good_at_most
from promise_data import Pool, pool_of
from sablier.calibration import Calibration, cut_counts, cut_ranks, fewest_bad
from sablier.typing import Array

CONFIDENCE = 0.95
RISK = 1 - CONFIDENCE
RUNS, LEAST_RIGHT = 500, 463  # fewer right runs of 500 are less likely than 1 % where each is right with a probability of 95 %
LOT = {"mnist": 200, "magnetic_tile": 40}
BAD = {"mnist": (0, 3, 10, 40), "magnetic_tile": (0, 3, 10)}
CALIBRATIONS = {"mnist": (1000, 200), "magnetic_tile": (60,)}
EFFECTS = (0.25, 0.5, 1.0)  # standard deviations of the scores of good images


def rows(quick: bool, seed: int) -> list[dict[str, Any]]:
    """Return what was measured: right runs, and mean bounds."""
    found: list[dict[str, Any]] = []
    runs = 100 if quick else RUNS
    for data in ("mnist",) if quick else tuple(BAD):
        pool = pool_of(data, quick, seed)
        for calibration in CALIBRATIONS[data]:
            for bad in BAD[data]:
                found += _of_setting(
                    pool, f"{data}, {calibration} calibrate, {bad} bad", (calibration, LOT[data], bad), runs, seed
                )
        for effect in EFFECTS if data == "mnist" else ():
            setting = (CALIBRATIONS[data][0], LOT[data], 0)
            found += _of_setting(pool, f"{data}, effect of {effect:g} SD, 0 bad", setting, runs, seed, effect)
    return found


def _of_setting(
    pool: Pool, named: str, setting: tuple[int, int, int], runs: int, seed: int, effect: float = 0.0
) -> list[dict[str, Any]]:
    """Return the rows of lots of one kind; `setting` is the numbers of calibration images, of images in a lot and of bad ones."""
    calibration, images, bad = setting
    rng = np.random.default_rng(seed)
    found: dict[str, list[int]] = {name: [] for name in WAYS}
    for _ in range(runs):
        own, lot = pool.batch(rng, calibration, images - bad, bad)
        lot[: images - bad] += effect * own.std()
        for name, way in WAYS.items():
            found[name].append(way(Calibration((own,)), lot))
    rows: list[dict[str, Any]] = []
    for name, least in found.items():
        right = int(np.sum(np.array(least) <= bad))
        judged = name == "ours" and not effect and runs == RUNS
        what = "the bound" if name == "ours" else name
        rows.append({
            "claim": f"lots: {what} right", "data": named, "figure": right, "inside": right >= LEAST_RIGHT if judged else None,
            "bar": f">= {LEAST_RIGHT} of {RUNS}" if name == "ours" and not effect else "", "runs": runs,
        })  # fmt: skip
        mean = float(np.mean(least).round(2))
        rows.append({"claim": f"lots: mean of {what}", "data": named, "figure": mean, "bar": "", "inside": None, "runs": runs})
    return rows


def ours(calibration: Calibration, lot: Array) -> int:
    """Return the bound of `detect --lot`."""
    return fewest_bad(np.cumsum(cut_counts(calibration, lot)), cut_ranks(calibration), RISK)


def by_simes(calibration: Calibration, lot: Array) -> int:
    """Return the bound by Simes' local tests."""
    flagged = np.cumsum(cut_counts(calibration, lot))
    return len(lot) - int(simes_good_at_most(flagged, cut_ranks(calibration), RISK)[-1])


def by_rank_sum(calibration: Calibration, lot: Array) -> int:
    """Return the bound by rank-sum local tests, with the normal approximation, which is good from about ten images on.

    Of the sets of one size that of the lowest scores is rejected last.
    """
    scores, n = calibration.folds[0], calibration.count
    below = np.cumsum(np.searchsorted(scores, np.sort(lot), side="left"))
    k = np.arange(1, len(lot) + 1)
    z = (below - 0.5 - k * n / 2) / np.sqrt(k * n * (k + n + 1) / 12)
    kept = np.flatnonzero(z <= norm.isf(RISK))
    return len(lot) - (int(k[kept[-1]]) if len(kept) else 0)


WAYS: dict[str, Callable[[Calibration, Array], int]] = {"ours": ours, "by Simes": by_simes, "by rank sums": by_rank_sum}
