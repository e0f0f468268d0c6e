"""`ImageAutoencoder`: encodes images as a few numbers and reconstructs them, as a scikit-learn transformer."""

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
    """Encode images as a few numbers and reconstruct them, as a scikit-learn transformer.

    The default network is convolutional and starts as PCA of the training images (Plaut 2018). A mixture of Gaussians is
    then fitted to the codes of these images (Ghosh et al. 2020), from which `sample` draws new codes.

    Args:
        latent: the length of a code, at least 1.
        recipe: an autoencoder recipe: "autoencoder", "representation", "generator" or "variational".
        tier: "tiny", "small", "base" or "large"; larger tiers take longer and give better models.
        settings: recipe values to change, by name, as `sablier train --set` takes them, such as `{"epochs": 20}`.
        image_shape: (height, width) or (height, width, channels) of the images in an N,features table; None infers it.
        seed: the seed of training. The same seed, machine and number of threads give bit-equal results.

    Attributes:
        model_: the trained network.
        model_file_: the `ModelFile` that `save` writes.
        image_shape_: (height, width, channels) of the training images, or of the model if these differ in size.
        n_features_in_: the product of `image_shape_`.

    Examples:
        >>> import numpy as np
        >>> from sablier import ImageAutoencoder
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
        tags.transformer_tags.preserves_dtype = []  # codes are float32, whatever the type of the pixels
        return tags

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Train on images.

        Args:
            X: N,H,W or N,H,W,C images, an N,features table, or an `ImageSet`.
            y: ignored.
            groups: N names or numbers; images of one group are held out together. None: each image is its own group.

        Returns:
            The fitted estimator.

        Raises:
            ImagesError: if the images cannot be used.
            TooFewImages: if there are fewer than 2.
            ConfigError: if a parameter or a setting has a value that it does not take.
            UnknownName: if there is no such recipe, tier or setting.
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
        """Return the codes of images.

        Args:
            X: images, as for `fit`.

        Returns:
            N,latent float32.

        Raises:
            ImagesError: if an image cannot be read or used.
        """
        images, _ = self._images(X)
        return encode(self.model_, self.model_file_.preprocess, images)

    def inverse_transform(self, Z: Any) -> Array:
        """Return the images that codes decode to.

        Args:
            Z: N,latent codes.

        Returns:
            N images, float32, with the value range, the size and the number of dimensions of the training images.

        Raises:
            ImagesError: if the codes have another shape or are not finite.
        """
        check_is_fitted(self)
        return self._laid_out(decode(self.model_, self.model_file_.preprocess, np.asarray(Z)), self._dimensions)

    def reconstruct(self, X: Any) -> Array:
        """Return the reconstructions of images.

        Args:
            X: images, as for `fit`.

        Returns:
            N images, float32, with the value range and the size of the training images and the number of dimensions of `X`.

        Raises:
            ImagesError: if an image cannot be read or used.
        """
        images, dimensions = self._images(X)
        return self._laid_out(reconstruct(self.model_, self.model_file_.preprocess, images), dimensions)

    def sample(
        self, count: int = 1, *, like: Any = None, strength: float = STRENGTH, method: str | None = None, seed: int = 0
    ) -> Array:
        """Generate new images, or variations of given ones.

        Args:
            count: how many, at least 1.
            like: images to vary, each in turn; None generates images of any kind.
            strength: of variations, from 0, the reconstruction, to 1, any other image of the same component of the mixture.
            method: "mixture", "flow", "gaussian" or "network"; None is the first of these that the model has. Not for
                variations.
            seed: the same seed gives the same images.

        Returns:
            `count` images, float32, with the value range, the size and the number of dimensions of the training images.

        Raises:
            ConfigError: if `count` is below 1, `strength` is out of range, or the model does not have the method.
            ModelFileError: if the codes of the model are too long for a mixture.
        """
        check_is_fitted(self)
        sampler = sampler_of(self.model_file_, self.model_)
        if like is None:
            return self._laid_out(sampler.sample(count, seed, method).images, self._dimensions)
        images, dimensions = self._images(like)
        return self._laid_out(sampler.variations(images, count, strength, seed).images, dimensions)

    def interpolate(self, a: Any, b: Any, count: int = 10, curve: str = "linear") -> Array:
        """Decode codes between those of two images.

        Args:
            a: the first image, alone or as a set of one.
            b: the last image, likewise.
            count: how many images, from 2 to 1,000, the reconstructions of `a` and `b` included.
            curve: "linear", or "spherical", an arc (slerp; Shoemake 1985, White 2016) around the mean code of the training
                images, or around zero if that is not known.

        Returns:
            `count` images, as `inverse_transform` returns them.

        Raises:
            ImagesError: if `a` or `b` is not exactly one image.
            ConfigError: if there is no such curve, or `count` is out of range.
        """
        (start,), (end,) = self._one_code(a), self._one_code(b)
        mixture = mixture_of(self.model_file_)
        centre = None if mixture is None else mixture.gaussian().means[0]
        return self.inverse_transform(codes_between(start, end, count, curve, centre))

    def combine(self, add: Sequence[Any], subtract: Sequence[Any] = ()) -> Array:
        """Decode a sum of mean codes (Larsen et al. 2016).

        Args:
            add: sets of images, or single images, whose mean codes are added.
            subtract: those whose mean codes are subtracted. Without any, the mean codes are averaged; otherwise there must
                be one more to add than to subtract, since a difference of codes is not an image.

        Returns:
            One image, as `inverse_transform` returns it.

        Raises:
            ConfigError: if the numbers of sets do not fit.
            TooFewImages: if a set is empty.
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
        """Return images as a set; a single image becomes a set of one."""
        check_is_fitted(self)
        if isinstance(images, ImageSet):
            return images
        pixels = images if hasattr(images, "shape") else np.asarray(images)
        return np.asarray(pixels)[None] if pixels.ndim == self._dimensions - 1 else pixels

    def score(self, X: Any, y: Any = None) -> float:
        """Return the negative mean squared error of the reconstructions.

        Args:
            X: images, as for `fit`.
            y: ignored.

        Returns:
            A number of at most 0; pixels are taken in [0, 1].
        """
        images, _ = self._images(X)
        rule = self.model_file_.preprocess
        difference = reconstruct(self.model_, rule, images) - rule.to_unit(images.array)
        return -float(np.mean(difference**2, dtype=np.float64))
