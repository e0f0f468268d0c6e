"""Classes of images, as probabilities that are as often right as they say."""

from dataclasses import replace

import numpy as np
import pytest

from sablier.errors import ImagesError, ModelFileError
from sablier.images import ImageSet, read_images
from sablier.recipes.make import make_recipe
from sablier.tasks.classification.classify import Classifier, calibration_error, fitted_temperature, softmax, unlikeness
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.classifier import class_numbers, held_out, train_classifier


@pytest.fixture(scope="module")
def file():
    return train_classifier(read_images("digits"), make_recipe("classifier", "tiny", ["steps=80", "width=8"]))


@pytest.fixture(scope="module")
def classifier(file):
    return Classifier.from_file(file)


def test_digits_are_told_apart_and_the_file_keeps_it(classifier, file, tmp_path):
    tests = read_images("digits:test")
    result = classifier.classify(tests)
    assert result.accuracy > 0.9
    assert result.predicted.tolist() == [row["class"] for row in result.to_table()]
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1)
    file.save(tmp_path / "c.sablier")
    again = Classifier.from_file(type(file).load(tmp_path / "c.sablier")).classify(tests)
    assert (again.probabilities == result.probabilities).all()
    assert (again.p_values == result.p_values).all()


def test_what_belongs_to_no_class_has_small_p_values(classifier):
    random = np.random.default_rng(0)
    noise = ImageSet(random.integers(0, 256, size=(200, 8, 8), dtype=np.uint8))
    tests = read_images("digits:test")
    assert np.median(classifier.classify(noise).p_values) < np.median(classifier.classify(tests).p_values)
    assert (classifier.classify(tests).p_values < 0.05).mean() < 0.2


def test_the_temperature_makes_probabilities_honest():
    random = np.random.default_rng(0)
    logits = 2 * random.normal(size=(4000, 3))
    labels = np.array([random.choice(3, p=row) for row in softmax(logits)])
    assert fitted_temperature(5 * logits, labels)[0] == pytest.approx(5, rel=0.15)
    sure, right = softmax(5 * logits).max(axis=1), logits.argmax(axis=1) == labels
    assert calibration_error(sure, right) > 0.1
    assert calibration_error(softmax(logits).max(axis=1), right) < 0.03


def test_a_number_of_images_that_leaves_one_over_can_be_learnt_from():
    # Of 139 images 129 train: a batch of 128 and one image, of which batch normalisation cannot take a spread.
    images = read_images("digits").take(range(139))
    assert (~held_out(images.labels, 0.1, 0)).sum() == 129
    file = train_classifier(images, make_recipe("classifier", "tiny", ["steps=2", "width=4"]))
    assert np.isfinite(file.histories["net"]["rows"][-1]["loss"])


def test_a_temperature_stays_within_bounds():
    certain = np.eye(3)[np.arange(60) % 3]
    assert fitted_temperature(0.001 * certain, np.arange(60) % 3)[0] == pytest.approx(0.05, rel=0.01)
    assert fitted_temperature(certain, (np.arange(60) + 1) % 3)[0] > 15


@pytest.mark.parametrize("count", [6, 60, 600])
def test_few_images_that_are_all_told_right_do_not_make_it_certain(count):
    logits = np.eye(3)[np.arange(count) % 3]
    sure = softmax(logits / fitted_temperature(logits, np.arange(count) % 3)[0]).max(axis=1)
    assert sure == pytest.approx((count + 1) / (count + 2), abs=1e-3)


def test_no_images_have_no_classes(classifier):
    told = classifier.classify(read_images("digits").take([]))
    assert (told.probabilities.shape, told.predicted.shape) == ((0, 10), (0,))


def test_unlikeness_is_high_where_no_class_answers():
    assert unlikeness(np.array([[-5.0, -5, -5]])) > unlikeness(np.array([[9.0, -5, -5]]))


def test_held_out_has_of_every_class():
    labels = np.array(["a"] * 50 + ["b"] * 3)
    chosen = held_out(labels, 0.1, seed=0)
    assert chosen[:50].sum() == 5
    assert chosen[50:].sum() == 1
    assert (held_out(labels, 0.1, seed=0) == chosen).all()


def test_bad_input_is_refused(classifier, file):
    digits, recipe = read_images("digits"), make_recipe("classifier", "tiny")
    with pytest.raises(ImagesError, match="expected labels, got none"):
        train_classifier(ImageSet(digits.array), recipe)
    with pytest.raises(ImagesError, match="at least 2 classes, got only '3'"):
        train_classifier(digits.where(label=3), recipe)
    lone = np.r_[np.flatnonzero(digits.labels == "3"), np.flatnonzero(digits.labels == "4")[:1]]
    with pytest.raises(ImagesError, match="at least 2 images of each class, got one of 4"):
        train_classifier(digits.take(lone), recipe)
    with pytest.raises(ImagesError, match="got cat as well"):
        class_numbers(replace(digits.take([0]), labels=np.array(["cat"])), classifier.classes)
    with pytest.raises(ImagesError, match="expected labels"):
        class_numbers(ImageSet(digits.array), classifier.classes)
    other = train_autoencoder(digits, make_recipe("autoencoder", "tiny", ["steps=3", "width=8"]))
    with pytest.raises(ModelFileError, match="expected a model trained to classify, got one trained to reconstruct"):
        Classifier.from_file(other)
    with pytest.raises(ModelFileError, match="lacks a part"):
        Classifier.from_file(replace(file, parts={"net": file.parts["net"]}))
