"""`ImageClassifier`: scikit-learn's own checks, and what a user of arrays would notice."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from sablier.errors import ConfigError, ImagesError, ModelFileError, TooFewImages, UnknownName
from sablier.estimators import ImageAutoencoder, ImageClassifier
from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile, Part
from sablier.tasks.classification.classify import Classifier

SHORT = {"steps": 80, "width": 8}


@parametrize_with_checks([ImageClassifier("course-softmax", settings={"epochs": 60})])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    """Images N,8,8 from 0 to 16 and their classes, a third of them apart."""
    data = load_digits()
    return data.images[:1200], data.target[:1200], data.images[1200:], data.target[1200:]


@pytest.fixture(scope="module")
def fitted(digits):
    return ImageClassifier(tier="tiny", settings=SHORT).fit(digits[0], digits[1])


def test_digits_are_told_apart(fitted, digits):
    _, _, X, y = digits
    assert fitted.classes_.tolist() == list(range(10))
    assert fitted.predict(X).dtype == y.dtype
    assert fitted.score(X, y) > 0.85
    probabilities = fitted.predict_proba(X)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(X)))
    np.testing.assert_array_equal(fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(X))


def test_columns_follow_the_classes_and_not_their_spelling(digits):
    X, y = digits[0], np.where(digits[1] == 1, 10, digits[1])  # as text, 10 stands before 2
    classifier = ImageClassifier("course-softmax", settings={"epochs": 5}).fit(X, y)
    assert classifier.classes_.tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert classifier.classifier_.classes.tolist()[:3] == ["0", "10", "2"]
    assert classifier.score(X, y) > 0.85
    assert classifier.predict_proba(X[y == 10])[:, -1].mean() > 0.7


def test_tables_arrays_and_image_sets_are_the_same_images(fitted, digits):
    X = digits[2][:20]
    expected = fitted.predict_proba(X)
    for same in (X.reshape(20, 64), X[..., None], X.tolist(), ImageSet(X.astype(np.float32))):
        assert fitted.predict_proba(same) == pytest.approx(expected, abs=1e-5)
    assert fitted.predict_proba(np.empty((0, 8, 8))).shape == (0, 10)
    assert fitted.predict(np.empty((0, 8, 8))).shape == (0,)


def test_labels_of_an_image_set_are_its_classes():
    classifier = ImageClassifier("course-softmax", settings={"epochs": 3}).fit(read_images("digits"))
    assert classifier.classes_.tolist() == list("0123456789")
    tests = read_images("digits:test")
    assert classifier.score(tests, tests.labels) > 0.8


def test_it_goes_through_scikit_learns_cross_validation(digits):
    flat = digits[0][:300].reshape(300, 64)
    assert cross_val_score(ImageClassifier("course-softmax", settings={"epochs": 40}), flat, digits[1][:300], cv=3).mean() > 0.7


def test_the_seed_decides_every_bit(digits):
    def told(seed):
        return (
            ImageClassifier(tier="tiny", settings={"steps": 4, "width": 4}, seed=seed).fit(*digits[:2]).predict_proba(digits[2])
        )

    np.testing.assert_array_equal(told(0), told(0))
    assert not np.array_equal(told(0), told(1))


class TestKeeping:
    def test_a_saved_classifier_tells_the_same_bits_here_and_on_the_command_line(self, fitted, digits, tmp_path):
        X = digits[2]
        fitted.save(tmp_path / "c.sablier")
        loaded = ImageClassifier.load(tmp_path / "c.sablier")
        assert (loaded.get_params()["tier"], loaded.n_features_in_, loaded.image_shape_) == ("tiny", 64, (8, 8, 1))
        assert loaded.classes_.dtype == fitted.classes_.dtype
        np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
        told = Classifier.from_file(ModelFile.load(tmp_path / "c.sablier")).classify(ImageSet(X.astype(np.float32)))
        np.testing.assert_array_equal(told.predicted, fitted.predict(X).astype(str))

    def test_a_file_from_the_command_line_has_names(self, fitted, digits, tmp_path):
        fitted.model_file_.save(tmp_path / "c.sablier")
        loaded = ImageClassifier.load(tmp_path / "c.sablier")
        np.testing.assert_array_equal(loaded.predict(digits[2]), fitted.predict(digits[2]).astype(str))

    def test_a_file_of_another_kind_or_of_other_classes(self, fitted, digits, tmp_path):
        ImageAutoencoder(2, tier="tiny", settings={"epochs": 1, "width": 8}).fit(digits[0][:50]).save(tmp_path / "a.sablier")
        with pytest.raises(ModelFileError, match="trained to classify, got one trained to reconstruct"):
            ImageClassifier.load(tmp_path / "a.sablier")
        for classes in (list(range(9)), list(range(1, 11)), list(range(20, 30))):
            kept = Part("ImageClassifier", {"classes": classes})
            replace(fitted.model_file_, parts={**fitted.model_file_.parts, "estimator": kept}).save(tmp_path / "o.sablier")
            with pytest.raises(ModelFileError, match="other classes than its network"):
                ImageClassifier.load(tmp_path / "o.sablier")

    def test_copies_are_the_same(self, fitted, digits):
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.predict_proba(digits[2]), fitted.predict_proba(digits[2]))
        assert clone(fitted).get_params() == fitted.get_params()


def test_what_cannot_be_used_is_said(fitted, digits):
    X, y = digits[:2]
    with pytest.raises(NotFittedError):
        ImageClassifier().predict(X)
    with pytest.raises(ConfigError, match="a recipe made to classify, got 'denoiser'"):
        ImageClassifier("denoiser").fit(X, y)
    with pytest.raises(UnknownName, match="Did you mean 'steps'"):
        ImageClassifier(settings={"step": 1}).fit(X, y)
    with pytest.raises(ImagesError, match="requires y to be passed"):
        ImageClassifier().fit(X)
    with pytest.raises(ImagesError, match="a class for each of 1200 images in y, got 1199"):
        ImageClassifier().fit(X, y[1:])
    with pytest.raises(ImagesError, match="at least 2 classes, got only '3'"):
        ImageClassifier().fit(X[y == 3], y[y == 3])
    with pytest.raises(TooFewImages, match="got one of 0"):
        ImageClassifier().fit(X, np.minimum(np.arange(len(X)), 1))
    with pytest.raises(ImagesError, match="8 x 8"):
        fitted.predict(np.zeros((2, 9, 9)))
