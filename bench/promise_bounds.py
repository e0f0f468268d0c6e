"""The bound on good images among the flagged ones: does it hold at its worst cut, and how loose is it?

Batches of 200 images with 10 % bad ones. A run is wrong where the true number of good images exceeds the bound at any cut.
Looseness is measured at the cut of the Benjamini-Hochberg procedure at 10 %: how many of the flagged images may be good by the
bound, by Simes' local tests, and in truth.
"""

from typing import Any

import numpy as np

from promise_data import Pool, pool_of
from sablier.calibration import Calibration, cut_counts, cut_ranks, discovery_cut, good_at_most
from sablier.calibration.rates import ROUNDING
from sablier.typing import Array

CONFIDENCE, FDR = 0.9, 0.1
RUNS, MOST_WRONG = 500, 66  # more wrong runs of 500 are less likely than 1 % where each is wrong with a probability of 10 %
GOOD, BAD = 180, 20
CALIBRATIONS = {"mnist": (1000, 200), "magnetic_tile": (60,)}  # the second shows what fewer images give
FEW = {"magnetic_tile": (36, 4)}  # good and bad images of a batch, where the pool is small


def rows(quick: bool, seed: int) -> list[dict[str, Any]]:
    """Return what was measured: wrong runs, and the looseness at the cut."""
    found: list[dict[str, Any]] = []
    runs = 100 if quick else RUNS
    for data, sizes in CALIBRATIONS.items():
        if quick and data != "mnist":
            continue
        pool = pool_of(data, quick, seed)
        for calibration in sizes:
            found += _of_setting(pool, data, calibration, *FEW.get(data, (GOOD, BAD)), runs, seed)
    return found


def _of_setting(pool: Pool, data: str, calibration: int, good: int, bad: int, runs: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    wrong, at_cut = 0, []
    for _ in range(runs):
        own, batch = pool.batch(rng, calibration, good, bad)
        run = judged(Calibration((own,)), batch, good)
        wrong += run["wrong"]
        at_cut.append([run["truth"], run["bound"], run["simes"], run["flagged"]])
    truth, bound, simes, flagged = np.mean(at_cut, axis=0).round(2).tolist()
    named = f"{data}, {calibration} calibrate"
    limit = MOST_WRONG if runs == RUNS else None
    return [
        {
            "claim": "bound wrong at its worst cut", "data": named, "figure": wrong, "bar": f"<= {MOST_WRONG} of {RUNS}",
            "inside": None if limit is None else wrong <= limit, "runs": runs,
        },
        {"claim": "good at most, at the BH cut", "data": named, "figure": bound, "bar": "", "inside": None, "runs": runs},
        {"claim": "the same by Simes", "data": named, "figure": simes, "bar": "", "inside": None, "runs": runs},
        {"claim": "truly good", "data": named, "figure": truth, "bar": "", "inside": None, "runs": runs},
        {"claim": "flagged", "data": named, "figure": flagged, "bar": "", "inside": None, "runs": runs},
    ]  # fmt: skip


def judged(calibration: Calibration, batch: Array, good: int) -> dict[str, Any]:
    """Return whether the bound fails at some cut, and what it is at the cut of the Benjamini-Hochberg procedure.

    The first `good` images of the batch are good ones.
    """
    risk = 1 - CONFIDENCE
    counts, ranks = cut_counts(calibration, batch), cut_ranks(calibration)
    flagged, truly = np.cumsum(counts), np.cumsum(cut_counts(calibration, batch[:good]))
    bound = good_at_most(flagged, ranks, risk)
    cut = discovery_cut(counts, FDR)
    place = round(cut * (calibration.count + 1))  # cuts of single images are the multiples of the smallest p-value
    at_cut = {name: int(values[place - 1]) if place else 0 for name, values in (("truth", truly), ("flagged", flagged))}
    by_simes = simes_good_at_most(flagged, ranks, risk)
    at_cut |= {"bound": int(bound[place - 1]) if place else 0, "simes": int(by_simes[place - 1]) if place else 0}
    return {"wrong": bool(np.any(truly > bound)), **at_cut}


def simes_good_at_most(flagged: Array, ranks: Array, risk: float) -> Array:
    """Return the bound by Simes' local tests, after Goeman, Meijer, Krebs and Solari (2019)."""
    p_values, total = ranks / ranks[-1], int(flagged[-1])
    small = p_values < risk
    first_rejected = (total - flagged[small]) / (1 - p_values[small] / risk)
    largest = min(total, max(0, int(np.ceil(first_rejected.min(initial=np.inf) - ROUNDING)) - 1)) if small.any() else total
    allowed = np.ceil(p_values * largest / risk - ROUNDING).astype(int) - 1
    return np.asarray(np.minimum(flagged + np.minimum.accumulate(np.minimum(allowed - flagged, 0)), largest))
