"""Regions: the connected places of an anomaly map above the mark level, in pixels of the original image."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.ndimage import find_objects, label

from sablier.errors import ConfigError
from sablier.images.masks import at_original_size
from sablier.typing import Array

DIAGONALS = np.ones((3, 3))
COLUMNS = ("left", "top", "width", "height", "area", "peak")


@dataclass(frozen=True)
class Region:
    """A connected region of an anomaly map, in pixels of the original image.

    Args:
        left, top: the first column and row of its box, from 0.
        width, height: of its box.
        area: how many pixels it has.
        peak: the largest map value; 1 is the mark level at 5 %.
    """

    left: int
    top: int
    width: int
    height: int
    area: int
    peak: float


@dataclass(frozen=True)
class RegionRule:
    """Which regions count.

    Args:
        min_area: the smallest area, in pixels of the original image; in square millimetres where `mm_per_pixel` is given.
        mm_per_pixel: the side of a pixel in millimetres, or None.

    Raises:
        ConfigError: for an area below 0, or a side that is not above 0.
    """

    min_area: float = 0.0
    mm_per_pixel: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.min_area < float("inf"):
            raise ConfigError(f"expected a smallest area of 0 or more, got {self.min_area:g}.")
        if self.mm_per_pixel is not None and not 0 < self.mm_per_pixel < float("inf"):
            raise ConfigError(f"expected more than 0 millimetres a pixel, such as 0.05, got {self.mm_per_pixel:g}.")

    @property
    def fewest_pixels(self) -> float:
        """The smallest area in pixels."""
        return self.min_area if self.mm_per_pixel is None else self.min_area / self.mm_per_pixel**2

    def columns(self) -> list[str]:
        """Return the columns of a table of regions."""
        return [*COLUMNS, *([] if self.mm_per_pixel is None else ("width_mm", "height_mm", "area_mm2"))]

    def row(self, region: Region) -> dict[str, Any]:
        """Return a region as a row of such a table."""
        row: dict[str, Any] = asdict(region)
        if self.mm_per_pixel is not None:
            side = self.mm_per_pixel
            measures = (region.width * side, region.height * side, region.area * side**2)
            row |= dict(zip(("width_mm", "height_mm", "area_mm2"), measures, strict=True))
        return row

    def found(self, anomaly_map: Array, size: tuple[int, int], mark_level: float) -> tuple[Array, list[Region]]:
        """Return the marks of an image, without regions that are too small.

        Args:
            anomaly_map: as a detector returns it.
            size: height and width of the original image.
            mark_level: the map value above which a pixel is marked, as `DetectionResult` has it.

        Returns:
            H,W booleans at the original size, and the regions in them, highest peak first.

        >>> anomaly_map = np.zeros((4, 6))
        >>> anomaly_map[1:3, 2:5] = 1.5
        >>> RegionRule().found(anomaly_map, (4, 6), 1.0)[1]
        [Region(left=2, top=1, width=3, height=2, area=6, peak=1.5)]
        """
        full = at_original_size(anomaly_map, size)
        numbers, count = self._labelled(full > mark_level)
        return numbers > 0, sorted(_measured(full, numbers, count), key=lambda region: -region.peak)

    def _labelled(self, marks: Array) -> tuple[Array, int]:
        """Return the number of the region of each pixel, 0 outside all that are large enough, and the largest number."""
        numbers, count = label(marks, DIAGONALS)
        if self.fewest_pixels > 1:
            small = np.bincount(numbers.ravel(), minlength=count + 1) < self.fewest_pixels
            numbers = np.where(small[numbers], 0, numbers)
        return numbers, count


def _measured(anomaly_map: Array, numbers: Array, count: int) -> Iterator[Region]:
    for number, box in enumerate(find_objects(numbers, count), 1):
        if box is None:  # too small
            continue
        rows, columns = box
        inside = numbers[box] == number
        yield Region(
            left=columns.start,
            top=rows.start,
            width=columns.stop - columns.start,
            height=rows.stop - rows.start,
            area=int(inside.sum()),
            peak=float(anomaly_map[box][inside].max()),
        )
