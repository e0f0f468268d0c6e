"""What is unusual about an image as a whole: its brightness, contrast or colour, and an anomaly map that is high everywhere.

It explains a verdict and does not change it.
"""

from dataclasses import dataclass, fields
from functools import reduce
from typing import Self

import numpy as np

from sablier.images.chunks import at_once
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule
from sablier.typing import Array

# Of the values 0 to 255: their mean, their standard deviation, and the mean difference of the largest and smallest channel.
MEASURES = (("darker", "brighter"), ("of less contrast", "of more contrast"), ("less coloured", "more coloured"))
AT_ONCE = 16  # images
MARGIN, LEAST_MARGIN = 0.25, 2.0  # beyond the range of good images, in shares of it and in values, before something is reported
# The median of the map stays below `usual_map` in 95 % of good images. A map is high everywhere if its median is more than a
# quarter of the way from there to 1.
USUAL, EVERYWHERE = 0.95, 0.25


@dataclass(frozen=True)
class WholeFrame:
    """The range of good images.

    Args:
        low, high: 3, of brightness, contrast and colour.
        usual_map: 1, the 95 % quantile of the medians of maps of good images, in the unit of anomaly maps.
    """

    low: Array
    high: Array
    usual_map: Array

    @classmethod
    def of(cls, measures: Array, medians: Array) -> Self:
        """Return the range of good images, given what `measured` returns of them and N medians of their anomaly maps."""
        whole = measures[:, : len(MEASURES)]
        return cls(whole.min(axis=0), whole.max(axis=0), np.quantile(medians, USUAL, keepdims=True))

    def notes(self, measures: Array) -> Array:
        """Return N sentences on what is unusual about each image as a whole, given `measured` of them; "" if nothing is."""
        return np.array([self._note(row) for row in measures[:, : len(MEASURES)]], dtype=str)

    def _note(self, values: Array) -> str:
        found = []
        for words, value, low, high in zip(MEASURES, values.tolist(), self.low.tolist(), self.high.tolist(), strict=True):
            margin = max(LEAST_MARGIN, MARGIN * (high - low))
            if not low - margin <= value <= high + margin:
                found.append(f"{words[value > high]} than any of the good images: {value:.0f} against {low:.0f} to {high:.0f}")
        return f"The whole image is {'; '.join(found)} (of 255)." if found else ""

    def evened(self, anomaly_maps: Array, notes: Array, kept: Array | None = None) -> Array:
        """Return N,H,W anomaly maps; if an image is unusual as a whole, minus what is high everywhere.

        Args:
            anomaly_maps: of the images.
            notes: N, as `notes` returns them.
            kept: H,W, the pixels that are not ignored, or None.
        """
        from_here = self.usual_map + EVERYWHERE * np.maximum(0, 1 - self.usual_map)
        excess = np.where(notes != "", np.maximum(0, median_anomaly(anomaly_maps, kept) - from_here), 0)
        return np.asarray(np.maximum(0, anomaly_maps - excess[:, None, None]), anomaly_maps.dtype)

    def tensors(self) -> dict[str, Array]:
        """Return the arrays that a model file keeps."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def measured(images: ImageSet, preprocess: PixelRule) -> Array:
    """Return N,4: brightness, contrast and colour of dense images, from 0 to 255, and their sharpness.

    Sharpness is the mean difference of neighbouring pixels, in percent of the contrast: more light does not change it.

    >>> images = ImageSet(np.full((1, 8, 8, 3), [10, 20, 30], np.uint8))
    >>> measured(images, PixelRule(height=8, width=8, channels=3)).round(1).tolist()
    [[20.0, 8.2, 20.0, 0.0]]
    """
    rows = [np.empty((0, len(MEASURES) + 1))]
    step = at_once(AT_ONCE, preprocess.height * preprocess.width)
    for start in range(0, len(images), step):
        values = 255 * preprocess.to_unit(images.array[start : start + step])
        steps = mean_step(values, preprocess.kept)
        values = values.reshape(len(values), -1, values.shape[3]) if preprocess.kept is None else values[:, preprocess.kept]
        pixels = values.reshape(len(values), -1)
        # Reductions over an axis of three numbers take much longer than over three arrays.
        largest, smallest = (reduce(choose, np.moveaxis(values, 2, 0)) for choose in (np.maximum, np.minimum))
        contrast = pixels.std(axis=1)
        sharpness = 100 * steps / np.maximum(contrast, 1)
        rows.append(np.stack([pixels.mean(axis=1), contrast, (largest - smallest).mean(axis=1), sharpness], axis=1))
    return np.concatenate(rows)


def mean_step(values: Array, kept: Array | None = None) -> Array:
    """Return N: the mean difference of neighbouring pixels of N,H,W,C values, where both are kept."""
    grey = values.mean(axis=3)
    kept = np.ones(grey.shape[1:], bool) if kept is None else kept
    both = (kept[:, 1:] & kept[:, :-1], kept[1:] & kept[:-1])
    total = sum(np.abs(np.diff(grey, axis=axis))[:, pairs].sum(axis=1) for axis, pairs in zip((2, 1), both, strict=True))
    return np.asarray(total / max(1, sum(int(pairs.sum()) for pairs in both)))


def median_anomaly(anomaly_maps: Array, kept: Array | None = None) -> Array:
    """Return N: the median of each of N,H,W anomaly maps, over the pixels that are kept."""
    return np.array([np.median(each if kept is None else each[kept]) for each in anomaly_maps], np.float64)
