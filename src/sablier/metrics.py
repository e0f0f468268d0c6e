"""Metrics of results, on scikit-learn and scipy, which are imported when first needed."""

from collections.abc import Iterable
from math import inf, log10

import numpy as np

from sablier.errors import ConfigError, ImagesError, TooFewImages
from sablier.typing import Array

PRO_LIMIT = 0.3  # the share of good pixels up to which AUPRO is usually computed (Bergmann et al. 2020)
DROPPED_BITS = 14  # of the 32 of an anomaly score: sign, exponent and nine bits of the mantissa remain
MAP_BINS = 1 << (32 - DROPPED_BITS)
SIGN_BIT = np.uint32(1 << 31)


def auroc(normal: Array, anomalous: Array) -> float:
    """Return the area under the ROC curve: the probability that an anomaly scores higher than a normal image.

    >>> auroc(np.array([0.1, 0.2]), np.array([0.3, 0.15]))
    0.75

    Raises:
        TooFewImages: if either side is empty.
    """
    from sklearn.metrics import roc_auc_score

    if not len(normal) or not len(anomalous):
        raise TooFewImages("AUROC compares normal images with anomalies: expected at least one of each.")
    truth = np.r_[np.zeros(len(normal)), np.ones(len(anomalous))]
    return float(roc_auc_score(truth, np.r_[normal, anomalous]))


def auroc_interval(normal: Array, anomalous: Array, level: float = 0.95) -> tuple[float, float]:
    """Return an interval for the AUROC of these scores (DeLong, DeLong and Clarke-Pearson 1988, on the logit scale).

    Its variance is estimated from the scores, so it holds with few images of one kind; the formula of Hanley and McNeil
    (1982) covers the truth in only 8 of 10 such cases. Perfectly separated scores get the exact bound of as many pairs as
    there are images of the rarer kind.

    >>> [round(bound, 3) for bound in auroc_interval(np.arange(20.0), np.arange(20.0) + 8)]
    [0.659, 0.915]
    >>> [round(bound, 3) for bound in auroc_interval(np.zeros(10), np.ones(10))]
    [0.692, 1.0]
    """
    from scipy.special import expit, logit
    from scipy.stats import norm, rankdata

    area, tail = auroc(normal, anomalous), (1 - level) / 2
    fewer, pairs = min(len(normal), len(anomalous)), len(normal) * len(anomalous)
    if area in (0.0, 1.0):
        bound = float(tail ** (1 / fewer))
        return (bound, 1.0) if area else (0.0, 1 - bound)
    ranks = rankdata(np.r_[normal, anomalous])
    beats = (ranks[len(normal) :] - rankdata(anomalous)) / len(normal)
    loses = (ranks[: len(normal)] - rankdata(normal)) / len(anomalous)
    binomial = area * (1 - area)
    variance = beats.var(ddof=1) / len(anomalous) + loses.var(ddof=1) / len(normal) if fewer > 1 else binomial
    half = norm.ppf(1 - tail) * max(float(variance), binomial / pairs) ** 0.5 / binomial
    return float(expit(logit(area) - half)), float(expit(logit(area) + half))


def mean_interval(values: Array, level: float = 0.95) -> tuple[float, float]:
    """Return an interval for the mean of the distribution of N numbers (Student 1908).

    >>> [round(bound, 3) for bound in mean_interval(np.array([0.90, 0.94, 0.95, 0.93, 0.93]))]
    [0.907, 0.953]

    Raises:
        TooFewImages: for fewer than two numbers, which have no spread.
    """
    from scipy.stats import t

    if len(values) < 2:
        raise TooFewImages(f"expected at least 2 values for an interval of their mean, got {len(values)}.")
    half = float(t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)
    return float(values.mean()) - half, float(values.mean()) + half


def psnr(mse: float) -> float:
    """Return the peak signal-to-noise ratio, in dB, of pixels in [0, 1] with this mean squared error.

    >>> psnr(0.01), psnr(0.0)
    (20.0, inf)
    """
    return -10 * log10(mse) if mse > 0 else inf


def rate_interval(hits: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a rate (Clopper and Pearson 1934).

    >>> [round(bound, 3) for bound in rate_interval(5, 100)]
    [0.016, 0.113]
    """
    from scipy.stats import binomtest

    interval = binomtest(hits, count).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


def roc_curve(normal: Array, anomalous: Array) -> tuple[Array, Array]:
    """Return false-alarm and detection rates along the ROC curve."""
    from sklearn.metrics import roc_curve as curve

    false_alarms, detections, _ = curve(np.r_[np.zeros(len(normal)), np.ones(len(anomalous))], np.r_[normal, anomalous])
    return false_alarms, detections


def pixel_auroc(anomaly_maps: Iterable[Array], masks: Iterable[Array]) -> float:
    """Return the AUROC of pixels: the probability that a defective pixel has a higher anomaly score than a good one.

    All pixels of all images have the same weight, so a large defect weighs more than a small one. Memory does not grow with
    the images. Anomaly scores less than 0.2 % apart count as equal (`PixelCounts`).

    Args:
        anomaly_maps: H,W numbers each, of any sign; sizes may differ between images.
        masks: H,W each, true at defects; all false for a good image.

    Raises:
        ImagesError: if a mask and its anomaly map differ in size, or a score is not a number.
        TooFewImages: if there are no pixels of one kind.

    >>> pixel_auroc([np.array([[0.1, 0.2], [0.3, 0.9]])], [np.array([[0, 0], [1, 1]])])
    1.0
    """
    return PixelCounts.of(anomaly_maps, masks).auroc()


def aupro(anomaly_maps: Iterable[Array], masks: Iterable[Array], limit: float = PRO_LIMIT) -> float:
    """Return the area under the per-region overlap curve, from 0 to 1 (Bergmann et al. 2020).

    The curve is, for each threshold, the share of a defect at or above it, as a mean over defects, against the share of good
    pixels at or above it. A small defect weighs as much as a large one. A defect is a connected region of a mask, diagonals
    included. The area is computed up to `limit` of the good pixels and divided by it; a random map gets half of `limit`.

    Args:
        anomaly_maps, masks: as for `pixel_auroc`; so are memory and errors.
        limit: the share of good pixels, above 0 and at most 1.

    >>> aupro([np.array([[0.1, 0.2], [0.3, 0.9]])], [np.array([[0, 0], [1, 1]])])
    1.0
    >>> aupro([np.ones((2, 2))], [np.array([[0, 0], [1, 1]])])
    0.15
    """
    return PixelCounts.of(anomaly_maps, masks).aupro(limit)


class PixelCounts:
    """Counts of pixels by anomaly score, for pixel AUROC and AUPRO, in memory that does not grow with the images.

    A score is binned by the leading 18 bits of its float32, whose order is that of the numbers. Scores in a bin are less
    than 0.2 % apart and count as equal. The bins are the same for all images, so counts of several sets add up.
    """

    def __init__(self) -> None:
        self.normal = np.zeros(MAP_BINS, np.int64)
        self.defective = np.zeros(MAP_BINS, np.int64)
        self.overlap = np.zeros(MAP_BINS)  # the same, each pixel as its share of its region
        self.images = self.regions = 0  # with a defect, and connected defects in them

    @classmethod
    def of(cls, anomaly_maps: Iterable[Array], masks: Iterable[Array]) -> "PixelCounts":
        """Return the counts of several images."""
        counts = cls()
        for anomaly_map, mask in zip(anomaly_maps, masks, strict=True):
            counts.add(anomaly_map, mask)
        return counts

    def add(self, anomaly_map: Array, mask: Array) -> None:
        """Count the pixels of one image.

        Raises:
            ImagesError: if the H,W map and the mask differ in size, or a score is not a number.
        """
        from scipy.ndimage import label

        mask = np.asarray(mask, bool)
        if mask.shape != np.shape(anomaly_map) or mask.ndim != 2:
            raise ImagesError(
                f"expected an anomaly map and a mask of one height and width, got {np.shape(anomaly_map)} and {mask.shape}."
            )
        bins = _map_bins(anomaly_map)
        _count(bins[~mask], self.normal)
        if not mask.any():
            return
        regions, count = label(mask, np.ones((3, 3)))
        _count(bins[mask], self.defective)
        _count(bins[mask], self.overlap, 1 / np.bincount(regions[mask])[regions[mask]])
        self.images += 1
        self.regions += count

    def __add__(self, other: "PixelCounts") -> "PixelCounts":
        total = PixelCounts()
        total.normal, total.defective = self.normal + other.normal, self.defective + other.defective
        total.overlap = self.overlap + other.overlap
        total.images, total.regions = self.images + other.images, self.regions + other.regions
        return total

    def auroc(self) -> float:
        """Return the pixel AUROC; see `pixel_auroc`."""
        normals, defects = self._sizes()
        colder = np.cumsum(self.normal) - self.normal / 2
        return float(self.defective @ colder / (normals * defects))

    def aupro(self, limit: float = PRO_LIMIT) -> float:
        """Return the area under the per-region overlap curve; see `aupro`."""
        if not 0 < limit <= 1:
            raise ConfigError(f"expected a limit of AUPRO above 0 and at most 1, such as {PRO_LIMIT:g}, got {limit}.")
        normals, _ = self._sizes()
        used = np.flatnonzero(self.normal + self.defective)[::-1]
        alarms = np.r_[0, np.cumsum(self.normal[used])] / normals
        overlaps = np.r_[0, np.cumsum(self.overlap[used])] / self.regions
        # Where good and bad pixels share a bin, the curve is a slope; the limit may cut through it.
        last = int(np.searchsorted(alarms, limit, side="right")) - 1
        cut = overlaps[last]
        if last + 1 < len(alarms):
            cut += (overlaps[last + 1] - cut) * (limit - alarms[last]) / (alarms[last + 1] - alarms[last])
        area = np.trapezoid(np.r_[overlaps[: last + 1], cut], np.r_[alarms[: last + 1], limit]) / limit
        return float(min(area, 1.0))  # shares of regions sum to 1 up to rounding

    def _sizes(self) -> tuple[int, int]:
        normals, defects = int(self.normal.sum()), int(self.defective.sum())
        if not normals or not defects:
            raise TooFewImages("pixel figures compare good pixels with those of defects: expected at least one of each.")
        return normals, defects


def _map_bins(anomaly_map: Array) -> Array:
    """Return the bin of each anomaly score; bins are in the order of the scores."""
    anomaly_map = np.asarray(anomaly_map, np.float32) + np.float32(0)  # so that -0 becomes 0
    if np.isnan(anomaly_map).any():
        raise ImagesError("expected anomaly scores as numbers, got NaN.")
    bits = anomaly_map.view(np.uint32)
    return np.asarray(np.where(bits & SIGN_BIT, ~bits, bits | SIGN_BIT) >> DROPPED_BITS, np.int32)


def _count(bins: Array, into: Array, weights: Array | None = None) -> None:
    """Add the number or the weight of the pixels in each bin."""
    if len(bins):
        low = int(bins.min())
        found = np.bincount(bins - low, weights)
        into[low : low + len(found)] += found


def ssim(first: Array, second: Array) -> Array:
    """Return N: the structural similarity of pairs of images, 1 if equal (Wang, Bovik, Sheikh and Simoncelli 2004).

    Means over Gaussian windows of 1.5 pixels, as in the paper; a border of 5 pixels is left out if anything remains.

    Args:
        first, second: N,H,W,C in [0, 1].
    """
    from scipy.ndimage import gaussian_filter

    def local(x: Array) -> Array:
        return np.asarray(gaussian_filter(x, (0, 1.5, 1.5, 0), truncate=3.5))

    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    mean_a, mean_b = local(a), local(b)
    variances = local(a * a) - mean_a**2 + local(b * b) - mean_b**2
    covariance = local(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    found = (2 * mean_a * mean_b + c1) * (2 * covariance + c2) / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))
    border = 5 if min(a.shape[1:3]) > 10 else 0
    inner = found[:, border : a.shape[1] - border, border : a.shape[2] - border]
    return np.asarray(inner.mean(axis=(1, 2, 3)))
