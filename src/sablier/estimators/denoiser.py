"""`Denoiser`: removes noise from images of any size, as a scikit-learn transformer."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from sablier.errors import ImagesError
from sablier.estimators.common import FARTHEST, ImageEstimator
from sablier.images.imageset import ImageSet, checked_pixels
from sablier.modelfile import ModelFile
from sablier.recipes.tasks import DenoisingRecipe
from sablier.tasks.denoise import NoiseRemover, decoded
from sablier.typing import Array
from sablier.workflows.denoise import noise_remover
from sablier.workflows.training.denoiser import denoiser_recipe, train_denoiser


class Denoiser(OneToOneFeatureMixin, TransformerMixin, ImageEstimator):  # type: ignore[misc]
    """Remove noise from images of any size, as a scikit-learn transformer.

    The default network is a residual U-Net without biases (Mohan et al. 2020), trained on noise of many levels. It estimates
    the level itself (blind denoising).

    Args:
        recipe: "denoiser" or "denoiser-noisy-only".
        tier: "tiny", "small", "base" or "large"; larger tiers take longer and give better models.
        noisy_only: train without clean images (recorrupted to recorrupted; Pang et al. 2021). The noise must be Gaussian,
            and the pixels floats that nothing has clipped.
        settings: recipe values to change, by name, as `sablier train --set` takes them, such as `{"noise_high": 0.3}`.
        image_shape: (height, width) or (height, width, channels) of the images in an N,features table; None infers it.
        seed: the seed of training. The same seed, machine and number of threads give bit-equal results.

    Attributes:
        remover_: the fitted `NoiseRemover`.
        model_file_: the `ModelFile` that `save` writes.
        image_shape_: (height, width, channels) of the training images, or of the model if these differ in size.
        n_features_in_: the product of `image_shape_`.

    Examples:
        >>> import numpy as np
        >>> from sablier import Denoiser
        >>> X = np.random.default_rng(0).uniform(size=(40, 8, 8))
        >>> denoiser = Denoiser(tier="tiny", settings={"epochs": 1, "width": 8}).fit(X)
        >>> denoiser.transform(X).shape, denoiser.transform(np.zeros((2, 30, 50))).shape, denoiser.noise_levels(X).shape
        ((40, 8, 8), (2, 30, 50), (40,))
    """

    def __init__(
        self,
        recipe: str = "denoiser",
        *,
        tier: str = "base",
        noisy_only: bool = False,
        settings: Mapping[str, Any] | None = None,
        image_shape: tuple[int, ...] | None = None,
        seed: int = 0,
    ) -> None:
        self.recipe = recipe
        self.tier = tier
        self.noisy_only = noisy_only
        self.settings = settings
        self.image_shape = image_shape
        self.seed = seed

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # cleaned images are float32, whatever the type of the pixels
        return tags

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Train on clean images, or with `noisy_only` on noisy ones.

        Args:
            X: N,H,W or N,H,W,C images, an N,features table, or an `ImageSet`.
            y: ignored.
            groups: N names or numbers; images of one group are held out together. None: each image is its own group.

        Returns:
            The fitted estimator.

        Raises:
            ImagesError: if the images cannot be used.
            ConfigError: if a parameter or a setting has a value that it does not take, or `noisy_only` gets images of
                integers.
            UnknownName: if there is no such recipe, tier or setting.
        """
        recipe = clone(self).set_params(recipe=denoiser_recipe(self.recipe, self.noisy_only))._made_recipe(DenoisingRecipe)
        images = self._training_images(X, groups)
        file = train_denoiser(images, recipe)
        self._adopt(file)
        self._remember_shape(images, file.preprocess)
        return self

    def _adopt(self, file: ModelFile) -> None:
        self.remover_: NoiseRemover = noise_remover(file)
        self.model_file_ = file

    def transform(self, X: Any) -> Any:
        """Return the images without noise.

        Args:
            X: N,H,W or N,H,W,C images of any size, an N,features table of images of the training size, or an `ImageSet`.

        Returns:
            Images in float32, not clipped, with the value range, the size and the number of dimensions of `X`. An `ImageSet`
            gives N,H,W,C, or a list of H,W,C if its images differ in size or channels.

        Raises:
            ImagesError: if an image cannot be read or used.
        """
        cleaned, _, dimensions = self._cleaned(X)
        if len({image.shape for image in cleaned}) > 1:
            return list(cleaned)
        pixels = np.asarray(cleaned, np.float32)
        if dimensions == 2:
            return pixels.reshape(len(pixels), -1)
        return pixels[..., 0] if dimensions == 3 else pixels

    def noise_levels(self, X: Any) -> Array:
        """Return the estimated noise level of each image.

        Args:
            X: images, as for `transform`.

        Returns:
            N float64: standard deviations in the value range of `X`, or shares of the pixels if the model was trained on a
            corruption that is measured so.

        Raises:
            ImagesError: if an image cannot be read or used.
        """
        _, levels, _ = self._cleaned(X)
        return levels

    def _cleaned(self, X: Any) -> tuple[Any, Array, int]:
        """Return H,W,C images without noise, their levels, both in the value range of X, and the number of dimensions of X."""
        check_is_fitted(self)
        if isinstance(X, ImageSet) and X.uniform:
            return *self._in_numbers(X.array, str(X.array.dtype)), 4
        if isinstance(X, ImageSet):
            images, ids, skipped = decoded(X)
            if skipped:
                raise ImagesError(
                    f"{len(skipped)} of {len(ids) + len(skipped)} images cannot be read, for example {skipped[-1].id}: "
                    f"{skipped[-1].reason}. Leave them out, so that there is one result per image."
                )
            results = [self._in_numbers(image[None], str(image.dtype)) for image in images]
            levels = np.array([found[0] for _, found in results])
            return [clean[0] for clean, _ in results], levels, 4
        pixels, dimensions = self._pixels(X, fitting=False)
        floats = checked_pixels(pixels.astype(np.float32) if pixels.dtype.kind in "biu" else pixels)
        return *self._in_numbers(floats, self.model_file_.preprocess.dtype), dimensions

    def _in_numbers(self, pixels: Array, dtype: str) -> tuple[Array, Array]:
        """Return N,H,W,C images without noise and N levels, in the value range of images of this type."""
        black, white = self.remover_.value_range(dtype)
        if not len(pixels):
            return pixels.astype(np.float32), np.empty(0)
        x = ((pixels.astype(np.float32) - black) / (white - black)).clip(-FARTHEST, FARTHEST)
        clean, levels = self.remover_.remove(x)
        unit = white - black if self.remover_.level_is_a_spread else 1.0
        return clean * np.float32(white - black) + np.float32(black), levels * unit
