"""The base of the estimators: converts tables and arrays to images and back, makes the recipe, saves and loads."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from math import isqrt, prod
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from sablier.errors import ConfigError, ImagesError, ImagesWarning, ModelFileError
from sablier.images.grouping import with_group_names
from sablier.images.imageset import DIFFERENT_SHAPES, ImageSet, as_array
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Part
from sablier.recipes.config import R, of_task
from sablier.recipes.make import make_recipe
from sablier.recipes.settings import with_settings
from sablier.tasks.latent.reconstruct import scaled_back
from sablier.typing import Array

PART = "estimator"  # of the model file: the parameters, and the shape of the training images
FARTHEST = 1000.0  # pixels are clipped at this many value ranges beyond black and white, so that squares stay finite


class ImageEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no annotations
    """Base class of the estimators: converts tables and arrays to images and back, makes the recipe, saves and loads."""

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
        """Write the fitted estimator to a .sablier file, which the command line reads, too.

        Args:
            path: the file.

        Raises:
            OutputError: if it cannot be written; an existing file then stays as it was.
        """
        check_is_fitted(self)
        parameters = self._kept_parameters()
        config = {"parameters": parameters, "image_shape": list(self.image_shape_), "dimensions": self._dimensions} | self._kept()
        file = replace(self.model_file_, parts={**self.model_file_.parts, PART: Part(type(self).__name__, config)})
        file.save(Path(path))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Load a fitted estimator from a .sablier file; it computes bit-equal results.

        A file written by the command line loads as well, with default parameters.

        Args:
            path: the file.

        Returns:
            The fitted estimator.

        Raises:
            ModelFileError: if the file is missing, damaged, newer than this version, or made for another task.
        """
        return cls._loaded(path)

    @classmethod
    def _loaded(cls, path: str | PathLike[str], **given: Any) -> Self:
        """Return the estimator of a file; the given parameters replace those in the file."""
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
            estimator = cls(**((parameters if kept.name == cls.__name__ else {}) | given))
        except (TypeError, ValueError, AttributeError) as error:
            raise ModelFileError(f"{path} is whole, but what it says of its estimator is not valid: {error}.") from error
        estimator._adopt(file)
        estimator.image_shape_, estimator._dimensions = (height, width, channels), dimensions
        estimator.n_features_in_ = prod(shape)
        return estimator

    def _kept_parameters(self) -> dict[str, Any]:
        """Return the parameters that the model file keeps, as plain values."""
        parameters: dict[str, Any] = self.get_params(deep=False)
        if self.settings is not None:
            parameters["settings"] = {key: str(value) for key, value in self.settings.items()}
        return parameters

    def _kept(self) -> dict[str, Any]:
        """Return what else the model file keeps of the estimator, as plain values."""
        return {}

    def _adopt(self, file: ModelFile) -> None:
        """Set the attributes that follow from a model file."""
        raise NotImplementedError

    def _made_recipe(self, kind: type[R], **own: Any) -> R:
        """Return the recipe with the estimator's settings, then those of the user.

        Raises:
            ConfigError, UnknownName: if the recipe has another task, or does not take a setting.
        """
        made = of_task(make_recipe(self.recipe, self.tier), kind)
        if not isinstance(self.settings, Mapping | None):
            raise ConfigError(f"expected settings as a dict, such as {{'epochs': 20}}, got {self.settings!r}.")
        pairs = [*own.items(), ("seed", self.seed), *(self.settings or {}).items()]
        return with_settings(made, [f"{key}={value}" for key, value in pairs])

    def _training_images(self, X: Any, groups: Any = None) -> ImageSet:
        """Return X as images with their groups (N names or numbers), and remember its number of dimensions."""
        if isinstance(X, ImageSet):
            images, self._dimensions = X, 4
        else:
            pixels, self._dimensions = self._pixels(X, fitting=True)
            images = ImageSet(pixels if pixels.dtype in (np.uint8, np.uint16) else _float32(pixels))
        if self._dimensions > 2 and hasattr(self, "feature_names_in_"):
            del self.feature_names_in_  # of the table of an earlier fit
        return images if groups is None else with_group_names(images, groups)

    def _remember_shape(self, images: ImageSet, rule: Preprocess) -> None:
        """Remember the size of the training images if they share one, otherwise that of the model."""
        sizes = np.unique(images.sizes, axis=0)
        height, width = map(int, sizes[0]) if len(sizes) == 1 else (rule.height, rule.width)
        self.image_shape_ = (height, width, int(rule.channels))
        self.n_features_in_ = prod(self.image_shape_)

    def _images(self, X: Any) -> tuple[ImageSet, int]:
        """Return X as dense images for the fitted model, and its number of dimensions."""
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
        """Return X as N,H,W or N,H,W,C numbers, and its number of dimensions."""
        X = X if hasattr(X, "shape") else as_array(X)
        if isinstance(X, np.ndarray) and X.dtype.kind == "O" and X.ndim == 1 and len(X) and hasattr(X[0], "shape"):
            raise ImagesError(DIFFERENT_SHAPES)
        if len(X.shape) > 2:
            return np.asarray(X), len(X.shape)
        table = validate_data(self, X, reset=fitting, ensure_min_samples=2 if fitting else 1)
        shape = self._shape_of(table.shape[1]) if fitting else self.image_shape_
        return table.reshape(len(table), *shape), 2

    def _shape_of(self, features: int) -> tuple[int, ...]:
        """Return the shape of one image in a table with this many features."""
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
        """Return N,H,W,C images in [0, 1] with the size, the value range and the number of dimensions of X."""
        rule = self.model_file_.preprocess
        pixels = scaled_back(pictures, *self.image_shape_[:2]) * np.float32(rule.white - rule.black) + np.float32(rule.black)
        if dimensions == 2:
            return pixels.reshape(len(pixels), -1)
        return pixels[..., 0] if dimensions == 3 and pixels.shape[3] == 1 else pixels


def _in_units(pixels: Array, rule: Preprocess) -> Array:
    """Return pixels with the meaning they had in training, in the type that the model file states."""
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
        return pixels  # ImageSet refuses it with a message
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
        return np.asarray(pixels.astype(np.float32))
