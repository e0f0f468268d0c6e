"""What the strongest region of an image looks like: its box, and features in which defects that look alike are near."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import label
from torch.nn import functional as F

from sablier.typing import Array

WITHIN = 0.5  # of the highest value of the map: what belongs to the strongest region
SIDE = 12  # pixels a side of a region as features, where no member has any


@dataclass(frozen=True)
class Strongest:
    """The strongest region of an anomaly map: the places around the highest one that are at least half as high.

    Args:
        peak: the row and column of the highest place.
        rows, columns: of its box.
        inside: H,W booleans.
    """

    peak: tuple[int, int]
    rows: slice
    columns: slice
    inside: Array

    @property
    def extent(self) -> int:
        """The longer side of its box."""
        return int(max(self.rows.stop - self.rows.start, self.columns.stop - self.columns.start))

    @classmethod
    def of(cls, anomaly_map: Array) -> "Strongest":
        """Return the strongest region of an H,W map.

        >>> anomaly_map = np.zeros((6, 8))
        >>> anomaly_map[1:3, 4:7], anomaly_map[5, 0] = 2, 1.5
        >>> found = Strongest.of(anomaly_map)
        >>> found.peak, found.rows, found.columns
        ((1, 4), slice(1, 3, None), slice(4, 7, None))
        """
        row, column = divmod(int(anomaly_map.argmax()), anomaly_map.shape[1])
        peak = row, column
        numbers, _ = label(anomaly_map >= WITHIN * anomaly_map[peak], np.ones((3, 3)))
        inside = numbers == numbers[peak]
        rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
        return cls(peak, slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1), inside)


def appearances(features: Array | None, images: Array, regions: list[Strongest]) -> Array:
    """Return N,D features of the strongest region of each of N images.

    Args:
        features: N,D,h,w features of places, which are averaged over the region; None takes the pixels of the region on a grid of
            12 x 12, less their mean.
        images: N,H,W,C in [0, 1].
        regions: N.
    """
    if features is None:
        x = torch.from_numpy(images).permute(0, 3, 1, 2)
        boxes = [F.interpolate(image[None, :, region.rows, region.columns], (SIDE, SIDE), mode="bilinear")[0]
                 for image, region in zip(x, regions, strict=True)]  # fmt: skip
        rows = np.stack([box.flatten().numpy() for box in boxes])
        return np.asarray(rows - rows.mean(axis=1, keepdims=True))
    inside = torch.from_numpy(np.stack([region.inside for region in regions]).astype(np.float32))[:, None]
    weights = F.adaptive_avg_pool2d(inside, features.shape[2:]).numpy()
    return np.asarray((features * weights).sum(axis=(2, 3)) / weights.sum(axis=(2, 3)), np.float64)
