"""sablier robustness: what it prints, what it writes, what it refuses."""

import csv
import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from listing import visible
from PIL import Image

FEW = ["--kinds", "fog,jpeg", "--severities", "1,5", "--attacks", "fgsm", "-n", 40, "--eps", "25/255"]


@pytest.fixture(scope="module")
def classifier_path(small_classifier):
    """A classifier of the digits that learnt a little."""
    return small_classifier


def test_it_writes_a_table_pictures_and_a_page(sablier, classifier_path):
    done = sablier("robustness", classifier_path, "digits:test", "-o", "out", *FEW)
    assert done.code == 0
    assert "Accuracy on 40 images:" in done.out
    assert "Mean accuracy under corruption, over kinds and severities:" in done.out
    assert "1 of 3: fog" in done.err
    assert "3 of 3: fgsm" in done.err
    names = ["corruptions.png", "robustness.csv", "robustness.html", "robustness.json", "robustness.png"]
    assert visible("out") == names
    rows = list(csv.DictReader(io.StringIO(Path("out/robustness.csv").read_text())))
    assert [(row["name"], row["severity"]) for row in rows] == [
        ("", ""), ("fog", "1"), ("fog", "5"), ("jpeg", "1"), ("jpeg", "5"), ("fgsm", ""),
    ]  # fmt: skip
    assert {row["images"] for row in rows} == {"40"}
    said = json.loads(Path("out/robustness.json").read_text())
    assert said["accuracy"] == float(rows[0]["accuracy"])
    for row in rows[1:]:
        assert f"{100 * float(row['accuracy']):.1f}" in done.out
    for name in ("robustness.png", "corruptions.png"):
        with Image.open(f"out/{name}") as picture:
            picture.load()


def test_the_page_holds_everything_and_fetches_nothing(sablier, classifier_path):
    assert sablier("robustness", classifier_path, "digits:test", "-o", "out", *FEW).code == 0
    page = Path("out/robustness.html").read_text()
    assert not re.search(r"https?://|<script|src=\"(?!data:)", page)
    assert page.count("<img") == 1 + 2 * 2
    rows = list(csv.DictReader(io.StringIO(Path("out/robustness.csv").read_text())))
    for row in rows[1:]:
        assert f"{100 * float(row['accuracy']):.1f}</td>" in page


def test_the_same_command_gives_the_same_numbers(sablier, classifier_path):
    for folder in ("a", "b"):
        assert sablier("robustness", classifier_path, "digits:test", "-o", folder, *FEW).code == 0
    assert Path("a/robustness.csv").read_bytes() == Path("b/robustness.csv").read_bytes()


def test_none_leaves_out(sablier, classifier_path):
    done = sablier("robustness", classifier_path, "digits:test", "-o", "a", "--kinds", "none", "--attacks", "fgsm", "-n", 10)
    assert done.code == 0
    assert "under corruption" not in done.out
    assert "corruptions.png" not in os.listdir("a")
    done = sablier("robustness", classifier_path, "digits:test", "-o", "b", "--kinds", "fog", "--attacks", "none", "-n", 10)
    assert done.code == 0
    assert "under attack" not in Path("b/robustness.html").read_text().lower()


def test_what_cannot_be_done_is_said(sablier, classifier_path, digits_file, tmp_path):
    (tmp_path / "new").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "new" / "a.png")
    (tmp_path / "labelled" / "cat").mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "labelled" / "cat" / "a.png")
    refusals = {
        (digits_file, "digits:test"): "expected a model trained to classify, got one trained to detect",
        (classifier_path, "new"): "expected labels, got none",
        (classifier_path, "labelled"): "got cat as well",
        (classifier_path, "digits:test", "--kinds", "fogg"): "unknown kind of corruption 'fogg'. Did you mean 'fog'",
        (classifier_path, "digits:test", "--kinds", "mnistc"): "Did you mean 'mnist-c'",
        (classifier_path, "digits:test", "--severities", "6"): "expected a severity from 1 to 5, got 6",
        (classifier_path, "digits:test", "--severities", "high"): "expected severities such as 1,3,5",
        (classifier_path, "digits:test", "--eps", "1.5"): "expected eps from 0 to 1",
        (classifier_path, "digits:test", "--attacks", "standart"): "Did you mean 'standard'",
        (
            classifier_path,
            "digits:test",
            "--kinds",
            "none",
            "--attacks",
            "none",
        ): "expected corruptions with a severity, or attacks",
        (classifier_path, "digits:test", "-n", "-1"): "at least 1 image",
        (classifier_path, "labelled", "-o", "labelled"): "Choose one apart",
    }
    for (model, source, *others), message in refusals.items():
        output = [] if "-o" in others else ["-o", "out"]
        done = sablier("robustness", model, source, *output, *others)
        assert done.code == 2, message
        assert message in done.err
        assert not Path("out").exists()
