"""Flagged images whose defects look alike: their groups, and a montage of each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sablier.calibration import is_flagged
from sablier.files import write_whole
from sablier.images.imageset import ImageSet
from sablier.report.montage import montage, square_crop
from sablier.tasks.detection.defect_appearance import Strongest, appearances
from sablier.tasks.detection.defect_groups import grouped
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary
from sablier.typing import Array
from sablier.workflows.picture_names import DEFECT_GROUPS, MOST_JUDGED


@dataclass(frozen=True)
class DefectGroup:
    """Flagged images whose defects look alike.

    Args:
        number: from 1, the largest group first.
        count: how many images it has.
        picture: the path of its montage below the output.
    """

    number: int
    count: int
    picture: str


class AlikeDefects:
    """Collects what the strongest region of each image looks like, and groups those of flagged ones at the end.

    Args:
        detector: describes the regions.
        folder: the output, where montages go.
    """

    def __init__(self, detector: Judge, folder: Path) -> None:
        self.detector, self.folder = detector, folder
        self.ids: list[str] = []
        self._p_values: list[float] = []
        self._features: list[Array] = []
        self._crops: list[Array] = []

    def add(self, dense: ImageSet, pictured: DetectionResult) -> None:
        """Collect images that may be flagged, and what was found in them, with pictures; only the first 5,000 are grouped."""
        assert pictured.images is not None
        assert pictured.anomaly_maps is not None
        if len(self.ids) >= MOST_JUDGED or not len(pictured):
            return
        regions = [Strongest.of(anomaly_map) for anomaly_map in pictured.anomaly_maps]
        self._features += list(appearances(self.detector.appearance(dense), pictured.images, regions).astype(np.float32))
        self._crops += [
            square_crop(image, region.peak, region.extent) for image, region in zip(pictured.images, regions, strict=True)
        ]
        self.ids += pictured.ids.tolist()
        self._p_values += pictured.p_values.tolist()

    def close(self, summary: DetectionSummary) -> tuple[dict[str, int], list[DefectGroup]]:
        """Group the images that are flagged in the end; return the group of each by id, and the groups if there are several."""
        verdicts = np.array([summary.verdict(p_value) for p_value in self._p_values], str)
        flagged = np.flatnonzero(is_flagged(verdicts))
        numbers = grouped(np.stack([self._features[index] for index in flagged])) if len(flagged) else np.empty(0, int)
        if not len(numbers) or numbers.max() == 1:
            return {}, []
        groups = []
        for number in range(1, int(numbers.max()) + 1):
            members = flagged[numbers == number]
            picture = f"{DEFECT_GROUPS}/group-{number}.png"
            write_whole(self.folder / picture, montage([self._crops[index] for index in members.tolist()]))
            groups.append(DefectGroup(number, len(members), picture))
        return {self.ids[index]: number for index, number in zip(flagged.tolist(), numbers.tolist(), strict=True)}, groups
