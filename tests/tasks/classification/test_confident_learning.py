"""How many labels are wrong: counted by hand, on labels falsified here, and beside cleanlab."""

import numpy as np
import pytest

from sablier.tasks.classification.confident_learning import believed, confident_joint, estimated_counts, thresholds


def noisy(seed, classes, images=500, share=0.2):
    """Return probabilities by a fair judge, true classes, and labels of which a share is redrawn."""
    random = np.random.default_rng(seed)
    true = random.integers(0, classes, images)
    labels = np.where(random.random(images) < share, random.integers(0, classes, images), true)
    logits = random.normal(size=(images, classes))
    logits[np.arange(images), true] += 3
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), true, labels


def test_a_table_worked_out_by_hand():
    #  labelled 0: 0.9, 0.8, 0.1 of class 0: it takes 0.6 to be believed; labelled 1: 0.7, 0.6, 0.2 of class 1: it takes 0.5
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.4, 0.6], [0.8, 0.2]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert thresholds(probabilities, labels) == pytest.approx([0.6, 0.5])
    classes = believed(probabilities, labels)
    assert classes.tolist() == [0, 0, 1, 1, 1, 0]
    joint = confident_joint(labels, classes, 2)
    assert joint.tolist() == [[2, 1], [1, 2]]
    more = np.repeat(labels, 2)  # twice the images, of which only these are believed anything
    assert estimated_counts(joint, more) == pytest.approx(np.array([[4, 2], [2, 4]]))


def test_of_two_classes_that_are_believed_the_likelier_counts_and_of_none_none():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.45, 0.45, 0.1], [0.3, 0.3, 0.4], [0.1, 0.1, 0.8]])
    labels = np.array([0, 1, 2, 2])
    assert thresholds(probabilities, labels) == pytest.approx([0.5, 0.45, 0.6])
    assert believed(probabilities, labels).tolist() == [0, 1, -1, 2]
    both = believed(np.array([[0.5, 0.1], [0.6, 0.4], [0.3, 0.7], [0.45, 0.2]]), np.array([0, 1, 0, 1]))
    assert both.tolist() == [0, 0, 1, 0]  # 0.4 and 0.3 are enough: the second image has both


def test_a_class_without_images_is_never_believed():
    probabilities = np.array([[0.1, 0.1, 0.8], [0.9, 0.1, 0.0], [0.1, 0.9, 0.0]])
    labels = np.array([0, 0, 1])
    assert np.isinf(thresholds(probabilities, labels)[2])
    assert 2 not in believed(probabilities, labels)
    counts = estimated_counts(confident_joint(labels, believed(probabilities, labels), 3), labels)
    assert counts.sum() == pytest.approx(3)
    assert counts[2].sum() == 0


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_how_many_labels_were_falsified(seed):
    probabilities, true, labels = noisy(seed, 5, images=4000)
    estimated = estimated_counts(confident_joint(labels, believed(probabilities, labels), 5), labels)
    errors = estimated.sum() - np.trace(estimated)
    assert errors == pytest.approx((labels != true).sum(), rel=0.25)
    clean = estimated_counts(confident_joint(true, believed(probabilities, true), 5), true)
    assert clean.sum() - np.trace(clean) < errors / 3


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_it_agrees_with_cleanlab(classes):
    count = pytest.importorskip("cleanlab.count")
    filters = pytest.importorskip("cleanlab.filter")
    probabilities, _, labels = noisy(classes, classes)
    guesses = believed(probabilities, labels)
    joint = confident_joint(labels, guesses, classes)
    np.testing.assert_array_equal(joint, count.compute_confident_joint(labels, probabilities, calibrate=False))
    theirs = count.compute_confident_joint(labels, probabilities, calibrate=True)  # rounded to whole numbers
    assert estimated_counts(joint, labels) == pytest.approx(theirs, abs=1)
    issues = filters.find_label_issues(labels, probabilities, filter_by="confident_learning", n_jobs=1)
    ours = (guesses != labels) & (guesses >= 0) & (probabilities.argmax(axis=1) != labels)
    np.testing.assert_array_equal(ours, issues)
