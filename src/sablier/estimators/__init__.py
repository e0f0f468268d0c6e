"""The scikit-learn interface: `AnomalyDetector`, `ImageAutoencoder`, `ImageClassifier` and `Denoiser`, on arrays.

`ConformalCalibrator` is a meta-estimator around any outlier detector, on N,features tables.

Images are N,H,W or N,H,W,C arrays, an `ImageSet`, or an N,features table with one flattened image per row. The images of a
table have the shape `image_shape` if it is given. Otherwise they are square if the number of features is a square, and
single rows of pixels if not. Pixel values keep the meaning that they had in training: 8- and 16-bit images use their full
range, all others the range of the training images.

Everywhere else in sablier, a higher score is more anomalous. The outlier detectors of scikit-learn use the opposite sign.
Only here the sign is flipped: in `score_samples` and `decision_function`, but not in `anomaly_score`.
"""

from sablier.estimators.autoencoder import ImageAutoencoder
from sablier.estimators.classifier import ImageClassifier
from sablier.estimators.conformal import ConformalCalibrator
from sablier.estimators.denoiser import Denoiser
from sablier.estimators.detector import AnomalyDetector

__all__ = ["AnomalyDetector", "ConformalCalibrator", "Denoiser", "ImageAutoencoder", "ImageClassifier"]
