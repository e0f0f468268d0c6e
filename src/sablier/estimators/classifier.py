"""`ImageClassifier`: the class of images, with the verbs of scikit-learn's classifiers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sablier.errors import ImagesError, ModelFileError
from sablier.estimators.common import PART, ImageEstimator
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.recipes.tasks import ClassificationRecipe
from sablier.tasks.classification.classify import Classifier, softmax
from sablier.typing import Array
from sablier.workflows.training.classifier import train_classifier


class ImageClassifier(ClassifierMixin, ImageEstimator):  # type: ignore[misc]
    """Learn to tell classes of images apart, with probabilities that are as often right as they say.

    A share of each class does not train: on it the probabilities are calibrated (temperature scaling, Guo et al. 2017).

    Args:
        recipe: "classifier", "classifier-fast", "classifier-robust", "course-cnn" or "course-softmax".
        tier: "tiny", "small", "base" or "large": the one dial, of time for quality.
        settings: single values of the recipe, as `sablier train --set` takes them.
        image_shape: (height, width) or (height, width, channels) of the images in a table N,features.
        seed: same seed, threads and machine: same bits.

    Attributes:
        classes_: K classes, sorted, as `y` had them.
        classifier_: the fitted `Classifier`, of which `classifier_.classify(images)` also tells what is none of the classes.
        model_file_: what `save` writes.
        image_shape_: height, width and channels of the training images (of the model, where they came in mixed sizes).
        n_features_in_: the product of these.

    >>> X = np.random.default_rng(0).normal(size=(60, 8, 8))
    >>> X[:30, :4] += 3
    >>> classifier = ImageClassifier("course-softmax", settings={"epochs": 20}).fit(X, [7] * 30 + [12] * 30)
    >>> classifier.classes_, classifier.predict(X[[0, 59]]), classifier.predict_proba(X).shape
    (array([ 7, 12]), array([ 7, 12]), (60, 2))
    """

    classifier_: Classifier

    def __init__(
        self,
        recipe: str = "classifier",
        *,
        tier: str = "base",
        settings: Mapping[str, Any] | None = None,
        image_shape: tuple[int, ...] | None = None,
        seed: int = 0,
    ) -> None:
        self.recipe = recipe
        self.tier = tier
        self.settings = settings
        self.image_shape = image_shape
        self.seed = seed

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Train and calibrate on images and their classes.

        Args:
            X: images.
            y: N classes: numbers or names. None takes the labels of an ImageSet.
            groups: N names or numbers, equal for images that are not independent of each other; they are held out together.

        Raises:
            ImagesError: for images that cannot be used, of one class, or as many classes as there are not images;
                TooFewImages for a class with one image.
            ConfigError, UnknownName: for a parameter or a setting that is not one.
        """
        recipe = self._made_recipe(ClassificationRecipe)
        images = self._training_images(X, groups)
        targets = self._targets(images, y)
        if len(targets) != len(images):
            raise ImagesError(f"expected a class for each of {len(images)} images in y, got {len(targets)}.")
        self.classes_ = np.unique(targets)
        file = train_classifier(replace(images, labels=targets.astype(str)), recipe)
        self._adopt(file)
        self._remember_shape(images, file.preprocess)
        return self

    def _targets(self, images: ImageSet, y: Any) -> Array:
        """Return N classes."""
        if y is not None:
            targets = column_or_1d(y, warn=True)
            if targets.dtype.kind == "f" and not np.isfinite(targets).all():
                raise ImagesError("expected classes in y, got NaN or infinity.")
            check_classification_targets(targets)
            return np.asarray(targets)
        if images.labels is None:
            raise ImagesError("expected classes: this classifier requires y to be passed, but the target y is None.")
        return images.labels

    def _kept(self) -> dict[str, Any]:
        return {"classes": self.classes_.tolist()}

    def _adopt(self, file: ModelFile) -> None:
        # The classifier comes from the file, so that a saved and loaded one computes in the same memory layout.
        self.classifier_ = Classifier.from_file(file)
        self.model_file_ = file
        names = self.classifier_.classes
        kept = file.parts.get(PART)
        if kept is not None and "classes" in kept.config:
            self.classes_ = np.unique(np.array(kept.config["classes"]))
        elif not hasattr(self, "classes_"):
            self.classes_ = names
        # As text 10 comes before 9: the columns of the network stand in that order.
        self._columns = np.searchsorted(names, self.classes_.astype(str)).clip(0, len(names) - 1)
        if len(self._columns) != len(names) or (names[self._columns] != self.classes_.astype(str)).any():
            raise ModelFileError(
                "the model file is whole, but its estimator names other classes than its network. Train it again."
            )

    def predict_proba(self, X: Any) -> Array:
        """Return N,K float64 calibrated probabilities, in the order of `classes_`; rows add up to 1."""
        images, _ = self._images(X)
        logits = self.classifier_.logits(images)
        return softmax(logits / self.classifier_.temperature)[:, self._columns]

    def predict(self, X: Any) -> Array:
        """Return N classes: the likeliest of each image."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
