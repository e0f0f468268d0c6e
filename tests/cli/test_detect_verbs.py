"""detect --fdr and --audit, audit, calibrate --feedback: from what one types to what is printed."""

import csv
import os
import re
from pathlib import Path

import pytest
from listing import visible

from sablier.images import read_images


def fill_in(path: str) -> None:
    """Answer the questions of a table: threes are good."""
    images = read_images("digits:test")
    labels = dict(zip(images.ids.tolist(), images.labels.tolist(), strict=True))
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows({**row, "verdict": "good" if labels[row["id"]] == "3" else "bad"} for row in rows)


@pytest.mark.filterwarnings("default")  # what is warned of is printed
def test_from_a_batch_to_an_audit_to_a_calibration(sablier, digits_file):
    done = sablier("detect", digits_file, "digits:test", "-o", "out", "--no-report", "--fdr", "0.1", "--audit", "20")
    assert done.code == 0
    assert "of 360 images are flagged" in done.out
    assert "At the same false-discovery rate the baselines flag: pca" in done.out
    assert "Of the images flagged, about 10% at most are good ones" in done.out
    assert "to flag a lone one it would take 3,599 calibration images" in done.out
    assert "Drift: by image" in done.out
    assert "Fill in the column verdict of out/audit.csv, then: sablier audit out" in done.out
    assert visible("out") == ["audit.csv", "detections.csv", "detections.json", "flagged.csv"]

    done = sablier("audit", "out")
    assert done.code == 2
    assert "out/audit.csv: expected a verdict on each image, good or bad, got none on test/" in done.err

    fill_in("out/audit.csv")
    done = sablier("audit", "out")
    assert done.code == 0
    assert "of 20 images drawn from the" in done.out
    assert "95% interval" in done.out
    assert "of all bad images are missed" not in done.out
    fill_in("out/flagged.csv")
    assert "of all bad images are missed" in sablier("audit", "out", "--reviewed", "out/flagged.csv").out

    done = sablier("detect", digits_file, "digits:test", "-o", "out", "--no-report")
    assert done.code == 0
    assert "warning: " in done.err
    assert "out/flagged.csv is not as sablier wrote it. It is kept as " in done.err
    assert visible("out") == ["audit-kept.csv", "detections.csv", "detections.json", "flagged-kept.csv"]


def test_an_audit_of_few_images_says_so(sablier, digits_file):
    done = sablier("detect", digits_file, "digits:test[label=3]", "-o", "out", "--no-report", "--audit", "50")
    assert done.code == 0
    with open("out/audit.csv", newline="", encoding="utf-8") as file:
        count = len(list(csv.DictReader(file)))
    assert 1 < count < 50
    assert f"{count} images were not flagged; all are in audit.csv." in done.out


def test_evidence_is_printed_with_an_alarm_only(sablier, digits_file):
    done = sablier("detect", digits_file, "digits:test[label=3]", "-o", "out")
    assert done.code == 0
    assert "No sign of drift in" in done.out
    for said in (done.out, Path("out/report.html").read_text(encoding="utf-8")):
        assert "(evidence" not in said
    assert "(evidence" in sablier("detect", digits_file, "digits:test", "-o", "all", "--no-report").out


def test_feedback_calibrates(sablier, digits_file):
    source = "digits:test[label=3,5]"
    sablier("detect", digits_file, source, "-o", "out", "--no-report", "--alpha", "0.2", "--audit", "5")
    for name in ("flagged.csv", "audit.csv"):
        fill_in(f"out/{name}")
    feedback = ["--feedback", "out/flagged.csv", "--feedback", "out/audit.csv"]
    done = sablier("calibrate", digits_file, source, "-o", "new.sablier", *feedback, "--alpha", "0.2")
    assert done.code == 0
    assert "rejected ones left out" in done.out
    done = sablier("calibrate", digits_file, source, "-o", "x.sablier", "--feedback", "out/audit.csv")
    assert done.code == 2
    assert "Judge those too, or name the rate they were flagged at with --alpha" in done.err
    assert sorted(os.listdir()) == ["new.sablier", "out"]


def test_feedback_on_discoveries_calibrates(sablier, digits_file):
    source = "digits:test[label=3,5]"
    sablier("detect", digits_file, source, "-o", "out", "--no-report", "--fdr", "0.1", "--audit", "5")
    for name in ("flagged.csv", "audit.csv"):
        fill_in(f"out/{name}")
    done = sablier("calibrate", digits_file, source, "-o", "new.sablier", "--feedback", "out/flagged.csv", "--fdr", "0.1")
    assert done.code == 0
    assert "rejected ones left out" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fdr", "0.1", "--alpha", "0.05"], "expected --alpha or --fdr, got both"),
        (["--fdr", "2"], "expected a false-discovery rate fdr between 0 and 1, such as 0.1, got 2"),
        (["--audit", "0"], "expected a number of images to audit from 1 on, such as 50, got 0"),
    ],
)
def test_what_detect_does_not_take(sablier, digits_file, arguments, message):
    done = sablier("detect", digits_file, "digits:test", "-o", "out", *arguments)
    assert done.code == 2
    assert message in done.err
    assert os.listdir() == []


def test_an_audit_of_nothing_says_how_to_get_one(sablier):
    Path("empty").mkdir()
    done = sablier("audit", "empty")
    assert done.code == 2
    assert "sablier detect ... --audit 50 -o empty" in done.err


@pytest.mark.parametrize("verb", ["detect", "audit", "calibrate"])
def test_help_ends_with_an_example(sablier, verb):
    assert f"Example: sablier {verb} " in sablier(verb, "--help").out


@pytest.mark.filterwarnings("default")
def test_lots_and_the_bound_are_printed(sablier, digits_file):
    assert sablier("calibrate", digits_file, "digits:test[label=3]", "-o", "split.sablier").code == 0
    done = sablier(
        "detect", "split.sablier", "digits:test", "-o", "out", "--no-report", "--lot", r"regex:(test)/", "--confidence", "0.8"
    )
    assert done.code == 0
    assert re.search(r"Of these \d+ flagged (images|groups) at most \d+ are good, with 80% confidence\.", done.out)
    assert re.search(r"test: at least \d+ of 360 images are bad", done.out)
    assert "The rule gives one lot, test, for all images." in done.out
    assert "lots.csv" in visible("out")
    done = sablier("detect", "split.sablier", "digits:test", "-o", "other", "--lot", r"regex:(lot\d+)")
    assert done.code == 2
    assert "got nothing in 360 of 360" in done.err
