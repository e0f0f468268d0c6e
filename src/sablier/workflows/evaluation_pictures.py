"""What `evaluate` draws: the pictures of the images that its report shows, good and bad, with the ground truth."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from sablier.images.imageset import ImageSet
from sablier.tasks.detection.evaluate import EvaluationResult, Masks
from sablier.tasks.detection.hardest import BAD, hardest_first
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.regions import RegionRule
from sablier.tasks.detection.result import DetectionResult
from sablier.typing import Array
from sablier.workflows.picture_names import MOST_JUDGED
from sablier.workflows.review_pictures import ReviewPictures

NAMES = ("good", "bad")


class EvaluationPictures:
    """Draws evaluated images as they are scored; where they are too many for the report, the hardest at the end.

    Args:
        detector: scored them.
        folder: where their pictures go.
        images: the good and the bad ones, as they were read.
        masks: the ground truth of the bad ones, if there is any.
    """

    def __init__(self, detector: Judge, folder: Path, images: tuple[ImageSet, ImageSet], masks: Masks | None) -> None:
        self.detector, self.images, self.masks = detector, images, masks
        self.pictures = ReviewPictures(folder, detector.preprocess, RegionRule(), mask_files=False)
        self._shown: tuple[dict[str, dict[str, Any]], ...] = ({}, {})

    @property
    def all_fit(self) -> bool:
        """Whether the report can show all images."""
        return sum(map(len, self.images)) <= MOST_JUDGED

    def add(self, bad: bool, images: ImageSet, found: DetectionResult) -> None:
        """Draw good or bad images; `images` are those as they were read, and may hold others."""
        masks = self.masks if bad else None
        for start in range(0, len(found), self.pictures.at_once):
            part = found.take(np.arange(start, min(start + self.pictures.at_once, len(found))))
            for id, drawn in zip(part.ids.tolist(), self.pictures.draw(images, part, masks), strict=True):
                self._shown[bad][id] = {"map": drawn.map, **(drawn.shown or {})}

    def close(self, result: EvaluationResult, place: str) -> list[dict[str, Any]]:
        """Draw what is missing, and return a row for each image of the report, the hardest first.

        Args:
            result: what was measured.
            place: the name of the folder in which the page will find the pictures.
        """
        sides, ids = (result.good, result.bad), (result.good.ids.tolist(), result.bad.ids.tolist())
        order = hardest_first(*sides)[:MOST_JUDGED]
        for kind, images in enumerate(self.images):
            wanted = {ids[kind][place] for place in _places(order, kind)} - self._shown[kind].keys()
            missing = images.take([index for index, id in enumerate(images.ids.tolist()) if id in wanted])
            for part in missing.chunks(self.pictures.at_once):
                self.add(kind == BAD, part, self.detector.detect(part, result.good.alpha, pictures=True))
        self.pictures.write_ignored((height, width) for side in sides for height, width in _sizes(side))
        tables = [side.to_table() for side in sides]
        both = set(ids[0]) & set(ids[1])
        return [
            {**row, **_at(place, self._shown[kind][row["id"]]), "bad": kind == BAD, "id": _named(row["id"], kind, both)}
            for kind, row in ((kind, tables[kind][place]) for kind, place in order.tolist())
            if row["id"] in self._shown[kind]
        ]


def _places(order: Array, kind: int) -> list[int]:
    places: list[int] = order[order[:, 0] == kind, 1].tolist()
    return places


def _sizes(found: DetectionResult) -> list[list[int]]:
    return [] if found.sizes is None else found.sizes.tolist()


def _at(place: str, shown: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of an image, its files as addresses from the page."""
    folder = quote(os.fsencode(place))
    return shown | {name: f"{folder}/{shown[name]}" for name in ("map", "overlay", "photo") if shown[name]}


def _named(id: str, kind: int, both: set[str]) -> str:
    """Return the id of an image; with its kind if there is one of the same id among the others."""
    return f"{NAMES[kind]}/{id}" if id in both else id
