"""The photos of images that a report on scores shows: those flagged, and those nearest to the threshold."""

from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.files import write_whole
from sablier.images.formats.folders import is_image_name
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule
from sablier.images.sources import read_images
from sablier.report.anomaly_maps import FileNames
from sablier.report.photos import photo_file
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary
from sablier.workflows.detection_pictures import MOST_NEAREST, MOST_RANKED, DrawnAtEnd
from sablier.workflows.picture_names import MOST_JUDGED, PHOTOS
from sablier.workflows.score_tables import FILE

NO_PICTURE = {"map": "", "photo": "", "overlay": "", "width": 1, "height": 1, "outline": "", "truth": "", "mask": ""}
NO_REASON = {"frame": "", "member": "", "regions": None}
COLOUR = PixelRule(height=1, width=1, channels=3)


class ScorePictures:
    """Writes the photos of images whose scores are judged, where a column of the table names their files.

    Args:
        folder: the output; photos go to a folder below it.
        near: the folder from which relative names of files are read.
    """

    def __init__(self, folder: Path, near: Path) -> None:
        self.folder, self.near = folder, near
        self._name_of = FileNames()
        self._rows: list[tuple[str, float, float, str]] = []

    def add(self, images: ImageSet, dense: ImageSet, result: DetectionResult) -> list[dict[str, Any]]:
        """Remember N images; return no column of any."""
        files = dense.attributes.get(FILE, np.full(len(dense), "")).tolist()
        self._rows += zip(result.ids.tolist(), result.p_values.tolist(), result.scores.tolist(), files, strict=True)
        return [{}] * len(dense)

    def close(self, summary: DetectionSummary) -> DrawnAtEnd:
        """Write the photos of the flagged images and of those next to them."""
        cut = 0.0 if summary.undetermined else summary.alpha
        ranked = sorted(self._rows, key=lambda row: (row[1], -row[2]))
        flagged = [row for row in ranked if row[1] <= cut]
        most_near = MOST_NEAREST if flagged or cut else MOST_RANKED
        shown = flagged[: MOST_JUDGED - most_near] + ranked[len(flagged) :][:most_near]
        return DrawnAtEnd({row[0]: {"shown": self._shown(row[0], row[3])} for row in shown}, None, [])

    def _shown(self, id: str, file: str) -> dict[str, Any]:
        """Return what the report shows of an image, with its photo if there is one."""
        drawn = {} if not is_image_name(file.lower()) else self._photo(id, self.near / file)
        return NO_PICTURE | NO_REASON | drawn

    def _photo(self, id: str, path: Path) -> dict[str, Any]:
        try:
            images = read_images(path)
            data, ending = photo_file(images, 0, COLOUR)
        except (ImagesError, OSError, IndexError):
            return {}
        height, width = images.sizes[0].tolist()
        name = f"{PHOTOS}/{self._name_of(id)}{ending}"
        write_whole(self.folder / name, data)
        return {"map": name, "photo": name, "width": width, "height": height}
