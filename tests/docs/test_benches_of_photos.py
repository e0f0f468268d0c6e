"""How the benches of photos deal them; what they measure stands on the page of benchmarks."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch):
    """Import a script of bench/."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return import_module


def test_photos_are_dealt_in_the_official_proportion_and_groups_stay_whole(bench):
    dealt = bench("false_alarms_photos").dealt
    groups = np.random.default_rng(0).integers(0, 160, 952)
    groups = np.unique(groups, return_inverse=True)[1]
    parts = [dealt(groups, 715, seed) for seed in range(5)]
    for trains in parts:
        assert not set(groups[trains]) & set(groups[~trains])
        assert 715 <= trains.sum() < 715 + np.bincount(groups).max()
    assert len({trains.tobytes() for trains in parts}) == 5


def test_a_run_outside_the_band_is_seen(bench):
    outside = bench("false_alarms_photos").outside
    assert not outside({"alarms": 3, "tests": 60, "calibrated_on": 199}, 20)
    assert outside({"alarms": 20, "tests": 60, "calibrated_on": 199}, 20)
    # The band of many runs together is wider than that of one.
    edge = next(count for count in range(60) if outside({"alarms": count, "tests": 60, "calibrated_on": 199}, 1))
    assert not outside({"alarms": edge, "tests": 60, "calibrated_on": 199}, 20)


def test_the_seconds_and_the_memory_of_a_command_are_those_of_the_process(bench):
    harness = bench("harness")
    seconds, megabytes = harness.timed_command("--help")
    assert 0 < seconds < 60
    assert megabytes > 5
    with pytest.raises(SystemExit, match="there is no verb 'trian'"):
        harness.timed_command("trian")


def test_every_bar_of_rows_names_a_row_that_its_bench_writes(bench):
    bars, few_shot = bench("bars").BARS, bench("few_shot")
    rows = {"few_shot-photos": {f"{name}, {size}" for name in few_shot.CATEGORIES for size in (*few_shot.SIZES, "all")}}
    rows |= {f"false_alarms_photos-{name}": {name} for name in few_shot.CATEGORIES}
    for stem, known in rows.items():
        named = {key.split("/")[1] for key, _, _ in bars[stem]}
        assert named <= known
