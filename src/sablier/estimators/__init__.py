"""The scikit-learn face: `AnomalyDetector`, `ImageAutoencoder`, `ImageClassifier`, `Denoiser` on arrays, by its rules.

Images are N,H,W or N,H,W,C arrays, an `ImageSet`, or the N,features table that scikit-learn passes around: one
flattened image a row, of `image_shape` where it is given, else square where the number of features is a square, else a
strip of one row. Numbers mean when predicting what they meant when fitting: 8- and 16-bit images keep their full range,
anything else is scaled by the range of the training images.

Everywhere else in sablier higher scores are worse. scikit-learn's outlier detectors are the other way round, and only
here the sign flips: in `score_samples` and `decision_function`, but not in `anomaly_score`.
"""

from sablier.estimators.autoencoder import ImageAutoencoder
from sablier.estimators.classifier import ImageClassifier
from sablier.estimators.denoiser import Denoiser
from sablier.estimators.detector import AnomalyDetector

__all__ = ["AnomalyDetector", "Denoiser", "ImageAutoencoder", "ImageClassifier"]
