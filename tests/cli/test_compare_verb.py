"""sablier compare: models of one task side by side, by their settings, their losses, and the same images."""

import csv
import json
import os
from pathlib import Path

import pytest
from listing import visible
from PIL import Image

from sablier.cli.progress import console
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.classification.classify import Classifier
from sablier.workflows.compare import compare
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.classifier import train_classifier

GOOD, BAD = "digits:test[label=3]", "digits:test[label!=3]"


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory):
    """Two linear classifiers of the digits: one has learnt more than the other."""
    folder = tmp_path_factory.mktemp("classifiers")
    for name, settings in {"sgd": ["epochs=2"], "adam": ["epochs=12", "optimizer=adam"]}.items():
        recipe = make_recipe("course-softmax", settings=[*settings, "threads=1"])
        train_classifier(read_images("digits"), recipe).save(folder / f"{name}.sablier")
    return [folder / "sgd.sablier", folder / "adam.sablier"]


@pytest.fixture
def wide(monkeypatch):
    """A terminal on which no word of a table is folded."""
    monkeypatch.setattr(console, "width", 200)


def test_classifiers_on_labelled_images(sablier, classifiers, wide):
    done = sablier("compare", *classifiers, "--images", "digits:test", "-o", "out")
    assert done.code == 0
    assert all(word in done.out for word in ("optimizer", "epochs", "accuracy", "ECE", "held out", "See out/curves.png"))
    assert visible("out") == ["compare.csv", "compare.json", "curves.png"]
    sgd, adam = csv.DictReader(Path("out/compare.csv").read_text().splitlines())
    assert (sgd["optimizer"], adam["optimizer"]) == ("sgd", "adam")
    assert (sgd["epochs_trained"], adam["epochs_trained"]) == ("2", "12")
    assert "seed" not in sgd  # the same in both
    assert float(adam["validation_loss"]) < float(sgd["validation_loss"])
    found = json.loads(Path("out/compare.json").read_text())
    assert (found["task"], found["images"]) == ("classify", 360)
    for path, row in zip(classifiers, found["models"], strict=True):
        told = Classifier.from_file(ModelFile.load(path)).classify(read_images("digits:test"))
        assert row["accuracy"] == told.accuracy
        assert row["calibration_error"] == told.calibration_error()


def test_without_images_the_losses_are_compared(sablier, classifiers, wide):
    done = sablier("compare", *classifiers)
    assert done.code == 0
    assert "loss" in done.out
    assert "accuracy" not in done.out
    assert os.listdir() == []


def test_detectors_without_images_too(sablier, digits_file):
    done = sablier("compare", digits_file, digits_file, "-o", "out")
    assert done.code == 0
    assert "restoration.loss" in Path("out/compare.csv").read_text()
    assert "AUROC" not in done.out


def test_detectors_keep_their_table(sablier, digits_file, wide):
    done = sablier("compare", digits_file, digits_file, "--good", GOOD, "--bad", BAD, "-o", "out")
    assert done.code == 0
    assert all(word in done.out for word in ("alpha 5%", "AUROC", "false alarms", "missed", "pca (baseline)"))
    assert "held out" not in done.out
    rows = list(csv.DictReader(Path("out/compare.csv").read_text().splitlines()))
    assert [row["file"] for row in rows[2:]] == ["pca (baseline)", "knn (baseline)"]
    assert rows[0]["file"] == str(digits_file)  # two files of one name are told apart by their folders
    assert json.loads(Path("out/compare.json").read_text())["good"] == len(read_images(GOOD))


def test_any_other_task_has_losses(sablier, wide, tmp_path):
    for width in (4, 8):
        recipe = make_recipe("autoencoder", "tiny", ["steps=3", f"width={width}"])
        train_autoencoder(read_images("digits"), recipe).save(tmp_path / f"{width}.sablier")
    done = sablier("compare", "4.sablier", "8.sablier")
    assert done.code == 0
    assert "width" in done.out


def test_what_cannot_be_compared_is_said(sablier, classifiers, digits_file, tmp_path):
    labelled = tmp_path / "labelled"
    (labelled / "cat").mkdir(parents=True)
    Image.new("L", (8, 8)).save(labelled / "cat" / "a.png")
    refusals = {
        (classifiers[0], digits_file): "expected models of one task, got classify and detect",
        (*classifiers, "--good", GOOD, "--bad", BAD): "expected detectors to judge good and bad images with",
        (digits_file, digits_file, "--images", "digits:test"): "Name good and bad ones with --good and --bad",
        (digits_file, digits_file, "--good", GOOD): "expected both good and bad images, or neither",
        (*classifiers, "--images", "nowhere"): "no such file or folder",
        (*classifiers, "--images", "labelled"): "got cat as well",
        (*classifiers, "--images", "labelled", "-o", "labelled"): "shares the folder of the images",
        (classifiers[0], "nowhere.sablier"): "there is no model file nowhere.sablier",
    }
    for arguments, message in refusals.items():
        done = sablier("compare", *arguments)
        assert done.code == 2, arguments
        assert message in done.err, arguments
    assert sorted(os.listdir()) == ["labelled"]


def test_the_function_returns_what_the_verb_prints(classifiers):
    found = compare(classifiers, "digits:test")
    assert [model.settings for model in found.models] == [{"epochs": 2, "learning_rate": 0.1, "optimizer": "sgd"}, {
        "epochs": 12, "learning_rate": 0.01, "optimizer": "adam",
    }]  # fmt: skip
    assert all(set(row) == set(found.to_table()[0]) for row in found.to_table())
