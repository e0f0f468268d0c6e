"""sablier train --recipe classifier, classify and attack: what they print, what they write, what they refuse."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from listing import visible
from PIL import Image

from sablier.images import read_images


@pytest.fixture(scope="module")
def classifier_path(small_classifier):
    """A classifier of the digits that learnt a little."""
    return small_classifier


def test_train_says_what_comes_next(sablier):
    done = sablier("train", "digits", "-o", "c.sablier", "--recipe", "course-softmax")
    assert done.code == 0
    assert "Cross-entropy on held-out images" in done.out
    assert "Next: sablier classify c.sablier" in done.out


def test_classify_writes_a_table_and_a_sheet(sablier, classifier_path):
    done = sablier("classify", classifier_path, "digits:test", "-o", "out")
    assert done.code == 0
    assert "360 images" in done.out
    assert "accuracy; calibration error (ECE)" in done.out
    assert visible("out") == ["classes.csv", "classes.json", "reliability.png", "unsure.png"]
    rows = list(csv.DictReader(Path("out/classes.csv").read_text().splitlines()))
    assert len(rows) == 360
    right = np.mean([row["label"] == row["class"] for row in rows])
    assert json.loads(Path("out/classes.json").read_text())["accuracy"] == pytest.approx(right)


def test_images_without_labels_are_classified_too(sablier, classifier_path, tmp_path):
    (tmp_path / "new").mkdir()
    Image.fromarray(read_images("digits:test")[0][..., 0]).save(tmp_path / "new" / "a.png")
    done = sablier("classify", classifier_path, "new", "-o", "out")
    assert done.code == 0
    assert "accuracy" not in done.out
    assert "a.png" in done.out
    assert not Path("out/reliability.png").exists()


def test_attack_writes_what_fools(sablier, classifier_path):
    done = sablier("attack", classifier_path, "digits:test", "--eps", "25/255", "-n", 40, "--steps", 20, "-o", "out")
    assert done.code == 0
    assert "under apgd, linf 25/255" in done.out
    found = json.loads(Path("out/attack.json").read_text())
    fooled = [row for row in found["rows"] if row["fooled"]]
    assert found["robust_accuracy"] == pytest.approx(found["accuracy"] - len(fooled) / 40)
    written = sorted(str(path.relative_to("out/images").with_suffix("")) for path in Path("out/images").rglob("*.png"))
    assert written == sorted(row["id"] for row in fooled)
    original = {str(name): image for name, image in zip(*(lambda d: (d.ids, d))(read_images("digits:test")), strict=True)}
    for name in written[:5]:
        pixels = np.asarray(Image.open(f"out/images/{name}.png")).astype(int)
        assert 0 < np.abs(pixels - original[name][..., 0]).max() <= 25


def test_what_cannot_be_done_is_said(sablier, classifier_path, digits_file, tmp_path):
    (tmp_path / "new").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "new" / "a.png")
    (tmp_path / "labelled" / "cat").mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "labelled" / "cat" / "a.png")
    refusals = {
        ("classify", digits_file, "digits:test"): "expected a model trained to classify, got one trained to detect",
        ("classify", classifier_path, "glyphs"): "expected images of 8 x 8",
        ("classify", classifier_path, "nowhere"): "no such file or folder",
        ("attack", digits_file, "digits:test"): "expected a model trained to classify",
        ("attack", classifier_path, "new"): "expected labels, got none",
        ("attack", classifier_path, "labelled"): "got cat as well",
        ("attack", classifier_path, "digits:test", "--eps", "2"): "expected eps from 0 to 1",
        ("attack", classifier_path, "digits:test", "--eps", "8/0"): "expected a number such as 0.3 or 8/255",
        ("attack", classifier_path, "digits:test", "--method", "pdg"): "Did you mean 'pgd'",
        ("attack", classifier_path, "digits:test", "--method", "fgsm", "--steps", 3): "unknown option of fgsm 'steps'",
        ("attack", classifier_path, "digits:test", "--norm", "l3"): "expected norm linf or l2",
        ("attack", classifier_path, "digits:test", "-n", 0): "at least 1 image",
        ("train", "new", "--recipe", "classifier", "-o", "x.sablier"): "expected labels, got none",
        ("train", "digits[label=3]", "--recipe", "classifier", "-o", "x.sablier"): "at least 2 classes, got only '3'",
    }
    for arguments, message in refusals.items():
        done = sablier(*arguments)
        assert done.code == 2, arguments
        assert message in " ".join(done.err.replace("│", " ").split()), arguments
    assert not Path("x.sablier").exists()


def test_classes_that_the_model_does_not_know_are_named(sablier, classifier_path, tmp_path):
    for name, image in zip(("3", "nine"), read_images("digits:test").array, strict=False):
        (tmp_path / "new" / name).mkdir(parents=True)
        Image.fromarray(image[..., 0]).save(tmp_path / "new" / name / "a.png")
    done = sablier("classify", classifier_path, "new", "-o", "out")
    assert "1 image of classes that the model does not know (nine)" in done.out
    assert json.loads(Path("out/classes.json").read_text())["unknown"] == 1


def test_a_budget_is_for_classifiers(sablier):
    done = sablier("train", "digits", "-o", "d.sablier", "--budget", "5m")
    assert done.code == 2
    assert "expected a recipe of a classifier for --budget, got detector" in done.err
