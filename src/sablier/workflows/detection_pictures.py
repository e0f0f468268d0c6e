"""What `detect` draws while it scores: pictures of flagged images and of those next to them, in memory that does not grow."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sablier.calibration import is_flagged
from sablier.images.imageset import ImageSet
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.regions import RegionRule
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary
from sablier.tasks.streaming import Kept, kept
from sablier.workflows.picture_names import MOST_JUDGED
from sablier.workflows.tables import WaitingRows, streamed_tables, waiting_rows

if TYPE_CHECKING:
    from sablier.workflows.alike_defects import DefectGroup

MOST_NEAREST = 24  # images that are not flagged, nearest to the threshold
MOST_RANKED = 200  # where there are no verdicts
NOTHING = {"map": "", "mask": ""}
COLUMNS = ("id", "region")


@dataclass(frozen=True)
class DrawnAtEnd:
    """What is known of a stream when it ends.

    Args:
        columns: by id, those of images that were drawn at the end.
        group_of: by id, the number of the group of a flagged image; None where none are grouped.
        groups: of flagged images whose defects look alike.
    """

    columns: dict[str, dict[str, Any]]
    group_of: dict[str, int] | None
    groups: "list[DefectGroup]"


@dataclass
class Nearest:
    """The images nearest to the threshold that are not flagged.

    Args:
        cut: the largest p-value of an image that may be flagged; 0 where there are no verdicts.
        most: how many are kept.
        kept: those so far.
    """

    cut: float
    most: int
    kept: Kept | None = None

    @classmethod
    def of(cls, detector: Judge, cut: float) -> "Nearest":
        """Return no image so far, of those that a detector flags up to a p-value."""
        return cls(cut, MOST_NEAREST) if detector.calibration.decides(cut) else cls(0.0, MOST_RANKED)

    def add(self, images: ImageSet, result: DetectionResult) -> None:
        """Add what was found in N images; `images` may hold others, too."""
        beyond = np.flatnonzero(result.p_values > self.cut)
        place = {id: index for index, id in enumerate(images.ids.tolist())}
        near = images.take([place[id] for id in result.ids[beyond].tolist()])
        priorities = np.stack([-result.p_values, result.scores], axis=1)[beyond]
        self.kept = kept(self.kept, near, priorities, self.most)


class DetectionPictures:
    """Draws flagged images as they are scored, and those next to them at the end.

    Args:
        detector: computes the anomaly maps.
        folder: the output, where pictures and the tables of regions go.
        alpha: the false-alarm rate of marks.
        cut: the largest p-value of an image that may be flagged.
        rule: which regions count.
        waiting: keeps the regions until verdicts are final.
    """

    def __init__(self, detector: Judge, folder: Path, alpha: float, cut: float, rule: RegionRule, waiting: WaitingRows) -> None:
        from sablier.workflows.alike_defects import AlikeDefects  # plotting is slow to import
        from sablier.workflows.review_pictures import ReviewPictures

        self.detector, self.folder, self.rule, self.waiting = detector, folder, rule, waiting
        self.alpha = alpha
        self.nearest = Nearest.of(detector, cut)
        self.pictures = ReviewPictures(folder, detector.preprocess, rule, mask_files=True)
        self.alike = AlikeDefects(detector, folder)
        self._drawn = 0
        self._sizes = set[tuple[int, int]]()

    def add(self, images: ImageSet, dense: ImageSet, result: DetectionResult) -> list[dict[str, Any]]:
        """Draw those of N images that may be flagged; return the columns of each that name its pictures.

        Args:
            images: as they were read; they may hold others, too.
            dense: the N images as the detector takes them.
            result: what it found in them.
        """
        columns: list[dict[str, Any]] = [NOTHING] * len(result)
        chosen = np.flatnonzero(result.p_values <= self.nearest.cut)
        for start in range(0, len(chosen), self.pictures.at_once):
            part = chosen[start : start + self.pictures.at_once]
            # The report shows the first flagged images of a long stream, and all that are nearest to the threshold.
            chosen_part = dense.take(part)
            pictured = self.detector.detect(chosen_part, self.alpha, pictures=True)
            self.alike.add(chosen_part, pictured)
            drawn = self._draw(images, pictured, self._drawn < MOST_JUDGED - self.nearest.most)
            self._drawn += len(drawn)
            for index, each in zip(part.tolist(), drawn, strict=True):
                columns[index] = each
        self.nearest.add(images, result)
        if len(self._sizes) < 2:
            self._sizes |= {(height, width) for height, width in dense.sizes.tolist()}
        return columns

    def close(self, summary: DetectionSummary) -> DrawnAtEnd:
        """Draw the images next to the flagged ones, group the flagged ones, and write the regions."""
        columns: dict[str, dict[str, Any]] = {}
        near = self.nearest.kept
        for part in [] if near is None else near.images.chunks(self.pictures.at_once):
            dense = part.dense(self.detector.preprocess)
            pictured = self.detector.detect(dense, self.alpha, pictures=True)
            columns |= dict(zip(dense.ids.tolist(), self._draw(part, pictured, shown=True), strict=True))
        self.pictures.write_ignored(self._sizes)
        counts = Counter[str]()
        own = [*COLUMNS, *self.rule.columns()]
        with streamed_tables(self.folder, "regions.csv", "regions.json", "regions", own) as tables:
            for row in self.waiting.take():
                if is_flagged(np.array([summary.verdict(row.pop("p_value"))]))[0]:
                    counts[row["id"]] += 1
                    tables.append([row])
            tables.close({
                "flagged_images": summary.flagged, "images_with_regions": len(counts),
                "min_area": self.rule.min_area, "mm_per_pixel": self.rule.mm_per_pixel,
                "mark_level": summary.mark_level, "mark_promise": summary.mark_promise,
            })  # fmt: skip
        return DrawnAtEnd(columns, *self.alike.close(summary))

    def _draw(self, images: ImageSet, pictured: DetectionResult, shown: bool) -> list[dict[str, Any]]:
        """Write the pictures of what the detector found, and keep the regions; return the columns of each image."""
        drawn = self.pictures.draw(images, pictured, shown=shown)
        for id, p_value, each in zip(pictured.ids.tolist(), pictured.p_values.tolist(), drawn, strict=True):
            rows = [{"id": id, "region": number, **self.rule.row(region)} for number, region in enumerate(each.regions, 1)]
            self.waiting.append([{**row, "p_value": p_value} for row in rows])
        return [{"map": each.map, "mask": each.mask, "shown": each.shown} for each in drawn]


@contextmanager
def detection_pictures(detector: Judge, folder: Path, alpha: float, cut: float, rule: RegionRule) -> Iterator[DetectionPictures]:
    """Open what draws into an output folder."""
    with waiting_rows(folder) as waiting:
        yield DetectionPictures(detector, folder, alpha, cut, rule, waiting)
