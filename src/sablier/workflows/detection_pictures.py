"""What `detect` draws while it scores: anomaly maps, masks and regions of flagged images, in memory that does not grow."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sablier.calibration import is_flagged
from sablier.images.imageset import ImageSet
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.regions import RegionRule
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary
from sablier.workflows.picture_names import MAPS, MASKS
from sablier.workflows.tables import WaitingRows, streamed_tables, waiting_rows

AT_ONCE = 64
NOTHING = {"map": "", "mask": ""}
COLUMNS = ("id", "region")


class DetectionPictures:
    """Draws flagged images as they are scored, and the other images of the report at the end.

    Args:
        detector: computes the anomaly maps.
        folder: the output, where maps/, masks/ and the tables of regions go.
        cut: the largest p-value of an image that may be flagged.
        rule: which regions count.
        waiting: keeps the regions until verdicts are final.
    """

    def __init__(self, detector: Detector, folder: Path, cut: float, rule: RegionRule, waiting: WaitingRows) -> None:
        from sablier.report.anomaly_maps import FileNames  # plotting is slow to import

        self.detector, self.folder, self.cut, self.rule, self.waiting = detector, folder, cut, rule, waiting
        self._name_of, self._drawn = FileNames(), set[str]()

    def add(self, images: ImageSet, result: DetectionResult) -> list[dict[str, str]]:
        """Draw those of N images that may be flagged; return the columns of each that name its pictures.

        Args:
            images: a dense set.
            result: what the detector found in them.
        """
        columns = [NOTHING] * len(result)
        if self.detector.calibration.decides(self.cut):
            chosen = np.flatnonzero(result.p_values <= self.cut)
            for start in range(0, len(chosen), AT_ONCE):
                part = chosen[start : start + AT_ONCE]
                pictured = self.detector.detect(images.take(part), pictures=True)
                self._keep_regions(pictured)
                for index, drawn in zip(part.tolist(), self._draw(pictured), strict=True):
                    columns[index] = drawn
        return columns

    def close(self, summary: DetectionSummary) -> tuple[dict[str, dict[str, str]], dict[str, int]]:
        """Draw the images of the report that are not drawn yet, and write the regions.

        Returns by id such columns of those images, and the numbers of regions of flagged ones.
        """
        missing = np.flatnonzero([id not in self._drawn for id in summary.worst.ids.tolist()])
        late = summary.worst.take(missing)
        columns = dict(zip(late.ids.tolist(), self._draw(late), strict=True)) if len(missing) else {}
        own = [*COLUMNS, *self.rule.columns()]
        counts = Counter[str]()
        with streamed_tables(self.folder, "regions.csv", "regions.json", "regions", own) as tables:
            for row in self.waiting.take():
                if is_flagged(np.array([summary.verdict(row.pop("p_value"))]))[0]:
                    counts[row["id"]] += 1
                    tables.append([row])
            tables.close({
                "flagged_images": summary.flagged, "images_with_regions": len(counts),
                "min_area": self.rule.min_area, "mm_per_pixel": self.rule.mm_per_pixel,
            })  # fmt: skip
        return columns, counts

    def _keep_regions(self, pictured: DetectionResult) -> None:
        """Keep the regions of images until verdicts are final."""
        assert pictured.anomaly_maps is not None
        assert pictured.sizes is not None
        names, sizes = pictured.ids.tolist(), pictured.sizes.tolist()
        for id, p_value, anomaly_map, size in zip(names, pictured.p_values.tolist(), pictured.anomaly_maps, sizes, strict=True):
            regions = self.rule.regions(anomaly_map, tuple(size))
            rows = [{"id": id, "region": number, **self.rule.row(region)} for number, region in enumerate(regions, 1)]
            self.waiting.append([{**row, "p_value": p_value} for row in rows])

    def _draw(self, pictured: DetectionResult) -> list[dict[str, str]]:
        """Write the map and the mask of each image; return the columns that name them."""
        from sablier.report.anomaly_maps import write_maps
        from sablier.report.masks import write_masks

        names = [self._name_of(id) for id in pictured.ids.tolist()]
        self._drawn.update(pictured.ids.tolist())
        write_maps(pictured, self.folder / MAPS, names)
        write_masks(pictured, self.folder / MASKS, pictured.sizes, names, self.rule)
        return [{"map": f"{MAPS}/{name}.png", "mask": f"{MASKS}/{name}.png"} for name in names]


@contextmanager
def detection_pictures(detector: Detector, folder: Path, cut: float, rule: RegionRule) -> Iterator[DetectionPictures]:
    """Open what draws into an output folder."""
    with waiting_rows(folder) as waiting:
        yield DetectionPictures(detector, folder, cut, rule, waiting)
