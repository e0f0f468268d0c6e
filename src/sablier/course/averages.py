"""Whether a decoded average of codes is still of its class: a linear classifier of pixels judges."""

from collections.abc import Sequence

import numpy as np

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.typing import Array

JUDGED_BY = 3000  # images that the classifier is fitted to


def rightly_named(training: ImageSet, rule: Preprocess, averages: Array, names: Sequence[str]) -> int:
    """Return how many of the averages, one for each of the names in order, a linear classifier of pixels classifies correctly."""
    from sklearn.linear_model import RidgeClassifier

    some = training.take(range(min(JUDGED_BY, len(training))))
    classifier = RidgeClassifier().fit(rule.to_unit(some.array).reshape(len(some), -1), some.labels)
    return int((classifier.predict(averages.reshape(len(averages), -1)) == np.array(names)).sum())
