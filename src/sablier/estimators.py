"""The scikit-learn face: `AnomalyDetector` and `ImageAutoencoder` on arrays, with scikit-learn's verbs and rules.

Images are N,H,W or N,H,W,C arrays, an `ImageSet`, or the N,features table that scikit-learn passes around: one
flattened image a row, of `image_shape` where it is given, else square where the number of features is a square, else a
strip of one row. Numbers mean when predicting what they meant when fitting: 8- and 16-bit images keep their full range,
anything else is scaled by the range of the training images.

Everywhere else in sablier higher scores are worse. scikit-learn's outlier detectors are the other way round, and only
here the sign flips: in `score_samples` and `decision_function`, but not in `anomaly_score`.
"""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from math import isqrt, prod
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sablier.calibration import Calibration, checked_alpha, images_needed
from sablier.errors import ConfigError, ImagesError, ImagesWarning, ModelFileError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Part
from sablier.tasks.detect import Detector
from sablier.tasks.reconstruct import decode, encode, latent_size, reconstruct, scaled_back
from sablier.training.recipes import Recipe, make_recipe
from sablier.workflows.autoencoder import autoencoder_of, train_autoencoder
from sablier.workflows.train import train_detector

Array = NDArray[Any]

PART = "estimator"  # of the model file: the parameters, and how the training images came
FARTHEST = 1000.0  # ranges beyond black and white at which pixels are clipped, so that squares stay finite
ROWS_AT_ONCE = 4096


class _ImageEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no annotations
    """What both estimators share: tables and arrays to images and back, parameters to a recipe, saving and loading."""

    recipe: str
    tier: str
    settings: Mapping[str, Any] | None
    image_shape: tuple[int, ...] | None
    seed: int
    model_file_: ModelFile
    image_shape_: tuple[int, int, int]
    n_features_in_: int

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted estimator to a .sablier file, which the command line reads too.

        Raises:
            OutputError: where it cannot be written; an old file stays as it was.
        """
        check_is_fitted(self)
        parameters = self.get_params(deep=False)
        if self.settings is not None:
            parameters["settings"] = {key: str(value) for key, value in self.settings.items()}
        config = {"parameters": parameters, "image_shape": list(self.image_shape_), "dimensions": self._dimensions}
        file = replace(self.model_file_, parts={**self.model_file_.parts, PART: Part(type(self).__name__, config)})
        file.save(Path(path))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Return the fitted estimator that a .sablier file keeps, scoring to the same bits as the one that was saved.

        A file written by the command line loads as well, with default parameters.

        Raises:
            ModelFileError: for a file that is missing, damaged, newer than this version, or made for another task.
        """
        file = ModelFile.load(Path(path))
        kept = file.parts.get(PART, Part(cls.__name__))
        rule = file.preprocess
        try:
            parameters = dict(kept.config.get("parameters", {}))
            if parameters.get("image_shape") is not None:
                parameters["image_shape"] = tuple(parameters["image_shape"])
            shape = tuple(map(int, kept.config.get("image_shape", (rule.height, rule.width, rule.channels))))
            dimensions = int(kept.config.get("dimensions", 4))
            height, width, channels = shape
            estimator = cls(**parameters if kept.name == cls.__name__ else {})
        except (TypeError, ValueError, AttributeError) as error:
            raise ModelFileError(f"{path} is whole, but what it says of its estimator is not valid: {error}.") from error
        estimator._adopt(file)
        estimator.image_shape_, estimator._dimensions = (height, width, channels), dimensions
        estimator.n_features_in_ = prod(shape)
        return estimator

    def _adopt(self, file: ModelFile) -> None:
        """Take what can be computed from a model file."""
        raise NotImplementedError

    def _made_recipe(self, **own: Any) -> Recipe:
        """Return the recipe with the estimator's own settings, then the user's."""
        if not isinstance(self.settings, Mapping | None):
            raise ConfigError(f"expected settings as a dict, such as {{'epochs': 20}}, got {self.settings!r}.")
        pairs = [*own.items(), ("seed", self.seed), *(self.settings or {}).items()]
        return make_recipe(self.recipe, self.tier, [f"{key}={value}" for key, value in pairs])

    def _training_images(self, X: Any) -> ImageSet:
        """Return X as images, and remember with how many dimensions it came."""
        if isinstance(X, ImageSet):
            images, self._dimensions = X, 4
        else:
            pixels, self._dimensions = self._pixels(X, fitting=True)
            images = ImageSet(pixels if pixels.dtype in (np.uint8, np.uint16) else _float32(pixels))
        if self._dimensions > 2 and hasattr(self, "feature_names_in_"):
            del self.feature_names_in_  # of the table of an earlier fit
        return images

    def _remember_shape(self, images: ImageSet, rule: Preprocess) -> None:
        """Keep the size of the training images where they have one, else that of the model."""
        sizes = np.unique(images.sizes, axis=0)
        height, width = map(int, sizes[0]) if len(sizes) == 1 else (rule.height, rule.width)
        self.image_shape_ = (height, width, int(rule.channels))
        self.n_features_in_ = prod(self.image_shape_)

    def _images(self, X: Any) -> tuple[ImageSet, int]:
        """Return X as dense images that the fitted model takes, and with how many dimensions it came."""
        check_is_fitted(self)
        rule = self.model_file_.preprocess
        if isinstance(X, ImageSet):
            images, dimensions = X, 4
        else:
            pixels, dimensions = self._pixels(X, fitting=False)
            images = ImageSet(_in_units(pixels, rule))
        dense = images.dense(rule)
        if len(dense) != len(images):
            lost = dense.skipped[-1]
            raise ImagesError(
                f"{len(images) - len(dense)} of {len(images)} images cannot be read, for example {lost.id}: {lost.reason}. "
                "Leave them out, so that there is one result per image."
            )
        return dense, dimensions

    def _pixels(self, X: Any, fitting: bool) -> tuple[Array, int]:
        """Return X as N,H,W or N,H,W,C numbers, and with how many dimensions it came."""
        X = X if hasattr(X, "shape") else np.asarray(X)
        if len(X.shape) > 2:
            return np.asarray(X), len(X.shape)
        table = validate_data(self, X, reset=fitting, ensure_min_samples=2 if fitting else 1)
        shape = self._shape_of(table.shape[1]) if fitting else self.image_shape_
        return table.reshape(len(table), *shape), 2

    def _shape_of(self, features: int) -> tuple[int, ...]:
        """Return the shape of one image of a table of so many features."""
        if self.image_shape is not None:
            shape = tuple(self.image_shape)
            if len(shape) not in (2, 3) or prod(shape) != features:
                raise ImagesError(
                    f"expected an image_shape (height, width) or (height, width, channels) of {features} values, "
                    f"one per feature, got {shape}."
                )
            return shape
        side = isqrt(features)
        return (side, side) if side * side == features else (1, features)

    def _laid_out(self, pictures: Array, dimensions: int) -> Array:
        """Return N,H,W,C pictures in [0, 1] as X came: its size, its numbers, its dimensions."""
        rule = self.model_file_.preprocess
        pixels = scaled_back(pictures, *self.image_shape_[:2]) * np.float32(rule.white - rule.black) + np.float32(rule.black)
        if dimensions == 2:
            return pixels.reshape(len(pixels), -1)
        return pixels[..., 0] if dimensions == 3 and pixels.shape[3] == 1 else pixels


class AnomalyDetector(OutlierMixin, _ImageEstimator):  # type: ignore[misc]
    """Learn what normal images look like; find what does not belong, at a false-alarm rate that holds.

    A conformal detector: among new normal images about a share `alpha` is flagged, whatever they look like. There is no
    `contamination`: training images are taken as normal, and a threshold is not guessed but calibrated on images the
    model never saw. Below 300 images (`settings={"folds_below": ...}`) several models are cross-calibrated.

    Args:
        alpha: the false-alarm rate. Changing it on a fitted detector takes effect at once, without training again.
        recipe, tier: "detector" or "course-dense"; "tiny", "small", "base" or "large": the one dial, of time for quality.
        settings: single values of the recipe, as `sablier train --set` takes them.
        image_shape: (height, width) or (height, width, channels) of the images in a table N,features.
        seed: same seed, threads and machine: same bits.

    Attributes:
        detector_: the fitted `Detector`, of which `detector_.detect(images)` also gives baselines and the promise.
        model_file_: what `save` writes.
        image_shape_: height, width and channels of the training images (of the model, where they came in mixed sizes).
        n_features_in_: the product of these.
        offset_: minus the score above which images are flagged at `alpha`; minus infinity where too few calibrate.

    >>> X = np.random.default_rng(0).normal(size=(40, 8, 8))
    >>> detector = AnomalyDetector(tier="tiny", settings={"epochs": 1, "folds": 2, "width": 8}).fit(X)
    >>> detector.predict(np.stack([X[0], np.eye(8) * 9])).tolist()
    [1, -1]
    """

    detector_: Detector

    def __init__(
        self,
        alpha: float = 0.05,
        *,
        recipe: str = "detector",
        tier: str = "base",
        settings: Mapping[str, Any] | None = None,
        image_shape: tuple[int, ...] | None = None,
        seed: int = 0,
    ) -> None:
        self.alpha = alpha
        self.recipe = recipe
        self.tier = tier
        self.settings = settings
        self.image_shape = image_shape
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train and calibrate on normal images; `y` is ignored.

        Raises:
            ImagesError: for images that cannot be used; TooFewImages for fewer than 8.
            ConfigError, UnknownName: for a parameter or a setting that is not one.
        """
        checked_alpha(self.alpha)
        recipe = self._made_recipe()
        images = self._training_images(X)
        file = train_detector(images, recipe)
        self._adopt(file)
        self._remember_shape(images, file.preprocess)
        return self

    def _adopt(self, file: ModelFile) -> None:
        # The detector comes from the file, so that a saved and loaded one computes in the same memory layout.
        self.detector_ = Detector.from_file(file)
        self.model_file_ = file

    @property
    def offset_(self) -> float:
        """Minus the score above which images are flagged; for folds, whose thresholds differ, that of the pooled scores."""
        check_is_fitted(self)
        folds = self.detector_.calibration.folds
        return -float(_margins(self.detector_.calibration, np.zeros((1, len(folds))), self.alpha)[0])

    def anomaly_score(self, X: Any) -> Array:
        """Return N float64 scores; higher is worse, a normal image is near 0."""
        return np.asarray(np.mean(self._scores(X), axis=0))

    def score_samples(self, X: Any) -> Array:
        """Return N float64 scores; lower is worse: minus `anomaly_score`."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Array:
        """Return N float64 margins, negative for outliers.

        That is `score_samples(X) - offset_` where one held-out split calibrates. With cross-conformal folds each
        fold has a threshold of its own; then it is how much worse an image could score, at every fold at once, before
        it is flagged (or, negative, how much better before it is not). Infinite where too few images calibrate for
        `alpha`, since no score is then enough.
        """
        columns = self._columns(X)
        return _margins(self.detector_.calibration, columns, self.alpha)

    def predict(self, X: Any) -> Array:
        """Return N integers: -1 for an anomaly (a p-value of at most `alpha`), else 1.

        Where too few images calibrate for `alpha` nothing is flagged, and an ImagesWarning says how many it would take.
        """
        decision = self.decision_function(X)
        calibration = self.detector_.calibration
        if not calibration.decides(self.alpha):
            warnings.warn(
                f"nothing is flagged at a false-alarm rate of {self.alpha:.2%}: {calibration.count} images calibrate, it would "
                f"take {images_needed(self.alpha)}. Fit on more images or choose a larger alpha; scores and p-values hold.",
                ImagesWarning,
                stacklevel=2,
            )
        return np.where(decision < 0, -1, 1)

    def p_values(self, X: Any) -> Array:
        """Return N conformal p-values: the share of normal images at least as strange."""
        columns = self._columns(X)
        return self.detector_.calibration.p_values(columns)

    def heatmaps(self, X: Any) -> Array:
        """Return N,H,W float32 maps; 1 is the heat that some place of a normal image reaches in 5 % of them."""
        images, _ = self._images(X)
        heat = self.detector_.detect(images, self.alpha, pictures=True).heatmaps
        return scaled_back(np.asarray(heat, np.float32), *self.image_shape_[:2])

    def reconstruct(self, X: Any) -> Array:
        """Return what the model makes of the images: float32 in the numbers, the size and the dimensions X came in."""
        images, dimensions = self._images(X)
        drawn = self.detector_.detect(images, self.alpha, pictures=True).reconstructions
        return self._laid_out(np.asarray(drawn, np.float32), dimensions)

    def _scores(self, X: Any) -> list[Array]:
        """Return the N scores that each of the detector's scorers gives."""
        images, _ = self._images(X)
        return [scorer.score(images).scores for scorer in self.detector_.scorers]

    def _columns(self, X: Any) -> Array:
        """Return N,K scores: one column per fold of the calibration."""
        stacked = np.stack(self._scores(X), axis=1)
        return stacked if self.detector_.calibration.crossed else stacked.mean(axis=1, keepdims=True)


class ImageAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _ImageEstimator):  # type: ignore[misc]
    """Learn to squeeze images into a few numbers and to draw them again.

    Args:
        latent: how many numbers.
        recipe, tier: "detector" or "course-dense"; "tiny", "small", "base" or "large": the one dial, of time for quality.
            The recipes' noise is left out, since here the reconstruction itself is the aim.
        settings: single values of the recipe, as `sablier train --set` takes them.
        image_shape: (height, width) or (height, width, channels) of the images in a table N,features.
        seed: same seed, threads and machine: same bits.

    Attributes:
        model_: the fitted network.
        model_file_: what `save` writes.
        image_shape_: height, width and channels of the training images (of the model, where they came in mixed sizes).
        n_features_in_: the product of these.

    >>> X = np.random.default_rng(0).normal(size=(40, 64))
    >>> autoencoder = ImageAutoencoder(latent=4, tier="tiny", settings={"epochs": 1, "width": 8}).fit(X)
    >>> autoencoder.transform(X).shape, autoencoder.reconstruct(X).shape, autoencoder.image_shape_
    ((40, 4), (40, 64), (8, 8, 1))
    """

    def __init__(
        self,
        latent: int = 32,
        *,
        recipe: str = "detector",
        tier: str = "base",
        settings: Mapping[str, Any] | None = None,
        image_shape: tuple[int, ...] | None = None,
        seed: int = 0,
    ) -> None:
        self.latent = latent
        self.recipe = recipe
        self.tier = tier
        self.settings = settings
        self.image_shape = image_shape
        self.seed = seed

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # latents are float32, whatever the pixels are
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on images; `y` is ignored.

        Raises:
            ImagesError: for images that cannot be used; TooFewImages for fewer than 2.
            ConfigError, UnknownName: for a parameter or a setting that is not one.
        """
        recipe = self._made_recipe(latent=self.latent, noise=0)
        images = self._training_images(X)
        file = train_autoencoder(images, recipe)
        self._adopt(file)
        self._remember_shape(images, file.preprocess)
        return self

    def _adopt(self, file: ModelFile) -> None:
        self.model_ = autoencoder_of(file)
        self.model_file_ = file
        self._n_features_out = latent_size(self.model_, file.preprocess)

    def transform(self, X: Any) -> Array:
        """Return the latents of the images, N,latent float32."""
        images, _ = self._images(X)
        return encode(self.model_, self.model_file_.preprocess, images)

    def inverse_transform(self, Z: Any) -> Array:
        """Return the images of N,latent codes: float32 in the numbers, the size and the dimensions of the training images.

        Raises:
            ImagesError: for codes of another shape, or that are not finite.
        """
        check_is_fitted(self)
        return self._laid_out(decode(self.model_, self.model_file_.preprocess, np.asarray(Z)), self._dimensions)

    def reconstruct(self, X: Any) -> Array:
        """Return what the model makes of the images: float32 in the numbers, the size and the dimensions X came in."""
        images, dimensions = self._images(X)
        return self._laid_out(reconstruct(self.model_, self.model_file_.preprocess, images), dimensions)

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the mean squared error of the reconstructions, of pixels in [0, 1]; `y` is ignored."""
        images, _ = self._images(X)
        rule = self.model_file_.preprocess
        difference = reconstruct(self.model_, rule, images) - rule.to_unit(images.array)
        return -float(np.mean(difference**2, dtype=np.float64))


def _margins(calibration: Calibration, columns: Array, alpha: float) -> Array:
    """Return by how much each image misses the verdict "anomaly": negative where p <= alpha, infinite where none can be.

    An image is flagged when fewer than `rank` calibration scores reach its own, so what decides is the rank-th largest
    of the differences between each fold's scores and the image's score by that fold's model.

    Args:
        columns: N,K scores, one column per fold; higher is worse.
    """
    count = calibration.count
    rank = int(np.sum(np.arange(1, count + 1) / (count + 1) <= checked_alpha(alpha)))
    if rank < 1:
        return np.full(len(columns), np.inf)
    if not calibration.crossed:
        return np.asarray(calibration.folds[0][count - rank] - columns[:, 0])
    margins = [np.empty(0)]
    for start in range(0, len(columns), ROWS_AT_ONCE):
        rows = columns[start : start + ROWS_AT_ONCE]
        differences = np.concatenate([fold - rows[:, k : k + 1] for k, fold in enumerate(calibration.folds)], axis=1)
        margins.append(np.partition(differences, count - rank, axis=1)[:, count - rank])
    return np.concatenate(margins)


def _in_units(pixels: Array, rule: Preprocess) -> Array:
    """Return numbers that mean what those of the training images meant, in the type the model file states."""
    if pixels.dtype.kind not in "biuf" or pixels.dtype == rule.dtype == "uint8":
        return pixels
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ImagesError("expected finite pixels, got NaN or infinity.")
    if rule.dtype == "float32":
        reach = FARTHEST * (rule.white - rule.black)
        return _float32(np.clip(pixels, rule.black - reach, rule.white + reach))
    if pixels.dtype.kind == "f" and pixels.size and pixels.max() <= 1:
        warnings.warn(
            f"these pixels are at most {pixels.max():g}, nearly black to a model that was fitted on {rule.dtype} images. "
            "Pass them in the range of those.",
            ImagesWarning,
            stacklevel=2,
        )
    return np.asarray(np.rint(pixels).clip(0, np.iinfo(rule.dtype).max).astype(rule.dtype))


def _float32(pixels: Array) -> Array:
    if pixels.dtype.kind not in "biuf":
        return pixels  # refused, in words, by ImageSet
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused too
        return np.asarray(pixels.astype(np.float32))
