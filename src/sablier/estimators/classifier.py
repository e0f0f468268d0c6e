"""`ImageClassifier`: calibrated class probabilities of images, as a scikit-learn classifier."""

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
    """Classify images with calibrated probabilities, as a scikit-learn classifier.

    A share of each class is held out of training. Temperature scaling calibrates the probabilities on it (Guo et al. 2017).

    Args:
        recipe: "classifier", "classifier-fast", "classifier-robust", "course-cnn" or "course-softmax".
        tier: "tiny", "small", "base" or "large"; larger tiers take longer and give better models.
        settings: recipe values to change, by name, as `sablier train --set` takes them, such as `{"epochs": 20}`.
        image_shape: (height, width) or (height, width, channels) of the images in an N,features table; None infers it.
        seed: the seed of training. The same seed, machine and number of threads give bit-equal results.

    Attributes:
        classes_: the K classes, sorted, with the type that they had in `y`.
        classifier_: the fitted `Classifier`; `classifier_.classify(images)` also tests whether an image belongs to no class.
        model_file_: the `ModelFile` that `save` writes.
        image_shape_: (height, width, channels) of the training images, or of the model if these differ in size.
        n_features_in_: the product of `image_shape_`.

    Examples:
        >>> import numpy as np
        >>> from sablier import ImageClassifier
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
            X: N,H,W or N,H,W,C images, an N,features table, or an `ImageSet`.
            y: N classes, numbers or names; None uses the labels of an `ImageSet`.
            groups: N names or numbers; images of one group are held out together. None: each image is its own group.

        Returns:
            The fitted estimator.

        Raises:
            ImagesError: if the images cannot be used, all belong to one class, or `y` has another length.
            TooFewImages: if a class has only one image.
            ConfigError: if a parameter or a setting has a value that it does not take.
            UnknownName: if there is no such recipe, tier or setting.
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
        # The classifier is made from the file, so that a loaded one computes in the same memory layout as this one.
        self.classifier_ = Classifier.from_file(file)
        self.model_file_ = file
        names = self.classifier_.classes
        kept = file.parts.get(PART)
        if kept is not None and "classes" in kept.config:
            self.classes_ = np.unique(np.array(kept.config["classes"]))
        elif not hasattr(self, "classes_"):
            self.classes_ = names
        # The network has its classes in the order of text, where 10 comes before 9.
        self._columns = np.searchsorted(names, self.classes_.astype(str)).clip(0, len(names) - 1)
        if len(self._columns) != len(names) or (names[self._columns] != self.classes_.astype(str)).any():
            raise ModelFileError(
                "the model file is whole, but its estimator names other classes than its network. Train it again."
            )

    def predict_proba(self, X: Any) -> Array:
        """Return the calibrated probabilities of the classes.

        Args:
            X: images, as for `fit`.

        Returns:
            N,K float64, in the order of `classes_`; each row sums to 1.

        Raises:
            ImagesError: if an image cannot be read or used.
        """
        images, _ = self._images(X)
        logits = self.classifier_.logits(images)
        return softmax(logits / self.classifier_.temperature)[:, self._columns]

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each image.

        Args:
            X: images, as for `fit`.

        Returns:
            N classes.

        Raises:
            ImagesError: if an image cannot be read or used.
        """
        check_is_fitted(self)
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
