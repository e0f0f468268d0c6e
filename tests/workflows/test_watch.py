"""watch: each image that arrives is judged once, when it has come to rest, whatever happens to the process."""

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError
from sablier.images import read_images
from sablier.images.decoding import Decoder
from sablier.modelfile import ModelFile
from sablier.tasks.detect import Detector
from sablier.workflows import watch as workflow
from sablier.workflows.arrivals import RETRY_AFTER_LOOKS, Arrivals
from sablier.workflows.calibrate import calibrate
from sablier.workflows.detect import detect
from sablier.workflows.watch import COLUMNS, watch

QUICK = 0.001


@pytest.fixture
def incoming(tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def digits():
    return read_images("digits:test")


@pytest.fixture(scope="module")
def strange(digits):
    return digits.where(label=[0, 1, 4, 6, 7])


def put(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0]).save(path)
    return path


def fill(folder, images, prefix=""):
    for index, pixels in enumerate(images):
        put(folder / f"{prefix}{index:03}.png", pixels)


def rows(out):
    with (out / "watch.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ids(out):
    return [row["id"] for row in rows(out)]


def once(model, folder, out, **options):
    return watch(model, folder, out, once=True, every_seconds=QUICK, **options)


class Script:
    """A clock for a watch: does one thing in each pause between looks, and ends the watch after the last look."""

    def __init__(self, *actions):
        self.actions, self.pauses = list(actions), 0

    def sleep(self, seconds):
        if self.pauses < len(self.actions):
            self.actions[self.pauses]()
        self.pauses += 1

    def stopped(self):
        return self.pauses > len(self.actions)

    def watch(self, model, folder, out, **options):
        return watch(model, folder, out, every_seconds=QUICK, sleep=self.sleep, stopped=self.stopped, **options)


def nothing():
    pass


# What is written


def test_the_record_says_what_detect_says(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(70)))
    fill(incoming, digits.take(range(70, 80)), prefix="line 1/")
    summary = once(digits_file, incoming, tmp_path / "out")
    judged = detect(digits_file, incoming, tmp_path / "detected", report=False)
    with (tmp_path / "detected" / "detections.csv").open(newline="", encoding="utf-8") as file:
        expected = {row["id"]: row for row in csv.DictReader(file)}
    found = {row["id"]: row for row in rows(tmp_path / "out")}
    assert (summary.judged, summary.flagged, summary.recorded) == (80, judged.flagged, 80)
    assert found.keys() == expected.keys()
    for id, row in expected.items():
        assert set(row) < set(COLUMNS)
        same = {key: value for key, value in row.items() if not key.endswith("score")}
        assert {key: found[id][key] for key in same} == same
        assert float(found[id]["score"]) == pytest.approx(float(row["score"]), abs=1e-4)


def test_flagged_images_and_no_others_have_a_heatmap(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(40)), prefix="a/")
    fill(incoming, digits.take(range(40, 50)), prefix="a_")  # names that a flat folder of heatmaps could confuse
    once(digits_file, incoming, tmp_path / "out")
    drawn = [row["heatmap"] for row in rows(tmp_path / "out") if row["verdict"] == "anomaly"]
    assert len(drawn) == len(set(drawn)) > 5
    assert {f"heatmaps/{name}" for name in os.listdir(tmp_path / "out" / "heatmaps")} == set(drawn)
    assert all(row["heatmap"] == "" for row in rows(tmp_path / "out") if row["verdict"] == "normal")
    with Image.open(tmp_path / "out" / drawn[0]) as picture:
        assert picture.height >= 256


def test_too_few_images_calibrate_for_a_verdict(digits_file, strange, incoming, tmp_path):
    fill(incoming, strange.take(range(5)))
    summary = once(digits_file, incoming, tmp_path / "out", alpha=0.0001)
    assert {row["verdict"] for row in rows(tmp_path / "out")} == {"undetermined"}
    assert summary.flagged == 0
    assert "it would take 9999" in summary.promise


def test_images_are_judged_in_the_order_they_came(digits_file, digits, incoming, tmp_path):
    for index in range(8):
        path = put(incoming / f"{index * 5 % 8}.png", digits[index])
        os.utime(path, (1_700_000_000 + index,) * 2)
    once(digits_file, incoming, tmp_path / "out")
    assert ids(tmp_path / "out") == [f"{index * 5 % 8}.png" for index in range(8)]


def test_odd_names_are_recorded_once(digits_file, digits, incoming, tmp_path):
    names = ['a, "b".png', "caf\u00e9.PNG", "new\nline.png", "~a.png", "con.png", os.fsdecode(b"\xff.png")]
    fill(incoming, [])
    for name in names:
        put(incoming / "x.png", digits[0]).rename(incoming / name)
    put(incoming / ".hidden.png", digits[0])
    put(incoming / ".folder" / "b.png", digits[0])
    (incoming / "notes.txt").write_text("no image")
    (incoming / "gone.png").symlink_to(tmp_path / "nowhere")
    (incoming / "loop").symlink_to(incoming)
    os.mkfifo(incoming / "pipe.png")
    once(digits_file, incoming, tmp_path / "out")
    once(digits_file, incoming, tmp_path / "out")
    assert sorted(ids(tmp_path / "out")) == sorted([*names[:2], "new\\nline.png", *names[3:5], "\\udcff.png"])


# When a file is read


def test_a_growing_file_is_read_when_it_has_come_to_rest(digits_file, digits, incoming, tmp_path):
    whole = put(tmp_path / "whole.png", digits[0]).read_bytes()
    path, seen = incoming / "slow.png", []

    def grown(share):
        path.write_bytes(whole[: int(share * len(whole))])
        seen.append((tmp_path / "out" / "watch.csv").read_text().count("slow.png"))

    put(incoming / "other.png", digits[1])
    path.write_bytes(whole[:10])
    steps = [lambda share=share: grown(share) for share in (0.3, 0.6, 0.9, 1)]
    Script(*steps, nothing, nothing).watch(digits_file, incoming, tmp_path / "out")
    assert seen == [0, 0, 0, 0]
    assert ids(tmp_path / "out") == ["other.png", "slow.png"]
    once(digits_file, tmp_path / "incoming", tmp_path / "again")
    scores = [{row["id"]: float(row["score"]) for row in rows(tmp_path / name)} for name in ("out", "again")]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_a_copy_that_stalls_is_tried_again(digits_file, digits, incoming, tmp_path):
    whole = put(tmp_path / "whole.png", digits[0]).read_bytes()
    path = incoming / "stalled.png"
    path.write_bytes(whole[: len(whole) // 2])
    summary = Script(*[nothing] * 5, lambda: path.write_bytes(whole), nothing, nothing).watch(
        digits_file, incoming, tmp_path / "out"
    )
    assert [row["verdict"] for row in rows(tmp_path / "out")] in (["normal"], ["anomaly"])
    assert (summary.judged, summary.unreadable, summary.waiting) == (1, 0, 0)


def test_what_never_decodes_is_recorded_with_its_reason_after_the_last_attempt(digits_file, digits, incoming, tmp_path):
    (incoming / "torn.png").write_bytes(put(tmp_path / "whole.png", digits[0]).read_bytes()[:60])
    (incoming / "empty.png").write_bytes(b"")
    put(incoming / "large.png", np.zeros((20, 30, 1), np.uint8))
    put(incoming / "good.png", digits[0])
    looks = 2 + sum(RETRY_AFTER_LOOKS)
    Script(*[nothing] * (looks - 2)).watch(digits_file, incoming, tmp_path / "out")
    assert ids(tmp_path / "out") == ["good.png"]  # one look too few
    summary = once(digits_file, incoming, tmp_path / "out")
    found = {row["id"]: row for row in rows(tmp_path / "out")}
    assert (summary.judged, summary.unreadable, len(found)) == (0, 3, 4)
    for name in ("torn", "empty", "large"):
        row = found[f"{name}.png"]
        assert (row["verdict"], row["score"], row["p_value"]) == ("unreadable", "", "")
    assert found["empty.png"]["note"].startswith("expected an image, but it cannot be read")
    assert "expected images of 8 x 8" in found["large.png"]["note"]
    assert once(digits_file, incoming, tmp_path / "out").unreadable == 0
    assert len(rows(tmp_path / "out")) == 4
    put(incoming / "torn.png", digits[0])
    assert once(digits_file, incoming, tmp_path / "out").judged == 1


def test_a_file_changed_while_it_is_read_waits(digits_file, digits, strange, incoming, tmp_path, monkeypatch):
    path, decode = put(incoming / "a.png", strange[0]), Decoder.__call__

    def changing(self, size=None):
        pixels = decode(self, size)
        monkeypatch.setattr(Decoder, "__call__", decode)
        put(path, digits.where(label=3)[0])
        os.utime(path, (1_700_000_000,) * 2)
        return pixels

    monkeypatch.setattr(Decoder, "__call__", changing)
    Script(*[nothing] * 4).watch(digits_file, incoming, tmp_path / "out")
    assert [(row["id"], row["verdict"]) for row in rows(tmp_path / "out")] == [("a.png", "normal")]
    assert rows(tmp_path / "out")[0]["modified_ns"] == "1700000000000000000"


def test_files_and_folders_that_go_away_are_forgotten(digits_file, digits, incoming, tmp_path):
    path = put(incoming / "below" / "a.png", digits[0])

    def remove():
        path.unlink()
        path.parent.rmdir()

    summary = Script(remove, nothing).watch(digits_file, incoming, tmp_path / "out")
    assert (rows(tmp_path / "out"), summary.waiting) == ([], 0)
    with pytest.raises(ImagesError, match=r"expected a folder that can be read.*What was judged is recorded"):
        Script(lambda: incoming.rmdir(), nothing).watch(digits_file, incoming, tmp_path / "out")


def test_once_leaves_what_is_still_being_written(digits_file, digits, incoming, tmp_path):
    put(incoming / "good.png", digits[0])
    slow = put(incoming / "slow.png", digits[1])

    def growing(seconds):
        slow.write_bytes(slow.read_bytes() + b"\0")

    summary = once(digits_file, incoming, tmp_path / "out", sleep=growing)
    assert (summary.judged, summary.waiting, ids(tmp_path / "out")) == (1, 1, ["good.png"])


def test_once_on_an_empty_folder_ends_without_a_pause(digits_file, incoming, tmp_path):
    summary = once(digits_file, incoming, tmp_path / "out", sleep=lambda seconds: pytest.fail("it paused"))
    assert (summary.judged, rows(tmp_path / "out")) == (0, [])


# Never twice, never lost


def test_a_second_run_judges_only_what_is_new(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(20)))
    once(digits_file, incoming, tmp_path / "out")
    before = (tmp_path / "out" / "watch.csv").read_bytes()
    started = []
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
    assert len(os.listdir(tmp_path / "out" / "heatmaps")) == 2
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
        "import sys; from sablier.workflows import watch as w; w.MOST_AT_ONCE = 2\n"
        "w.watch(*sys.argv[1:], every_seconds=0.01, once=True)"
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
    flagged = {row["heatmap"] for row in whole} - {""}
    assert {f"heatmaps/{name}" for name in os.listdir(tmp_path / "out" / "heatmaps")} == flagged


def test_two_watchers_do_not_write_one_record(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(3)))

    def second():
        with pytest.raises(OutputError, match=f"in use by process {os.getpid()}"):
            once(digits_file, incoming, tmp_path / "out")

    Script(second, nothing).watch(digits_file, incoming, tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 3


def test_rows_are_on_the_disk_when_they_are_told(digits_file, digits, incoming, tmp_path, monkeypatch):
    monkeypatch.setattr(workflow, "MOST_AT_ONCE", 4)
    fill(incoming, digits.take(range(10)))
    told = []

    def on_rows(batch, summary):
        told.append(len(batch))
        assert summary.recorded == sum(told) == len(rows(tmp_path / "out"))

    once(digits_file, incoming, tmp_path / "out", on_rows=on_rows)
    assert told == [4, 4, 2]


def test_a_request_to_stop_is_heard_between_batches(digits_file, digits, incoming, tmp_path, monkeypatch):
    monkeypatch.setattr(workflow, "MOST_AT_ONCE", 4)
    fill(incoming, digits.take(range(10)))
    told = []
    summary = once(digits_file, incoming, tmp_path / "out", on_rows=lambda *given: told.append(given), stopped=lambda: bool(told))
    assert (summary.judged, len(rows(tmp_path / "out")), summary.waiting) == (4, 4, 6)
    assert once(digits_file, incoming, tmp_path / "out").judged == 6


def test_thousands_of_names_are_quick_and_only_identities_are_kept(incoming):
    for index in range(3000):
        (incoming / f"{index:04}.png").touch()
    arrivals = Arrivals(incoming)
    started = time.process_time()
    assert arrivals.look() == []
    due = arrivals.look()
    for arrival in due:
        arrivals.settle(arrival)
    assert (len(due), arrivals.look(), arrivals.waiting) == (3000, [], {})
    assert time.process_time() - started < 3
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
    assert len(drift_rows(tmp_path / "whole")) == 1
    assert drift_rows(tmp_path / "restarted") == drift_rows(tmp_path / "whole")


def test_good_images_raise_no_alarm(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.where(label=3))
    assert once(digits_file, incoming, tmp_path / "out").drift == ""
    assert drift_rows(tmp_path / "out") == []


def test_a_model_calibrated_anew_listens_anew(digits_file, strange, incoming, tmp_path):
    fill(incoming, strange.take(range(85)))
    assert once(digits_file, incoming, tmp_path / "out").drift
    calibrate(digits_file, "digits[label=3]", tmp_path / "new.sablier")
    assert once(tmp_path / "new.sablier", incoming, tmp_path / "out").judged == 0
    fill(incoming, strange.take(range(85, 170)), prefix="later-")
    assert once(tmp_path / "new.sablier", incoming, tmp_path / "out").drift
    assert len(drift_rows(tmp_path / "out")) == 2
    assert len({row["model"] for row in rows(tmp_path / "out")}) == 2


# What is refused


def test_a_folder_that_is_none(digits_file, tmp_path):
    with pytest.raises(ImagesError, match=r"expected a folder to watch, got nothing of that name"):
        once(digits_file, tmp_path / "missing", tmp_path / "out")
    with pytest.raises(ImagesError, match=r"expected a folder to watch, got a file"):
        once(digits_file, digits_file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["incoming", "incoming/out", "."])
def test_an_output_among_the_images(digits_file, incoming, tmp_path, out):
    with pytest.raises(OutputError, match="shares the folder of the images"):
        once(digits_file, incoming, tmp_path / out)
    assert os.listdir(tmp_path) == ["incoming"]
    assert os.listdir(incoming) == []


@pytest.mark.parametrize("options", [{"alpha": 0}, {"alpha": 2}, {"every_seconds": 0}, {"every_seconds": float("nan")}])
def test_values_that_mean_nothing(digits_file, incoming, tmp_path, options):
    with pytest.raises(ConfigError, match="expected a"):
        watch(digits_file, incoming, tmp_path / "out", **{"once": True, "every_seconds": QUICK, **options})
    assert not (tmp_path / "out").exists()


def test_a_model_of_another_task(digits_file, incoming, tmp_path):
    replace(ModelFile.load(digits_file), task="denoise").save(tmp_path / "other.sablier")
    with pytest.raises(ModelFileError, match="expected a model that detects"):
        once(tmp_path / "other.sablier", incoming, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_of_another_kind_stays_as_it_is(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(3)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "watch.csv").write_text("hours,watched\n3,yes\n")
    with pytest.raises(OutputError, match=r"watch\.csv is not a record of this kind"):
        once(digits_file, incoming, tmp_path / "out")
    assert (tmp_path / "out" / "watch.csv").read_text() == "hours,watched\n3,yes\n"


@pytest.mark.parametrize(("column", "value"), [("size_bytes", "many"), ("p_value", "0"), ("p_value", "nan"), ("p_value", "")])
def test_a_row_spoilt_by_hand_is_named(digits_file, digits, incoming, tmp_path, column, value):
    fill(incoming, digits.take(range(3)))
    once(digits_file, incoming, tmp_path / "out")
    kept = [{**row, **({column: value} if row["id"] == "001.png" else {})} for row in rows(tmp_path / "out")]
    with (tmp_path / "out" / "watch.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(kept)
    with pytest.raises(OutputError, match=r"expected numbers in the row of 001\.png"):
        once(digits_file, incoming, tmp_path / "out")
    assert rows(tmp_path / "out") == kept


def test_scores_differ_as_the_images_do(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(30)))
    once(digits_file, incoming, tmp_path / "out")
    expected = Detector.from_file(ModelFile.load(digits_file)).detect(digits.take(range(30))).scores
    found = {row["id"]: float(row["score"]) for row in rows(tmp_path / "out")}
    assert [found[f"{index:03}.png"] for index in range(30)] == pytest.approx(expected.tolist(), abs=1e-4)
