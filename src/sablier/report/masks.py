"""One mask a file: black and white, where an image is hotter than good ones are."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.images.masks import at_original_size
from sablier.report.heatmaps import file_names
from sablier.report.pictures import png
from sablier.tasks.detection.detect import DetectionResult

HOT = 1.0  # the heat that some place of a good image reaches in 5 % of them


def write_masks(result: DetectionResult, folder: Path, sizes: NDArray[Any] | None = None) -> list[Path]:
    """Write one grey PNG per image, white where its heat is 1 or more; return the paths, in the order of the result.

    The files have the names that `write_heatmaps` gives.

    Args:
        result: a detection with pictures.
        folder: where they go.
        sizes: N,2 heights and widths of the images as they came, which the masks then have; that of the heatmaps if None.

    Raises:
        ConfigError: for a result without pictures.
        OutputError: where a file cannot be written.
    """
    if result.heatmaps is None:
        raise ConfigError("expected a detection with pictures, got one without. Detect with pictures=True.")
    paths = [Path(folder) / f"{name}.png" for name in file_names(result.ids)]
    for index, (path, heat) in enumerate(zip(paths, result.heatmaps, strict=True)):
        height, width = heat.shape if sizes is None else sizes[index].tolist()
        hot = at_original_size(heat, (height, width)) >= HOT
        write_whole(path, png(np.where(hot, 255, 0).astype(np.uint8)))
    return paths
