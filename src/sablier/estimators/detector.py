"""`AnomalyDetector`: detects anomalous images, as a scikit-learn outlier detector."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

import numpy as np

from sablier.backbones import BackboneFile
from sablier.calibration import Calibration, checked_alpha
from sablier.estimators.common import ImageEstimator
from sablier.estimators.verdicts import ConformalOutlierMixin
from sablier.modelfile import ModelFile
from sablier.recipes.detection import DetectionRecipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.judge import score_columns
from sablier.tasks.detection.scorer import score_together
from sablier.tasks.latent.reconstruct import scaled_back
from sablier.typing import Array
from sablier.workflows.training.detector import train_detector


class AnomalyDetector(ConformalOutlierMixin, ImageEstimator):
    """Detect anomalous images at a chosen false-alarm rate, as a scikit-learn outlier detector.

    Training images are taken as normal. The threshold is calibrated on images that did not train the model (conformal
    prediction; Vovk, Gammerman and Shafer 2005; Bates et al. 2023). About a share `alpha` of new normal images is flagged if
    these are exchangeable with the calibration images, so there is no parameter `contamination`. With fewer than 300 images
    (`settings={"folds_below": ...}`) cross-conformal folds take the place of one split (Vovk 2015).

    Args:
        alpha: the false-alarm rate, between 0 and 1. It can be changed on a fitted detector, which need not be trained
            again.
        recipe: "detector" or "course-dense".
        tier: "tiny", "small", "base" or "large"; larger tiers take longer and give better models.
        settings: recipe values to change, by name, as `sablier train --set` takes them, such as `{"epochs": 20}`.
        image_shape: (height, width) or (height, width, channels) of the images in an N,features table; None infers it.
        seed: the seed of training. The same seed, machine and number of threads give bit-equal results.
        backbone: a .pt2 or .onnx file with a feature network of your own. `fit` and `load` run it as a program. A saved
            model does not contain it or its path.

    Attributes:
        detector_: the fitted `Detector`; `detector_.detect(images)` also returns baselines and the guarantee.
        model_file_: the `ModelFile` that `save` writes.
        image_shape_: (height, width, channels) of the training images, or of the model if these differ in size.
        n_features_in_: the product of `image_shape_`.
        offset_: the negative score above which images are flagged at `alpha`; minus infinity if too few images calibrate.

    Examples:
        >>> import numpy as np
        >>> from sablier import AnomalyDetector
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
        backbone: str | PathLike[str] | None = None,
    ) -> None:
        self.alpha = alpha
        self.recipe = recipe
        self.tier = tier
        self.settings = settings
        self.image_shape = image_shape
        self.seed = seed
        self.backbone = backbone

    @classmethod
    def load(cls, path: str | PathLike[str], *, backbone: str | PathLike[str] | None = None) -> Self:
        """Load a fitted detector from a .sablier file; it computes bit-equal scores.

        A file written by the command line loads as well, with default parameters.

        Args:
            path: the file.
            backbone: the file of the feature network that it was fitted with, if that was your own; it is run. A path inside
                the .sablier file is never used.

        Returns:
            The fitted detector.

        Raises:
            ModelFileError: if the file is missing, damaged, newer than this version, or made for another task.
            BackboneError: if the backbone is missing, is another one, or is not needed.
        """
        return cls._loaded(path, backbone=backbone)

    def _kept_parameters(self) -> dict[str, Any]:
        return {name: value for name, value in super()._kept_parameters().items() if name != "backbone"}

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Train and calibrate on normal images.

        Args:
            X: N,H,W or N,H,W,C images, an N,features table, or an `ImageSet`.
            y: ignored.
            groups: N names or numbers, equal for images that are not independent of each other, such as shots of one part.
                No split divides a group, and a group counts once. Images that repeat each other are found and grouped as
                well.

        Returns:
            The fitted estimator.

        Raises:
            ImagesError: if the images cannot be used.
            TooFewImages: if there are fewer than 8 groups.
            ConfigError: if a parameter or a setting has a value that it does not take.
            UnknownName: if there is no such recipe, tier or setting.
            BackboneError: if the backbone does not return feature maps of these images.
        """
        checked_alpha(self.alpha)
        recipe = self._made_recipe(DetectionRecipe)
        images = self._training_images(X, groups)
        file = train_detector(images, recipe, backbone=None if self.backbone is None else BackboneFile.read(self.backbone))
        self._adopt(file)
        self._remember_shape(images, file.preprocess)
        return self

    def _adopt(self, file: ModelFile) -> None:
        # The detector is made from the file, so that a loaded one computes in the same memory layout as this one.
        self.detector_ = Detector.from_file(file, self.backbone, scores=True)
        self.model_file_ = file

    @property
    def _calibration(self) -> Calibration:
        """The scores of normal images that did not train the detector."""
        return self.detector_.calibration

    def anomaly_maps(self, X: Any) -> Array:
        """Return anomaly maps at the size of the training images.

        Args:
            X: images, as for `fit`.

        Returns:
            N,H,W float32; 1 is the mark level at 5 %: a normal image exceeds it anywhere with a probability of at most 5 %.
        """
        images, _ = self._images(X)
        anomaly_map = self.detector_.detect(images, self.alpha, pictures=True).anomaly_maps
        return scaled_back(np.asarray(anomaly_map, np.float32), *self.image_shape_[:2])

    def reconstruct(self, X: Any) -> Array:
        """Return the reconstructions of images.

        Args:
            X: images, as for `fit`.

        Returns:
            N images, float32, with the value range and the size of the training images and the number of dimensions of `X`.
        """
        images, dimensions = self._images(X)
        drawn = self.detector_.detect(images, self.alpha, pictures=True).reconstructions
        return self._laid_out(np.asarray(drawn, np.float32), dimensions)

    def _columns(self, X: Any) -> Array:
        """Return N,K scores: one column per fold of the calibration."""
        images, _ = self._images(X)
        scores = np.stack([found.scores for found in score_together(self.detector_.scorers, images)], axis=1)
        return score_columns(self.detector_.calibration, scores)
