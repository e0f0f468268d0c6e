"""Wrong labels are found, by networks that have not learnt them, and it is said how."""

import json
from dataclasses import replace

import numpy as np
import pytest
from listing import visible

from sablier.errors import ImagesError, Interrupted, ModelFileError, OutputError, TooFewImages
from sablier.images import ImageSet, read_images
from sablier.images.fingerprints import fingerprints
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.classification.classify import Classifier
from sablier.workflows.mistakes import has_learnt_from, mistakes, reason_for
from sablier.workflows.training.classifier import train_classifier

RECIPE = make_recipe(
    "course-softmax", settings=["epochs=40", "optimizer=adam", "learning_rate=0.01", "threads=1", "dtype=float32"]
)
FALSIFIED = 30


@pytest.fixture(scope="module")
def falsified():
    """Digits, of which 30 have another label than their own, and which these are."""
    digits, random = read_images("digits").take(range(700)), np.random.default_rng(0)
    wrong = random.choice(len(digits), FALSIFIED, replace=False)
    labels = digits.labels.copy()
    labels[wrong] = (labels[wrong].astype(int) + random.integers(1, 10, FALSIFIED)) % 10
    return ImageSet(digits.array, ids=digits.ids, labels=labels), wrong


@pytest.fixture(scope="module")
def model(falsified, tmp_path_factory):
    path = tmp_path_factory.mktemp("mistakes") / "c.sablier"
    train_classifier(falsified[0], RECIPE).save(path)
    return path


@pytest.fixture(scope="module")
def found(model, falsified, tmp_path_factory):
    folder = tmp_path_factory.mktemp("found")
    return mistakes(model, falsified[0], folder / "out", folds=3), folder / "out"


def test_falsified_labels_come_first(found, falsified):
    result, _ = found
    first = result.order[:FALSIFIED]
    assert np.isin(first, falsified[1]).mean() > 0.65  # by chance 0.04
    suspected = np.flatnonzero(result.suspected)
    assert np.isin(suspected, falsified[1]).mean() > 0.65
    assert FALSIFIED / 2 < result.estimated_errors < 2 * FALSIFIED


def test_it_writes_a_table_and_pictures_and_leaves_nothing_else(found):
    result, folder = found
    assert visible(folder) == [
        "confusion.png", "mistakes.csv", "mistakes.html", "mistakes.json", "mistakes.png"
    ]  # fmt: skip
    lines = (folder / "mistakes.csv").read_text().splitlines()
    assert lines[0].startswith("id,rank,label,predicted")
    assert lines[1].startswith(f"{result.ids[result.order[0]]},1,")
    assert len(lines) == 701
    document = json.loads((folder / "mistakes.json").read_text())
    assert (document["probabilities"], document["folds"]) == ("cross-validation", 3)
    assert "cross-validation in 3 folds, as asked" in document["reason"]


def test_images_it_has_learnt_from_are_judged_by_others(model, falsified):
    # By default; and one epoch is enough to see who judges.
    file = ModelFile.load(model)
    short = {**file.provenance.recipe, "fit": {**file.provenance.recipe["fit"], "epochs": 1}}
    replace(file, provenance=file.provenance.model_copy(update={"recipe": short})).save(model.with_name("short.sablier"))
    result = mistakes(model.with_name("short.sablier"), falsified[0])
    assert (result.probabilities_of, result.folds) == ("cross-validation", 5)
    assert "since the model was trained on some of these images" in result.reason
    own = Classifier.from_file(file).classify(falsified[0]).probabilities
    assert np.abs(result.probabilities - own).max() > 0.1


def test_new_images_are_judged_by_the_model_itself(model):
    tests = read_images("digits:test")
    result = mistakes(model, tests)
    assert (result.probabilities_of, result.folds) == ("model", 0)
    assert "since these images are new to it" in result.reason
    np.testing.assert_array_equal(result.probabilities, Classifier.from_file(ModelFile.load(model)).classify(tests).probabilities)


def test_the_model_can_be_made_to_judge_what_it_has_learnt(model, falsified):
    result = mistakes(model, falsified[0], folds=0)
    assert result.probabilities_of == "model"
    assert "it may have memorised wrong labels" in result.reason


def test_an_interrupted_run_goes_on(model, falsified, tmp_path, found):
    def stop(stage, progress):
        if stage.startswith("fold 3"):
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(Interrupted, match="run the same command again"):
        mistakes(model, falsified[0], out, folds=3, on_progress=stop)
    assert not (out / "mistakes.csv").exists()
    stages = set()
    again = mistakes(model, falsified[0], out, folds=3, on_progress=lambda stage, progress: stages.add(stage))
    assert stages == {"fold 3 of 3"}
    np.testing.assert_array_equal(again.probabilities, found[0].probabilities)
    assert (out / "mistakes.html").read_bytes() == (found[1] / "mistakes.html").read_bytes()
    assert not list(out.glob("*.folds"))


def test_what_it_has_learnt_from_is_known_by_its_images(model, falsified):
    file, (images, _) = ModelFile.load(model), falsified

    def learnt(those):
        return has_learnt_from(file, fingerprints(those, file.preprocess))

    assert learnt(images)
    assert learnt(images.take([3, 2]))  # wherever they lie, whatever their labels
    tests = read_images("digits:test")
    assert not learnt(tests)
    assert not learnt(ImageSet.concatenate([tests, images.take(range(10))]))  # ten of 370
    assert learnt(ImageSet.concatenate([tests, images.take(range(60))]))


def test_every_way_has_its_reason():
    reasons = {reason_for(folds, asked, learnt) for folds in (0, 5) for asked in (False, True) for learnt in (False, True)}
    assert len(reasons) == 5


def test_what_cannot_be_done_is_said_before_anything_is_written(model, falsified, digits_file, tmp_path):
    images, _ = falsified
    out = tmp_path / "out"
    with pytest.raises(ModelFileError, match="expected a model trained to classify, got one trained to detect"):
        mistakes(digits_file, images, out)
    with pytest.raises(ImagesError, match="expected labels, got none"):
        mistakes(model, ImageSet(images.array), out)
    with pytest.raises(ImagesError, match="got cat as well"):
        mistakes(model, replace(images, labels=np.where(images.labels == "3", "cat", images.labels)), out, folds=3)
    with pytest.raises(ImagesError, match="at least 2 classes, got only '3'"):
        mistakes(model, images.where(label="3"), out)
    with pytest.raises(TooFewImages, match="got 2 of"):
        mistakes(
            model,
            images.take(np.r_[np.flatnonzero(images.labels == "3"), np.flatnonzero(images.labels == "4")[:2]]),
            out,
            folds=5,
        )
    with pytest.raises(TooFewImages, match="at least one readable image"):
        mistakes(model, images.take([]), out)
    file = ModelFile.load(model)
    odd = file.provenance.model_copy(update={"recipe": {"name": "classifier", "others": {}}})
    replace(file, provenance=odd).save(tmp_path / "odd.sablier")
    with pytest.raises(ModelFileError, match="keeps no recipe that this version can repeat"):
        mistakes(tmp_path / "odd.sablier", images, out, folds=3)
    assert not out.exists()


def test_one_image_of_a_class_is_enough_for_the_model_itself(model, tmp_path):
    tests = read_images("digits:test")
    few = tests.take([int(np.flatnonzero(tests.labels == name)[0]) for name in ("1", "2", "7")])
    result = mistakes(model, few, tmp_path / "out")
    assert len(result) == 3
    assert (tmp_path / "out" / "mistakes.html").exists()


def test_results_do_not_lie_among_the_images(model, tmp_path):
    from PIL import Image

    for name in ("3", "4"):
        (tmp_path / "labelled" / name).mkdir(parents=True)
        for index in range(2):
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "labelled" / name / f"{index}.png")
    with pytest.raises(OutputError, match="shares the folder of the images"):
        mistakes(model, tmp_path / "labelled", tmp_path / "labelled" / "out")
