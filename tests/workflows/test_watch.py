"""watch: each image that arrives is judged once, when it has come to rest."""

import csv
import os

import numpy as np
import pytest
from PIL import Image
from watching import Script, fill, ids, nothing, once, put, rows

from sablier.errors import ImagesError
from sablier.images.decoding import Decoder
from sablier.workflows.arrivals import RETRY_AFTER_LOOKS
from sablier.workflows.detect import detect
from sablier.workflows.watcher import COLUMNS

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


def test_flagged_images_and_no_others_have_an_anomaly_map(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(40)), prefix="a/")
    fill(incoming, digits.take(range(40, 50)), prefix="a_")  # names that a flat folder of maps could confuse
    once(digits_file, incoming, tmp_path / "out")
    drawn = [row["map"] for row in rows(tmp_path / "out") if row["verdict"] == "anomaly"]
    assert len(drawn) == len(set(drawn)) > 5
    assert {f"maps/{name}" for name in os.listdir(tmp_path / "out" / "maps")} == set(drawn)
    assert all(row["map"] == "" for row in rows(tmp_path / "out") if row["verdict"] == "normal")
    with Image.open(tmp_path / "out" / drawn[0]) as picture:
        assert picture.height >= 256


def test_a_triage_rejects_reviews_and_passes(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(80)))
    summary = once(digits_file, incoming, tmp_path / "out", alpha=0.3, reject_alpha=0.02)
    judged = rows(tmp_path / "out")
    for row in judged:
        p_value = float(row["p_value"])
        assert row["verdict"] == ("reject" if p_value <= 0.02 else "review" if p_value <= 0.3 else "pass")
        assert bool(row["map"]) == (row["verdict"] != "pass")
    assert len({row["verdict"] for row in judged}) == 3
    assert summary.flagged == sum(row["verdict"] != "pass" for row in judged)
    assert "about 20 will be rejected and 280 sent to a person; 700 pass" in summary.promise


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
