"""`AnomalyDetector`: the detector with the verbs of scikit-learn's outlier detectors."""

import warnings
from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from sablier.backbones import BackboneFile
from sablier.calibration import checked_alpha, images_needed, percent
from sablier.errors import ImagesWarning
from sablier.estimators.common import ImageEstimator
from sablier.modelfile import ModelFile
from sablier.recipes.detection import DetectionRecipe
from sablier.tasks.detection.detect import Detector, score_columns
from sablier.tasks.detection.scorer import score_together
from sablier.tasks.latent.reconstruct import scaled_back
from sablier.typing import Array
from sablier.workflows.training.detector import train_detector


class AnomalyDetector(OutlierMixin, ImageEstimator):  # type: ignore[misc]
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
        backbone: the .pt2 or .onnx file of a feature network of your own to look with. It is a program and is run by `fit` and
            `load`; what `save` writes does not say where it lies.

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
        """Return the fitted detector that a .sablier file keeps, scoring to the same bits as the one that was saved.

        A file written by the command line loads as well, with default parameters.

        Args:
            backbone: the file of the feature network of one's own that it was fitted with, if it was; it is run. None is taken
                from the .sablier file, whoever made it.

        Raises:
            ModelFileError: for a file that is missing, damaged, newer than this version, or made for another task.
            BackboneError: for a backbone that is lacking, another, or not needed.
        """
        return cls._loaded(path, backbone=backbone)

    def _kept_parameters(self) -> dict[str, Any]:
        return {name: value for name, value in super()._kept_parameters().items() if name != "backbone"}

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Train and calibrate on normal images; `y` is ignored.

        Args:
            X: the images.
            groups: N names or numbers, equal for images that are not independent of each other, such as shots of one part: no
                split divides them, and a group counts once. Images that repeat each other are found besides.

        Raises:
            ImagesError: for images that cannot be used; TooFewImages for fewer than 8 groups.
            ConfigError, UnknownName: for a parameter or a setting that is not one.
            BackboneError: for a backbone that does not describe places of these images.
        """
        checked_alpha(self.alpha)
        recipe = self._made_recipe(DetectionRecipe)
        images = self._training_images(X, groups)
        file = train_detector(images, recipe, backbone=None if self.backbone is None else BackboneFile.read(self.backbone))
        self._adopt(file)
        self._remember_shape(images, file.preprocess)
        return self

    def _adopt(self, file: ModelFile) -> None:
        # The detector comes from the file, so that a saved and loaded one computes in the same memory layout.
        self.detector_ = Detector.from_file(file, self.backbone, scores=True)
        self.model_file_ = file

    @property
    def offset_(self) -> float:
        """Minus the score above which images are flagged; for folds, whose thresholds differ, that of the pooled scores."""
        check_is_fitted(self)
        folds = self.detector_.calibration.folds
        return -float(self.detector_.calibration.margins(np.zeros((1, len(folds))), self.alpha)[0])

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
        return self.detector_.calibration.margins(columns, self.alpha)

    def predict(self, X: Any) -> Array:
        """Return N integers: -1 for an anomaly (a p-value of at most `alpha`), else 1.

        Where too few images calibrate for `alpha` nothing is flagged, and an ImagesWarning says how many it would take.
        """
        decision = self.decision_function(X)
        calibration = self.detector_.calibration
        if not calibration.decides(self.alpha):
            warnings.warn(
                f"nothing is flagged at a false-alarm rate of {percent(self.alpha)}: {calibration.size} calibrate, it "
                f"would take {images_needed(self.alpha)}. Fit on more images or choose a larger alpha; scores and p-values hold.",
                ImagesWarning,
                stacklevel=2,
            )
        return np.where(decision < 0, -1, 1)

    def p_values(self, X: Any) -> Array:
        """Return N conformal p-values: the share of normal images at least as strange."""
        columns = self._columns(X)
        return self.detector_.calibration.p_values(columns)

    def anomaly_maps(self, X: Any) -> Array:
        """Return N,H,W float32 maps; 1 is what some place of a normal image reaches in 5 % of them."""
        images, _ = self._images(X)
        anomaly_map = self.detector_.detect(images, self.alpha, pictures=True).anomaly_maps
        return scaled_back(np.asarray(anomaly_map, np.float32), *self.image_shape_[:2])

    def reconstruct(self, X: Any) -> Array:
        """Return what the model makes of the images: float32 in the numbers, the size and the dimensions X came in."""
        images, dimensions = self._images(X)
        drawn = self.detector_.detect(images, self.alpha, pictures=True).reconstructions
        return self._laid_out(np.asarray(drawn, np.float32), dimensions)

    def _scores(self, X: Any) -> list[Array]:
        """Return the N scores that each of the detector's scorers gives."""
        images, _ = self._images(X)
        return [found.scores for found in score_together(self.detector_.scorers, images)]

    def _columns(self, X: Any) -> Array:
        """Return N,K scores: one column per fold of the calibration."""
        scores = self._scores(X)
        return score_columns(self.detector_.calibration, scores)
