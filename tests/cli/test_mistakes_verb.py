"""sablier mistakes: what it prints, what it writes, what it refuses."""

import csv
from pathlib import Path

import numpy as np
import pytest
from listing import visible
from PIL import Image


@pytest.fixture(scope="module")
def path(small_classifier):
    """A classifier of the digits that learnt a little."""
    return small_classifier


def test_new_images_are_judged_by_the_model(sablier, path):
    done = sablier("mistakes", path, "digits:test", "-o", "out")
    assert done.code == 0
    assert "Probabilities are the model's own, since these images are new to it." in done.out
    assert "misclassified (another class than the label)" in done.out
    assert "Most confused:" in done.out
    assert "Calibration error (ECE)" in done.out
    assert "See out/mistakes.html" in done.out
    assert visible("out") == ["confusion.png", "mistakes.csv", "mistakes.html", "mistakes.json", "mistakes.png"]
    rows = list(csv.DictReader(Path("out/mistakes.csv").read_text().splitlines()))
    assert [int(row["rank"]) for row in rows] == list(range(1, 361))
    assert rows[0]["id"] in done.out


def test_images_it_has_learnt_from_are_judged_by_cross_validation(sablier, path):
    done = sablier("mistakes", path, "digits[label=1,7]", "-o", "out", "--folds", 2)
    assert done.code == 0
    assert "Probabilities are those of a cross-validation in 2 folds, as asked" in done.out
    assert "for 297 images, 2 folds" in done.err
    assert not list(Path("out").glob("*.folds"))


@pytest.mark.filterwarnings("ignore:these images do not resemble")
def test_what_cannot_be_done_is_said(sablier, path, digits_file, tmp_path):
    def written(name, count):
        for index in range(count):
            target = tmp_path / "few" / name / f"{index}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), 10 * int(name == "2") + index, np.uint8)).save(target)

    written("1", 6)
    written("2", 3)
    (tmp_path / "new").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "new" / "a.png")
    refusals = {
        ("mistakes", digits_file, "digits:test"): "expected a model trained to classify, got one trained to detect",
        ("mistakes", path, "new"): "expected labels, got none",
        ("mistakes", path, "nowhere"): "no such file or folder",
        ("mistakes", path, "digits:test[label=3]"): "at least 2 classes, got only '3'",
        ("mistakes", path, "few", "--folds", 5): "at least 5 images of each class for 5 folds, got 3 of 2. Take --folds 3",
        ("mistakes", path, "few", "--folds", 1): "expected from 2 to 100 folds, or 0 for none, got 1",
        ("mistakes", path, "few", "-o", "few/out"): "shares the folder of the images",
    }
    for arguments, message in refusals.items():
        done = sablier(*arguments)
        assert done.code == 2, arguments
        assert message in " ".join(done.err.split()), (arguments, done.err)
    assert not Path("mistakes").exists()
    written("cat", 3)
    done = sablier("mistakes", path, "few")
    assert (done.code, "got cat as well" in done.err) == (2, True)
