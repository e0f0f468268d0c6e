"""One mask a file: black and white, where the anomaly map of an image is higher than those of good ones."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.images.masks import at_original_size
from sablier.report.anomaly_maps import file_names
from sablier.report.pictures import png
from sablier.tasks.detection.detect import DetectionResult

HIGH = 1.0  # what some place of a good image reaches in 5 % of them


def write_masks(result: DetectionResult, folder: Path, sizes: NDArray[Any] | None = None) -> list[Path]:
    """Write one grey PNG per image, white where its anomaly map is 1 or more; return the paths, in the order of the result.

    The files have the names that `write_maps` gives.

    Args:
        result: a detection with pictures.
        folder: where they go.
        sizes: N,2 heights and widths of the images as they came, which the masks then have; that of the anomaly maps if None.

    Raises:
        ConfigError: for a result without pictures.
        OutputError: where a file cannot be written.
    """
    if result.anomaly_maps is None:
        raise ConfigError("expected a detection with pictures, got one without. Detect with pictures=True.")
    paths = [Path(folder) / f"{name}.png" for name in file_names(result.ids)]
    for index, (path, anomaly_map) in enumerate(zip(paths, result.anomaly_maps, strict=True)):
        height, width = anomaly_map.shape if sizes is None else sizes[index].tolist()
        high = at_original_size(anomaly_map, (height, width)) >= HIGH
        write_whole(path, png(np.where(high, 255, 0).astype(np.uint8)))
    return paths
