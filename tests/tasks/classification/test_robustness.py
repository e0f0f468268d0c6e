"""Robustness: what is counted is what a classifier says of corrupted and of attacked images."""

from dataclasses import replace

import numpy as np
import pytest

from sablier.errors import ImagesError, ModelFileError
from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile
from sablier.tasks.classification.attack import attack_classifier
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.classification.robustness import UnderAttack, measure_robustness
from sablier.transforms.attacks import ApgdCe, Fgsm
from sablier.transforms.natural import corrupt
from sablier.workflows.training.classifier import class_numbers

KINDS, LEVELS = ("fog", "jpeg", "rotate"), (1, 5)
ATTACKS = {"fgsm": Fgsm(0.1), "apgd": ApgdCe(0.1, steps=10)}


@pytest.fixture(scope="module")
def classifier(small_classifier):
    return Classifier.from_file(ModelFile.load(small_classifier))


@pytest.fixture(scope="module")
def images():
    return read_images("digits:test").take(range(60))


@pytest.fixture(scope="module")
def result(classifier, images):
    return measure_robustness(classifier, images, class_numbers(images, classifier.classes), KINDS, LEVELS, ATTACKS)


def test_the_counts_are_those_of_the_corrupted_images(result, classifier, images):
    for row, kind in enumerate(KINDS):
        for column, severity in enumerate(LEVELS):
            damaged = ImageSet(corrupt(images.array, kind, severity), labels=images.labels)
            found = classifier.classify(damaged)
            assert result.corrupted[row, column] == (found.predicted == images.labels).sum()
    assert result.right == (classifier.classify(images).predicted == images.labels).sum()
    assert result.corrupted[2, 1] < result.corrupted[2, 0] <= result.right


def test_the_attacks_are_those_of_the_verb_attack(result, classifier, images):
    numbers = class_numbers(images, classifier.classes)
    for each in result.attacks:
        alone = attack_classifier(classifier, images, numbers, each.attack, ATTACKS[each.attack])
        assert each.right == round(alone.robust_accuracy * 60)
    assert result.worst_attack.attack == "apgd"


def test_the_table_and_the_means_follow_from_the_counts(result):
    rows = result.to_table()
    assert [row["damage"] for row in rows] == ["none", *["corruption"] * 6, *["attack"] * 2]
    assert [(row["name"], row["severity"]) for row in rows[1:3]] == [("fog", 1), ("fog", 5)]
    assert all(row["low"] <= row["accuracy"] <= row["high"] for row in rows)
    assert rows[1]["relative"] == pytest.approx(rows[1]["accuracy"] / rows[0]["accuracy"])
    said = result.to_json()
    assert said["corruption_accuracy"] == pytest.approx(np.mean([row["accuracy"] for row in rows[1:7]]))
    assert said["relative_corruption_accuracy"] == pytest.approx(said["corruption_accuracy"] / said["accuracy"])
    assert said["kinds"]["rotate"] == pytest.approx(np.mean([row["accuracy"] for row in rows[5:7]]))


def test_the_pictures_show_an_image_that_is_told_right(result, classifier):
    assert result.pictures.shape == (3, 2, 8, 8, 1)
    assert (result.pictures[0, 1] == corrupt(result.example[None], "fog", 5)[0]).all()


def test_progress_goes_over_kinds_and_attacks(classifier, images):
    steps = []
    numbers = class_numbers(images, classifier.classes)
    measure_robustness(
        classifier, images, numbers, ("fog",), (1,), {"fgsm": Fgsm(0.1)}, on_progress=lambda *step: steps.append(step)
    )
    assert steps == [("fog", 0, 2), ("fgsm", 1, 2), ("", 2, 2)]


def test_attacks_alone_and_corruptions_alone(classifier, images):
    numbers = class_numbers(images, classifier.classes)
    only = measure_robustness(classifier, images, numbers, (), (), {"fgsm": Fgsm(0.1)})
    assert only.corruption_accuracy is None
    assert len(only.to_table()) == 2
    assert measure_robustness(classifier, images, numbers, ("fog",), (2,), {}).worst_attack is None


def test_images_that_cannot_be_used_are_refused(classifier, images):
    with pytest.raises(ImagesError, match="at least one image"):
        measure_robustness(classifier, images.take([]), np.zeros(0, int), ("fog",), (1,), {})
    deep = replace(classifier, preprocess=classifier.preprocess.model_copy(update={"dtype": "uint16"}))
    with pytest.raises(ModelFileError, match="8-bit images, got one of uint16"):
        measure_robustness(deep, images, class_numbers(images, classifier.classes), ("fog",), (1,), {})


def test_a_ball_is_said_as_people_write_it():
    assert UnderAttack("fgsm", 8 / 255, "linf", 0).perturbation_set == "linf 8/255"
    assert UnderAttack("fgsm", 0.3, "linf", 0).perturbation_set == "linf 0.3"
