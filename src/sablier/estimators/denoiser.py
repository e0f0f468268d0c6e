"""`Denoiser`: images without their noise, with the verbs of a scikit-learn transformer."""

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
    """Learn what images look like without noise, and remove it from images of any size.

    Args:
        recipe, tier: "denoiser"; "tiny", "small", "base" or "large": the one dial, of time for quality.
        noisy_only: learn from images that are all noisy, of Gaussian noise that nothing has clipped: floats.
        settings: single values of the recipe, as `sablier train --set` takes them: `{"noise_high": 0.3}`.
        image_shape: (height, width) or (height, width, channels) of the images in a table N,features.
        seed: same seed, threads and machine: same bits.

    Attributes:
        remover_: the fitted network and what it takes.
        model_file_: what `save` writes.
        image_shape_: height, width and channels of the training images (of the model, where they came in mixed sizes).
        n_features_in_: the product of these.

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
        tags.transformer_tags.preserves_dtype = []  # cleaned images are float32, whatever the pixels are
        return tags

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Train on clean images, or with `noisy_only` on noisy ones; `y` is ignored.

        Args:
            X: the images.
            groups: N names or numbers, equal for images that are held out together.

        Raises:
            ImagesError: for images that cannot be used.
            ConfigError, UnknownName: for a parameter or a setting that is not one, and for whole numbers with `noisy_only`.
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
        """Return the images without noise: float32 in the numbers, the size and the dimensions X came in; not clipped.

        Images N,H,W or N,H,W,C may be of any size; a table N,features has the size of the training images. An ImageSet gives
        N,H,W,C, or a list of H,W,C where its images differ in size or channels.

        Raises:
            ImagesError: for images that cannot be read or used.
        """
        cleaned, _, dimensions = self._cleaned(X)
        if len({image.shape for image in cleaned}) > 1:
            return list(cleaned)
        pixels = np.asarray(cleaned, np.float32)
        if dimensions == 2:
            return pixels.reshape(len(pixels), -1)
        return pixels[..., 0] if dimensions == 3 else pixels

    def noise_levels(self, X: Any) -> Array:
        """Return N float64 noise levels in the numbers of the images; shares of the pixels for corruptions measured in those."""
        _, levels, _ = self._cleaned(X)
        return levels

    def _cleaned(self, X: Any) -> tuple[Any, Array, int]:
        """Return images H,W,C without noise and their levels, both in the numbers X came in, and the dimensions of X."""
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
        """Return N,H,W,C images without noise, and N levels, in the numbers of pixels that mean what those of a type mean."""
        black, white = self.remover_.value_range(dtype)
        if not len(pixels):
            return pixels.astype(np.float32), np.empty(0)
        x = ((pixels.astype(np.float32) - black) / (white - black)).clip(-FARTHEST, FARTHEST)
        clean, levels = self.remover_.remove(x)
        unit = white - black if self.remover_.level_is_a_spread else 1.0
        return clean * np.float32(white - black) + np.float32(black), levels * unit
