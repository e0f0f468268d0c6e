"""watch --fdr: windows of the Benjamini-Hochberg procedure, whose flags grow, and whose state is the record."""

import csv
import os
from typing import Any

import numpy as np
import pytest
from watching import Script, fill, nothing, once, put, rows

from sablier.calibration import Calibration, discovery_cut
from sablier.errors import ConfigError, OutputError
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.workflows import watcher
from sablier.workflows.calibrate import calibrate
from sablier.workflows.detect import detect
from sablier.workflows.stream_flags import FLAGGED_LATER, StreamFlags


def final(out):
    """Return the last verdict on each image of a record, by its id."""
    return {row["id"]: row["verdict"] for row in rows(out)}


def flagged(out):
    return sorted(id for id, verdict in final(out).items() if verdict == "anomaly")


@pytest.fixture
def few_at_once(monkeypatch):
    """Batches of 3 images."""
    monkeypatch.setattr(watcher, "MOST_AT_ONCE", 3)


def in_order(folder, images, start=0):
    """Put images into a folder in this order."""
    for index, pixels in enumerate(images):
        path = put(folder / f"{start + index:03}.png", pixels)
        os.utime(path, (1_700_000_000 + start + index,) * 2)


# Verdicts


def test_a_full_window_is_flagged_as_detect_flags_a_batch(digits_file, digits, incoming, tmp_path, few_at_once):
    in_order(incoming, digits.take(range(60)))
    summary = once(digits_file, incoming, tmp_path / "out", fdr=0.3, window_size=60)
    detect(digits_file, incoming, tmp_path / "batch", fdr=0.3, report=False)
    with (tmp_path / "batch" / "detections.csv").open(newline="", encoding="utf-8") as file:
        expected = {row["id"]: row["verdict"] for row in csv.DictReader(file)}
    assert final(tmp_path / "out") == expected
    assert 5 < len(flagged(tmp_path / "out")) == summary.flagged
    assert summary.window == "Window 1 has 60 of 60 images and is complete."
    assert (summary.judged, summary.recorded) == (60, 60)


def test_each_window_stands_for_itself(digits_file, digits, incoming, tmp_path):
    in_order(incoming, digits.take(range(70)))
    summary = once(digits_file, incoming, tmp_path / "out", fdr=0.3, window_size=30)
    calibration = Detector.from_file(ModelFile.load(digits_file)).calibration
    found = rows(tmp_path / "out")
    for number in (1, 2):
        own = [row for row in found if row["window"] == str(number)]
        p_values = {row["id"]: float(row["p_value"]) for row in own}
        assert len(p_values) == 30
        cut = discovery_cut(calibration.level_counts(np.array(list(p_values.values()))), 0.3)
        assert {id for id, p_value in p_values.items() if p_value <= cut} == {
            row["id"] for row in own if row["verdict"] == "anomaly"
        }
    assert summary.window == "Window 3 has 10 of 30 images: those not flagged can still be."


def test_a_later_image_gets_an_earlier_one_flagged_once_with_its_map(digits_file, strange, incoming, tmp_path, few_at_once):
    in_order(incoming, strange.take(range(30)))
    printed = []
    once(digits_file, incoming, tmp_path / "out", fdr=0.1, window_size=100, on_rows=lambda new, _: printed.extend(new))
    found = rows(tmp_path / "out")
    later = [row for row in found if row["note"] == FLAGGED_LATER]
    first = [row for row in found if row["id"] in {row["id"] for row in later} and row["note"] != FLAGGED_LATER]
    assert len(later) == len(first) > 0
    assert {row["verdict"] for row in first} == {"normal"}
    assert {row["verdict"] for row in later} == {"anomaly"}
    assert len(found) == 30 + len(later) == len(printed)
    for row in later:
        assert (tmp_path / "out" / row["map"]).is_file()


def test_a_flag_of_a_file_that_is_gone_has_no_map(digits_file, strange, incoming, tmp_path):
    in_order(incoming, strange.take(range(3)))

    def moved_away():
        for path in incoming.iterdir():
            path.unlink()
        in_order(incoming, strange.take(range(3, 30)), start=3)

    Script(nothing, moved_away, nothing, nothing).watch(digits_file, incoming, tmp_path / "out", fdr=0.1, window_size=100)
    later = [row for row in rows(tmp_path / "out") if row["note"] == FLAGGED_LATER and row["id"] < "003.png"]
    assert later
    assert {row["map"] for row in later} == {""}


def test_flags_are_never_taken_back():
    calibration, random = Calibration((np.arange(199.0),)), np.random.default_rng(0)
    flags, recorded = StreamFlags(calibration, 0.2, 50), dict[str, str]()
    p_values = random.integers(1, 200, 150) / 200
    p_values[random.random(150) < 0.2] = 1 / 200
    for index, p_value in enumerate(p_values):
        row = {"id": str(index), "size_bytes": 1, "modified_ns": 1, "p_value": p_value, "verdict": "anomaly"}
        flags.judge([row])
        for each in [row, *flags.due()]:
            assert recorded.get(each["id"]) != "anomaly"
            recorded[each["id"]] = each["verdict"]
    for window in p_values.reshape(3, 50):
        cut = discovery_cut(calibration.level_counts(window), 0.2)
        assert cut > 0
        assert {p for p, verdict in zip(p_values, recorded.values(), strict=True) if verdict == "anomaly"} >= set(
            window[window <= cut]
        )


def test_too_few_images_calibrate_for_a_flag(digits_file, strange, incoming, tmp_path):
    fill(incoming, strange.take(range(5)))
    summary = once(digits_file, incoming, tmp_path / "out", fdr=0.0001)
    assert set(final(tmp_path / "out").values()) == {"undetermined"}
    assert (summary.flagged, summary.promise[:11]) == (0, "No verdict ")


def test_the_promise_names_its_theorem_its_assumption_and_what_a_flag_takes(digits_file, incoming, tmp_path):
    started: list[Any] = []
    once(digits_file, incoming, tmp_path / "out", fdr=0.1, on_start=started.append)
    promise = started[0].promise
    for part in (
        "In windows of 1,000 images",
        "Bates et al. 2023",
        "10%",
        "cannot be told from chance",
        "would flag a lone one",
        "each window begins anew",
    ):
        assert part in promise


# The record


def test_stopped_and_started_again_the_flags_are_the_same(digits_file, digits, incoming, tmp_path, few_at_once):
    for start in range(0, 50, 7):
        in_order(incoming, digits.take(range(start, min(50, start + 7))), start)
        once(digits_file, incoming, tmp_path / "restarted", fdr=0.3, window_size=20)
    once(digits_file, incoming, tmp_path / "whole", fdr=0.3, window_size=20)
    assert flagged(tmp_path / "restarted") == flagged(tmp_path / "whole") != []
    assert {row["window"] for row in rows(tmp_path / "whole")} == {"1", "2", "3"}


def test_wherever_a_kill_cuts_the_record_the_flags_are_the_same(digits_file, strange, incoming, tmp_path, few_at_once):
    in_order(incoming, strange.take(range(12)))
    options = {"fdr": 0.1, "window_size": 100}
    once(digits_file, incoming, tmp_path / "out", **options)
    path = tmp_path / "out" / "watch.csv"
    whole, expected = path.read_bytes(), flagged(tmp_path / "out")
    assert FLAGGED_LATER.encode() in whole
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for cut in [*ends[::2], *(end - 5 for end in ends[1::3])]:
        path.write_bytes(whole[:cut])
        once(digits_file, incoming, tmp_path / "out", **options)
        found = [(row["id"], row["verdict"]) for row in rows(tmp_path / "out")]
        assert flagged(tmp_path / "out") == expected
        assert len(found) == len(set(found))  # no row twice


def test_a_record_of_another_rate_window_or_model_is_refused_and_stays(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(5)))
    out = tmp_path / "out"
    once(digits_file, incoming, out, fdr=0.1, window_size=20)
    before = (out / "watch.csv").read_bytes()
    calibrate(digits_file, "digits:test", tmp_path / "new.sablier")
    refused = [
        (digits_file, {"fdr": 0.2, "window_size": 20}, "rate of 10% in windows of 20, and this run judges at a .* of 20%"),
        (digits_file, {"fdr": 0.1, "window_size": 30}, "in windows of 20, and this run judges .* in windows of 30"),
        (digits_file, {}, r"this run judges at a false-alarm rate \(--alpha\)"),
        (tmp_path / "new.sablier", {"fdr": 0.1, "window_size": 20}, "written with another model"),
    ]
    for model, options, message in refused:
        with pytest.raises(OutputError, match=message):
            once(model, incoming, out, **options)
    assert (out / "watch.csv").read_bytes() == before
    once(digits_file, incoming, tmp_path / "alpha")
    with pytest.raises(OutputError, match=r"written at a false-alarm rate \(--alpha\), and this run"):
        once(digits_file, incoming, tmp_path / "alpha", fdr=0.1)


@pytest.mark.parametrize(
    "options", [{"fdr": 0.0}, {"fdr": 1.5}, {"fdr": 0.1, "window_size": 0}, {"fdr": 0.1, "reject_alpha": 0.01}]
)
def test_values_that_mean_nothing(digits_file, incoming, tmp_path, options):
    with pytest.raises(ConfigError, match="expected"):
        once(digits_file, incoming, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
