"""One picture a file: each image beside its anomaly map."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.files.names import Numbering
from sablier.report.pictures import as_rgb, enlarged, overlay, png
from sablier.tasks.detection.result import DetectionResult

LEAST_HEIGHT = 256
LONGEST_NAME = 120
IMAGE_ENDING = re.compile(r"\.(png|jpe?g|webp|bmp|tiff?|gif)$", re.IGNORECASE)
# Windows opens a device instead of a file of such a name.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def write_maps(result: DetectionResult, folder: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Write one PNG per image, image | anomaly map, at least 256 pixels high; return the paths, in the order of the result.

    Args:
        result: a detection with pictures.
        folder: where they go.
        names: of the files, without ending; those of `file_names` if None.

    Raises:
        ConfigError: for a result without pictures.
        OutputError: where a file cannot be written.
    """
    if result.images is None or result.anomaly_maps is None:
        raise ConfigError("expected a detection with pictures, got one without. Detect with pictures=True.")
    paths = [Path(folder) / f"{name}.png" for name in names or file_names(result.ids)]
    for path, image, anomaly_map in zip(paths, result.images, result.anomaly_maps, strict=True):
        left, right = (enlarged(part, LEAST_HEIGHT) for part in (as_rgb(image), overlay(image, anomaly_map)))
        gap = np.full((left.shape[0], max(4, left.shape[1] // 40), 3), 255, np.uint8)
        write_whole(path, png(np.concatenate([left, gap, right], axis=1)))
    return paths


def file_names(ids: Iterable[str]) -> list[str]:
    """Return a file name for each id, without ending: letters, digits, ".", "_" and "-" only; all of them different.

    >>> file_names(["bad/a 1.png", "bad/a 1.jpg", "../x", "con"])
    ['bad_a_1', 'bad_a_1-2', 'x', '_con']
    """
    return list(map(FileNames(), ids))


class FileNames:
    """Gives ids that come one after another the names of `file_names`."""

    def __init__(self) -> None:
        self._number_of = Numbering()

    def __call__(self, id: str) -> str:
        """Return the name of the next id."""
        stem = re.sub(r"[^\w.-]+", "_", IMAGE_ENDING.sub("", str(id)), flags=re.ASCII).strip("._-")[:LONGEST_NAME] or "image"
        name = f"_{stem}" if RESERVED.match(stem) else stem
        number = self._number_of(name)
        return name if number == 1 else f"{name}-{number}"
