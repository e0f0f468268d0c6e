"""One mask a file: black and white, where the anomaly map of an image is higher than those of good ones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.report.anomaly_maps import file_names
from sablier.report.pictures import png
from sablier.tasks.detection.regions import RegionRule
from sablier.tasks.detection.result import DetectionResult
from sablier.typing import Array


def write_masks(
    result: DetectionResult,
    folder: Path,
    sizes: Array | None = None,
    names: Sequence[str] | None = None,
    rule: RegionRule = RegionRule(),  # noqa: B008  # it is frozen
) -> list[Path]:
    """Write one grey PNG per image, white where its anomaly map is 1 or more; return the paths, in the order of the result.

    Args:
        result: a detection with pictures.
        folder: where they go.
        sizes: N,2 heights and widths of the images as they came, which the masks then have; that of the anomaly maps if None.
        names: of the files, without ending; those that `write_maps` gives if None.
        rule: which regions are large enough.

    Raises:
        ConfigError: for a result without pictures.
        OutputError: where a file cannot be written.
    """
    if result.anomaly_maps is None:
        raise ConfigError("expected a detection with pictures, got one without. Detect with pictures=True.")
    paths = [Path(folder) / f"{name}.png" for name in names or file_names(result.ids)]
    for index, (path, anomaly_map) in enumerate(zip(paths, result.anomaly_maps, strict=True)):
        height, width = anomaly_map.shape if sizes is None else sizes[index].tolist()
        write_whole(path, png(np.where(rule.mask(anomaly_map, (height, width)), 255, 0).astype(np.uint8)))
    return paths
