"""watch, stopped and started again: nothing is judged twice, nothing is lost, and drift is told once."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
from watching import Script, fill, ids, nothing, once, put, rows

from sablier.errors import OutputError
from sablier.workflows import watcher
from sablier.workflows.arrivals import Arrivals
from sablier.workflows.calibrate import calibrate

# Never twice, never lost


def test_a_second_run_judges_only_what_is_new(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(20)))
    once(digits_file, incoming, tmp_path / "out")
    before = (tmp_path / "out" / "watch.csv").read_bytes()
    started: list[Any] = []
    assert once(digits_file, incoming, tmp_path / "out", on_start=started.append).judged == 0
    assert (tmp_path / "out" / "watch.csv").read_bytes() == before
    assert started[0].recorded == 20
    put(incoming / "late.png", digits[30])
    once(digits_file, incoming, tmp_path / "out")
    assert (tmp_path / "out" / "watch.csv").read_bytes().startswith(before)
    assert ids(tmp_path / "out")[20:] == ["late.png"]


def test_a_replaced_file_is_a_new_image(digits_file, digits, strange, incoming, tmp_path):
    path = put(incoming / "a.png", strange[0])
    first = path.stat()
    once(digits_file, incoming, tmp_path / "out")
    put(path, digits.where(label=3)[0])
    os.utime(path, ns=(first.st_atime_ns, first.st_mtime_ns + 1))
    once(digits_file, incoming, tmp_path / "out")
    put(path, strange[1])
    once(digits_file, incoming, tmp_path / "out")
    assert [(row["id"], row["verdict"]) for row in rows(tmp_path / "out")] == [
        ("a.png", "anomaly"), ("a.png", "normal"), ("a.png", "anomaly"),
    ]  # fmt: skip
    assert len(os.listdir(tmp_path / "out" / "maps")) == 2
    put(path, strange[0])  # the very first one again, to the nanosecond: it has been judged
    os.utime(path, ns=(first.st_atime_ns, first.st_mtime_ns))
    assert once(digits_file, incoming, tmp_path / "out").judged == 0


def test_wherever_a_kill_cuts_the_record_the_next_run_completes_it(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(6)))
    once(digits_file, incoming, tmp_path / "out")
    path = tmp_path / "out" / "watch.csv"
    whole, expected = path.read_bytes(), {row["id"]: row["p_value"] for row in rows(tmp_path / "out")}
    for cut in range(0, len(whole), 149):
        path.write_bytes(whole[:cut])
        once(digits_file, incoming, tmp_path / "out")
        assert len(rows(tmp_path / "out")) == 6
        assert {row["id"]: row["p_value"] for row in rows(tmp_path / "out")} == expected


def test_kill_9_neither_loses_nor_doubles(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(120)), prefix="line/")
    (incoming / "torn.png").write_bytes(b"\x89PNG")
    once(digits_file, incoming, tmp_path / "whole")
    code = (
        "import sys; from sablier.workflows import watch, watcher; watcher.MOST_AT_ONCE = 2\n"
        "watch.watch(*sys.argv[1:], every_seconds=0.01, once=True)"
    )
    record = tmp_path / "out" / "watch.csv"
    process = subprocess.Popen([sys.executable, "-c", code, str(digits_file), str(incoming), str(tmp_path / "out")])
    end = time.monotonic() + 120
    while not record.exists() or record.read_bytes().count(b"\n") < 20:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 19 <= record.read_bytes().count(b"\n") < 121
    once(digits_file, incoming, tmp_path / "out")
    whole, found = rows(tmp_path / "whole"), rows(tmp_path / "out")
    assert len(found) == len(whole) == 121
    assert {row["id"]: row["verdict"] for row in found} == {row["id"]: row["verdict"] for row in whole}
    flagged = {row["map"] for row in whole} - {""}
    assert {f"maps/{name}" for name in os.listdir(tmp_path / "out" / "maps")} == flagged


def test_two_watchers_do_not_write_one_record(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(3)))

    def second():
        with pytest.raises(OutputError, match=f"in use by process {os.getpid()}"):
            once(digits_file, incoming, tmp_path / "out")

    Script(second, nothing).watch(digits_file, incoming, tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 3


def test_rows_are_on_the_disk_when_they_are_told(digits_file, digits, incoming, tmp_path, monkeypatch):
    monkeypatch.setattr(watcher, "MOST_AT_ONCE", 4)
    fill(incoming, digits.take(range(10)))
    told = []

    def on_rows(batch, summary):
        told.append(len(batch))
        assert summary.recorded == sum(told) == len(rows(tmp_path / "out"))

    once(digits_file, incoming, tmp_path / "out", on_rows=on_rows)
    assert told == [4, 4, 2]


def test_a_request_to_stop_is_heard_between_batches(digits_file, digits, incoming, tmp_path, monkeypatch):
    monkeypatch.setattr(watcher, "MOST_AT_ONCE", 4)
    fill(incoming, digits.take(range(10)))
    told = []
    summary = once(digits_file, incoming, tmp_path / "out", on_rows=lambda *given: told.append(given), stopped=lambda: bool(told))
    assert (summary.judged, len(rows(tmp_path / "out")), summary.waiting) == (4, 4, 6)
    assert once(digits_file, incoming, tmp_path / "out").judged == 6


def test_of_thousands_of_names_only_identities_are_kept(incoming):
    for index in range(3000):
        (incoming / f"{index:04}.png").touch()
    arrivals = Arrivals(incoming)
    assert arrivals.look() == []
    due = arrivals.look()
    for arrival in due:
        arrivals.settle(arrival)
    assert (len(due), arrivals.look(), arrivals.waiting) == (3000, [], {})
    assert {len(identity) for identity in arrivals.recorded} == {12}


# Drift


def drift_rows(out):
    return [(row["id"], row["note"]) for row in rows(out) if row["verdict"] != "unreadable" and row["note"]]


def test_the_drift_alarm_goes_once_at_the_same_image_however_often_one_restarts(digits_file, strange, incoming, tmp_path):
    fill(incoming, strange.take(range(4)))
    first = once(digits_file, incoming, tmp_path / "restarted")
    fill(incoming, strange.take(range(4, 90)), prefix="later-")
    second = once(digits_file, incoming, tmp_path / "restarted")
    third = once(digits_file, incoming, tmp_path / "restarted")
    whole = once(digits_file, incoming, tmp_path / "whole")
    assert [bool(run.drift) for run in (first, second, third, whole)].count(True) == 2
    assert whole.drift.startswith("Drift: by image")
    assert "the features (anomaly score)" in whole.drift  # what changed, from the record's own columns
    assert "Farthest from the calibration images: " in whole.drift
    assert len(drift_rows(tmp_path / "whole")) == 1
    assert drift_rows(tmp_path / "restarted") == drift_rows(tmp_path / "whole")


def test_good_images_raise_no_alarm(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.where(label=3))
    assert once(digits_file, incoming, tmp_path / "out").drift == ""
    assert drift_rows(tmp_path / "out") == []


@pytest.mark.filterwarnings("ignore:these images do not resemble")
def test_a_model_calibrated_anew_listens_anew(digits_file, strange, incoming, tmp_path):
    fill(incoming, strange.take(range(85)))
    assert once(digits_file, incoming, tmp_path / "out").drift
    calibrate(digits_file, "digits:test", tmp_path / "new.sablier")
    assert once(tmp_path / "new.sablier", incoming, tmp_path / "out").judged == 0
    inverted = replace(strange.take(range(85, 170)), pixels=255 - strange.array[85:170])  # strange beside any digit
    fill(incoming, inverted, prefix="later-")
    assert once(tmp_path / "new.sablier", incoming, tmp_path / "out").drift
    assert len(drift_rows(tmp_path / "out")) == 2
    assert len({row["model"] for row in rows(tmp_path / "out")}) == 2
