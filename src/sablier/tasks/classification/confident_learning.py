"""Confident learning: the number of wrong labels by class, from probabilities out of sample.

A network is not equally confident of all classes. So a class is assigned to an image if its probability reaches its mean
over the images with that label. Counting assigned classes by label gives the confident joint, and from it the number of
wrong labels between each two classes (Northcutt, Jiang and Chuang 2021).
"""

import numpy as np

from sablier.typing import Array

NOWHERE = -1  # the class of an image to which none is assigned
ROUNDING = 1e-6  # by which a probability may be below a threshold


def thresholds(probabilities: Array, numbers: Array) -> Array:
    """Return K: the mean probability of each class among the images with that label; infinite for a class without images.

    Args:
        probabilities: N,K, by a network that was not trained on the image.
        numbers: N labels, as numbers of classes.
    """
    classes = probabilities.shape[1]
    counts = np.bincount(numbers, minlength=classes)
    sums = np.bincount(numbers, probabilities[np.arange(len(numbers)), numbers], minlength=classes)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.inf))


def believed(probabilities: Array, numbers: Array) -> Array:
    """Return N: the most probable class whose threshold an image reaches, or -1 if it reaches none.

    >>> believed(np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.95, 0.05]]), np.array([0, 0, 1, 1])).tolist()
    [0, -1, 1, 0]
    """
    reached = probabilities >= thresholds(probabilities, numbers) - ROUNDING
    likeliest = np.where(reached, probabilities, -1.0).argmax(axis=1)
    return np.where(reached.any(axis=1), likeliest, NOWHERE)


def confident_joint(numbers: Array, believed_classes: Array, classes: int) -> Array:
    """Return K,K: how many images labelled as the row are assigned to the column."""
    sure = believed_classes != NOWHERE
    cells = numbers[sure] * classes + believed_classes[sure]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def estimated_counts(joint: Array, numbers: Array) -> Array:
    """Return K,K: the confident joint scaled so that each row sums to the images of its label.

    Off the diagonal it estimates how many images labelled as the row belong to the column.
    """
    # At least one is correct: otherwise one misassigned image of a rare class would make the whole class wrong.
    joint = joint + np.diag(np.diag(joint) == 0)
    counts = np.bincount(numbers, minlength=len(joint))
    return np.asarray(joint * (counts / joint.sum(axis=1))[:, None])
