"""Fooling images are judged on their bytes, by the classifier, its p-value and another net."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sablier.calibration import Calibration
from sablier.errors import ConfigError, ImagesError, ModelFileError, UnknownName
from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.classification.fool import fool_classifier
from sablier.workflows.training.classifier import train_classifier

SURE = 0.99  # of a net that has seen few digits


def trained(seed, images=None):
    recipe = make_recipe("classifier", "tiny", ["steps=80", "width=8", f"seed={seed}"])
    return Classifier.from_file(train_classifier(read_images("digits") if images is None else images, recipe))


@pytest.fixture(scope="module")
def classifier(small_classifier):
    return Classifier.from_file(ModelFile.load(small_classifier))


@pytest.fixture(scope="module")
def judge():
    return trained(1)


@pytest.fixture(scope="module")
def result(classifier, judge):
    return fool_classifier(classifier, judge=judge, sure=SURE)


def test_every_class_is_fooled_in_every_way(classifier, result):
    assert result.ways == ("direct", "cppn", "gradient")
    assert result.fooled.all()
    assert result.fooled.shape == (3, 10)
    assert len(result) == len(result.to_table()) == 30
    for way, images in zip(result.ways, result.images, strict=True):
        said = classifier.classify(ImageSet(images))
        assert (said.predicted == classifier.classes).all(), way
        assert said.probabilities.max(axis=1).min() >= SURE, way
    assert result.images.dtype == np.uint8
    assert result.to_json()["ways"]["cppn"]["classes_fooled"] == 10


def test_a_search_that_runs_out_gives_the_best_it_had(classifier):
    short, longer = (fool_classifier(classifier, ["gradient"], sure=0.9999, generations=steps) for steps in (60, 310))
    assert (longer.probabilities >= short.probabilities - 1e-6).mean() > 0.5  # after 300 steps it starts again from noise
    assert longer.probabilities.min() > 0.5


def test_few_held_out_images_say_nothing_of_none_of_the_classes(classifier, result):
    few = replace(classifier, calibration=Calibration((np.arange(98.0),)))
    assert few.classify(read_images("digits:test")).unlike is None
    assert result.unlike.shape == (3, 10)
    assert (result.unlike == (result.p_values <= 0.01)).all()


def test_the_images_are_no_digits(classifier, result):
    """What the classifier would rather see is far from anything it learnt from."""
    known = read_images("digits").array.reshape(-1, 64).astype(float)
    other = read_images("digits:test").array.reshape(-1, 64).astype(float)

    def nearest(images):
        return np.array([np.sqrt(((known - image) ** 2).sum(axis=1)).min() for image in images])

    usual = nearest(other)
    for images in (result.images[0], result.images[2]):  # patterns may come near
        assert nearest(images.reshape(10, 64).astype(float)).min() > np.quantile(usual, 0.99)


def test_the_judge_and_the_p_value_say_what_they_see(classifier, judge, result):
    images = ImageSet(result.images[1])
    other = judge.classify(images)
    assert (result.judge_classes[1] == other.predicted).all()
    assert result.judge_probabilities[1] == pytest.approx(np.diagonal(other.probabilities))
    assert (result.judge_agrees[1] == (other.predicted == classifier.classes)).all()
    assert result.p_values[1] == pytest.approx(classifier.classify(images).p_values)
    row = result.to_table()[13]
    assert (row["way"], row["class"], row["judge_class"]) == ("cppn", "3", other.predicted[3])


def test_the_same_seed_gives_the_same_images(classifier, result):
    again = fool_classifier(classifier, sure=SURE, seed=0)
    assert (again.images == result.images).all()
    assert again.judge_agrees is None
    assert "judge_class" not in again.to_table()[0]
    other = fool_classifier(classifier, sure=SURE, seed=1)
    assert all((other.images[way] != result.images[way]).any() for way in range(3))


def test_some_classes_and_ways_are_asked_for(classifier):
    seen = []
    found = fool_classifier(
        classifier, ["gradient", "direct"], ["7", "2"], sure=0.6, on_progress=lambda way, images: seen.append((way, images))
    )
    assert found.classes.tolist() == ["2", "7"]
    assert found.ways == ("gradient", "direct")
    assert (found.probabilities >= 0.6).all()
    assert {way for way, _ in seen} == {"gradient", "direct"}
    counts = [images for way, images in seen if way == "gradient"]
    assert counts == sorted(counts)


def test_what_cannot_be_reached_is_given_as_it_is(classifier):
    found = fool_classifier(classifier, ["direct"], sure=0.999999999, generations=1)
    assert not found.fooled.all()
    assert found.generations == (1,)
    assert found.to_json()["ways"]["direct"]["confidence_min"] < 0.999999999


def test_bad_input_is_refused_before_the_work(classifier):
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"ways": ["cpn"]}, UnknownName, "unknown way 'cpn'. Did you mean 'cppn'"),
        ({"classes": ["10"]}, UnknownName, "unknown class '10'. Did you mean '1'"),
        ({"classes": []}, ConfigError, "at least one way and one class"),
        ({"sure": 1.0}, ConfigError, "between 0 and 1"),
        ({"sure": 0.0}, ConfigError, "between 0 and 1"),
        ({"generations": 0}, ConfigError, "at least 1 generation"),
    ]
    for arguments, error, message in cases:
        with pytest.raises(error, match=message):
            fool_classifier(classifier, **arguments)
    deep = replace(classifier, preprocess=classifier.preprocess.model_copy(update={"dtype": "uint16"}))
    with pytest.raises(ModelFileError, match="8-bit images, got one of uint16"):
        fool_classifier(deep)


def test_a_judge_must_know_the_classes_and_take_the_images(classifier):
    digits = read_images("digits")
    few = trained(0, digits.where(label=["3", "5"]))
    with pytest.raises(ModelFileError, match="knows 3, 5, not 0"):
        fool_classifier(classifier, judge=few)
    large = ImageSet(digits.array[:200].repeat(2, axis=1).repeat(2, axis=2), labels=digits.labels[:200])
    with pytest.raises(ImagesError, match="expected images of 16 x 16"):
        fool_classifier(classifier, judge=trained(0, large))
    found = fool_classifier(classifier, ["cppn"], ["5"], judge=few, sure=SURE)
    assert found.judge_classes.item() in ("3", "5")
