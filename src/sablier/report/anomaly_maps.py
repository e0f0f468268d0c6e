"""One picture a file: each image beside its anomaly map."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.files.names import Numbering
from sablier.report.pictures import SMALL, as_rgb, enlarged, jpeg, overlay, png, reduced
from sablier.tasks.detection.result import DetectionResult
from sablier.typing import Array

LEAST_HEIGHT = 256
QUALITY = 70  # of JPEG: the photo itself lies elsewhere
LONGEST_NAME = 120
IMAGE_ENDING = re.compile(r"\.(png|jpe?g|webp|bmp|tiff?|gif)$", re.IGNORECASE)
# Windows opens a device instead of a file of such a name.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def write_maps(result: DetectionResult, folder: Path) -> list[Path]:
    """Write the picture of each image by `side_by_side`, under its `file_names`; return the paths, in the order of the result.

    Args:
        result: a detection with pictures.
        folder: where they go.

    Raises:
        ConfigError: for a result without pictures.
        OutputError: where a file cannot be written.
    """
    if result.images is None or result.anomaly_maps is None:
        raise ConfigError("expected a detection with pictures, got one without. Detect with pictures=True.")
    paths = []
    for name, image, anomaly_map in zip(file_names(result.ids), result.images, result.anomaly_maps, strict=True):
        data, ending = side_by_side(image, anomaly_map)
        paths.append(Path(folder) / f"{name}{ending}")
        write_whole(paths[-1], data)
    return paths


def side_by_side(image: Array, anomaly_map: Array, most: int | None = None) -> tuple[bytes, str]:
    """Return an image beside its anomaly map as the bytes of a picture, and the ending of its file.

    Images of at most 64 pixels a side become PNG of at least 256 pixels in height, larger ones JPEG.

    Args:
        image: H,W,C pixels in [0, 1].
        anomaly_map: H,W.
        most: the most pixels a side of the image and of the map in a JPEG; None: those that they have.
    """
    small = max(image.shape[:2]) <= SMALL
    shown = as_rgb(image)
    if not small and most is not None:  # before anything else is made of a large photo
        shown = reduced(shown, most)
        image, size = shown / 255, (shown.shape[1], shown.shape[0])
        anomaly_map = np.asarray(Image.fromarray(anomaly_map.astype(np.float32)).resize(size, Image.Resampling.BOX))
    parts = [shown, overlay(image, anomaly_map)]
    if small:
        parts = [enlarged(part, LEAST_HEIGHT) for part in parts]
    height, width = parts[0].shape[:2]
    joined = np.concatenate([parts[0], np.full((height, max(4, width // 40), 3), 255, np.uint8), parts[1]], axis=1)
    return (png(joined), ".png") if small else (jpeg(joined, QUALITY), ".jpg")


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
