"""`ImageAutoencoder`: images to a few numbers and back, with the verbs of a scikit-learn transformer."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sablier.errors import ImagesError, TooFewImages
from sablier.estimators.common import ImageEstimator
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.recipes.tasks import ReconstructionRecipe
from sablier.tasks.latent.arithmetic import weights_of
from sablier.tasks.latent.interpolation import codes_between
from sablier.tasks.latent.mixture import mixture_of
from sablier.tasks.latent.reconstruct import TASK, decode, encode, latent_size, reconstruct
from sablier.tasks.latent.sample import STRENGTH, sampler_of
from sablier.typing import Array
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.network import network_of


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

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Train on images; `y` is ignored.

        Args:
            X: the images.
            groups: N names or numbers, equal for images that are held out together.

        Raises:
            ImagesError: for images that cannot be used; TooFewImages for fewer than 2.
            ConfigError, UnknownName: for a parameter or a setting that is not one.
        """
        recipe = self._made_recipe(ReconstructionRecipe, latent=self.latent)
        images = self._training_images(X, groups)
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

    def sample(
        self, count: int = 1, *, like: Any = None, strength: float = STRENGTH, method: str | None = None, seed: int = 0
    ) -> Array:
        """Return new images: float32 in the numbers, the size and the dimensions of the training images.

        Args:
            count: how many.
            like: images to draw variations of, each in turn; None draws from all the model knows.
            strength: of variations: from 0, the image as the model draws it again, to 1, any other of its kind.
            method: "mixture", "flow", "gaussian" or "network"; None takes the first of these that the model can.
            seed: the same draws the same.

        Raises:
            ConfigError: for a count below 1, another strength, or a method the model does not have.
            ModelFileError: for a model whose codes are too long for a mixture.
        """
        check_is_fitted(self)
        sampler = sampler_of(self.model_file_, self.model_)
        if like is None:
            return self._laid_out(sampler.sample(count, seed, method).images, self._dimensions)
        images, dimensions = self._images(like)
        return self._laid_out(sampler.variations(images, count, strength, seed).images, dimensions)

    def interpolate(self, a: Any, b: Any, count: int = 10, curve: str = "linear") -> Array:
        """Return `count` images on the way from one image to another, both redrawn among them, as `inverse_transform` does.

        Args:
            a, b: one image each, alone or as a set of one.
            curve: "linear"; or "spherical", an arc around the mean of the codes of the training images where it is known,
                else around zero (White 2016).

        Raises:
            ImagesError: for more or fewer images than one.
            ConfigError: for another curve, or a count below 2 or above 1,000.
        """
        (start,), (end,) = self._one_code(a), self._one_code(b)
        mixture = mixture_of(self.model_file_)
        centre = None if mixture is None else mixture.gaussian().means[0]
        return self.inverse_transform(codes_between(start, end, count, curve, centre))

    def combine(self, add: Sequence[Any], subtract: Sequence[Any] = ()) -> Array:
        """Return one image: what the sum of mean codes is decoded to, as one of those that `inverse_transform` returns.

        Args:
            add, subtract: lists of sets of images, or of images. Without `subtract` what is added is averaged; otherwise it
                takes one more to add than to subtract, since a difference alone is no image.

        Raises:
            ConfigError: for another number of sets; TooFewImages for a set without an image.
        """
        check_is_fitted(self)
        weights = np.array(weights_of(len(add), len(subtract)))
        codes = [self.transform(self._as_set(each)) for each in (*add, *subtract)]
        if not all(map(len, codes)):
            raise TooFewImages("expected at least one image in each set to add or subtract, got none in one of them.")
        means = np.stack([each.mean(axis=0, dtype=np.float64) for each in codes])
        combined: Array = self.inverse_transform((weights @ means)[None])[0]
        return combined

    def _one_code(self, image: Any) -> Array:
        """Return the code of one image, 1,latent."""
        codes = self.transform(self._as_set(image))
        if len(codes) != 1:
            raise ImagesError(f"expected one image, got {len(codes)}. Pick one, or average them with combine.")
        return codes

    def _as_set(self, images: Any) -> Any:
        """Return images as a set of them, where it is one image alone."""
        check_is_fitted(self)
        if isinstance(images, ImageSet):
            return images
        pixels = images if hasattr(images, "shape") else np.asarray(images)
        return np.asarray(pixels)[None] if pixels.ndim == self._dimensions - 1 else pixels

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the mean squared error of the reconstructions, of pixels in [0, 1]; `y` is ignored."""
        images, _ = self._images(X)
        rule = self.model_file_.preprocess
        difference = reconstruct(self.model_, rule, images) - rule.to_unit(images.array)
        return -float(np.mean(difference**2, dtype=np.float64))
