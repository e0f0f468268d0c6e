"""`ImageAutoencoder`: images to a few numbers and back, with the verbs of a scikit-learn transformer."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sablier.errors import ConfigError
from sablier.estimators.common import Array, ImageEstimator
from sablier.modelfile import ModelFile
from sablier.tasks.reconstruct import TASK, decode, encode, latent_size, reconstruct
from sablier.training.recipes import make_recipe
from sablier.workflows.autoencoder import train_autoencoder
from sablier.workflows.network import network_of


class ImageAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ImageEstimator):  # type: ignore[misc]
    """Learn to squeeze images into a few numbers and to draw them again.

    Args:
        latent: how many numbers.
        recipe, tier: "autoencoder"; "tiny", "small", "base" or "large": the one dial, of time for quality.
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
        recipe: str = "autoencoder",
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
        task = make_recipe(self.recipe, self.tier).task  # before the settings, which a recipe of another task may not know
        if task != TASK:
            raise ConfigError(f"expected a recipe that reconstructs, got {self.recipe!r}, made to {task}. Use 'autoencoder'.")
        recipe = self._made_recipe(latent=self.latent)
        images = self._training_images(X)
        file = train_autoencoder(images, recipe)
        self._adopt(file)
        self._remember_shape(images, file.preprocess)
        return self

    def _adopt(self, file: ModelFile) -> None:
        self.model_ = network_of(file, TASK)
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
