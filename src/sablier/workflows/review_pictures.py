"""The pictures of images that a person judges in a report: photos, anomaly maps, masks and outlines."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sablier.errors import ImagesError
from sablier.files import write_whole
from sablier.files.whole import WRITERS
from sablier.images.chunks import chunk_for
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.masks import ignored_at_original_size
from sablier.images.pixel_rule import PixelRule, placed
from sablier.report.anomaly_maps import FileNames, side_by_side
from sablier.report.outlines import outline
from sablier.report.photos import photo_file
from sablier.report.pictures import anomaly_layer, mask_png
from sablier.tasks.detection.evaluate import Masks
from sablier.tasks.detection.regions import Region, RegionRule
from sablier.tasks.detection.result import DetectionResult
from sablier.typing import Array
from sablier.workflows.picture_names import IGNORED, MAPS, MASKS, OVERLAYS, PHOTOS

MOST_AT_ONCE = 64
MOST_PIXELS = 24_000_000  # of the photos that are drawn at once: a few hundred megabytes with intermediate results
MOST_MAP_PIXELS = 320  # pixels a side of an image in maps/

Size = tuple[int, int]


@dataclass(frozen=True)
class Drawn:
    """What was written of an image.

    Args:
        map, mask: the paths of its pictures below the output; "" for one that was not written.
        regions: those of its anomaly map.
        shown: what the report shows besides, as `review_page` takes it; None for an image that it does not show.
    """

    map: str
    mask: str
    regions: list[Region]
    shown: dict[str, Any] | None


@dataclass(frozen=True)
class _Source:
    """What an image is drawn from: where it is in a set as it was read, and what the detector found."""

    images: ImageSet
    index: int
    seen: Array
    anomaly_map: Array
    size: Size
    truth: str
    mark_level: float


class ReviewPictures:
    """Writes the pictures of images into an output folder.

    Args:
        folder: the output; pictures go to folders below it.
        preprocess: that of the detector.
        rule: which regions count.
        mask_files: whether masks are written.
    """

    def __init__(self, folder: Path, preprocess: PixelRule, rule: RegionRule, mask_files: bool) -> None:
        self.folder, self.preprocess, self.rule, self.mask_files = folder, preprocess, rule, mask_files
        self.at_once = chunk_for(preprocess, least=1, most=MOST_AT_ONCE)
        self._name_of = FileNames()

    def draw(self, images: ImageSet, pictured: DetectionResult, masks: Masks | None = None, shown: bool = True) -> list[Drawn]:
        """Write the pictures of N images.

        Args:
            images: as they were read; they may hold others, too.
            pictured: what the detector found in the N images, with pictures.
            masks: the ground truth, if there is any.
            shown: whether the report shows them, with their photos.

        Raises:
            OutputError: where a file cannot be written.
        """
        assert pictured.images is not None
        assert pictured.anomaly_maps is not None
        assert pictured.sizes is not None
        place = {id: index for index, id in enumerate(images.ids.tolist())}
        indices = [place[id] for id in pictured.ids.tolist()]
        truths = [""] * len(indices) if masks is None else [_outline(mask) for mask in masks(images.take(indices))]
        sizes: list[Size] = [(height, width) for height, width in pictured.sizes.tolist()]
        found = zip(indices, pictured.images, pictured.anomaly_maps, sizes, truths, strict=True)
        sources = [_Source(images, *each, pictured.mark_level) for each in found]
        names = [self._name_of(id) for id in pictured.ids.tolist()]
        largest = max((height * width for height, width in sizes), default=1)
        with ThreadPoolExecutor(max(1, min(WRITERS, MOST_PIXELS // largest))) as pool:
            return list(pool.map(self._draw, names, sources, [shown] * len(names)))

    def write_ignored(self, sizes: Iterable[Size]) -> None:
        """Write the mask of ignored pixels, if there are any.

        It has the size of the images if they have one size, else that of the images that the model takes.
        """
        kept, distinct = self.preprocess.kept, set(sizes)
        if kept is None:
            return
        ignored = ignored_at_original_size(kept, distinct.pop()) if len(distinct) == 1 else ~kept
        write_whole(self.folder / IGNORED, mask_png(ignored))

    def _draw(self, name: str, source: _Source, shown: bool) -> Drawn:
        found, regions = self.rule.found(source.anomaly_map, source.size, source.mark_level)
        pair, ending = side_by_side(source.seen, source.anomaly_map, MOST_MAP_PIXELS)
        mask = self._write(MASKS, f"{name}.png", mask_png(found)) if self.mask_files else ""
        return Drawn(
            self._write(MAPS, f"{name}{ending}", pair), mask, regions,
            self._shown(name, source, found, len(regions)) if shown else None,
        )  # fmt: skip

    def _shown(self, name: str, source: _Source, found: Array, regions: int) -> dict[str, Any]:
        inner, (top, left) = placed(source.size, source.anomaly_map.shape)
        layer = anomaly_layer(source.anomaly_map[top : top + inner[0], left : left + inner[1]])
        return {
            "photo": self._photo(name, source),
            "overlay": self._write(OVERLAYS, f"{name}.png", layer),
            "height": source.size[0],
            "width": source.size[1],
            "regions": regions,
            "outline": outline(found),
            "truth": source.truth,
        }

    def _photo(self, name: str, source: _Source) -> str:
        """Write the photo; return its path, "" if it cannot be read any more."""
        try:
            data, ending = photo_file(source.images, source.index, self.preprocess)
        except (ImagesError, OSError):
            return ""
        return self._write(PHOTOS, f"{name}{ending}", data)

    def _write(self, kind: str, name: str, data: bytes) -> str:
        write_whole(self.folder / kind / name, data)
        return f"{kind}/{name}"


def _outline(mask: Array | Skipped) -> str:
    return "" if isinstance(mask, Skipped) else outline(mask)
