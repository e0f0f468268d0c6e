"""Draws the images of shards, which are read again for that."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary
from sablier.workflows.detection_pictures import NOTHING, DetectionPictures, DrawnAtEnd


@dataclass
class PicturesAgain:
    """Draws images as `detect` does, of which the scores are known before.

    An image that cannot be read any more has no picture.

    Args:
        pictures: draws them.
        again: the images to draw, of one chunk after the other.
        kept: the ids of images that the summary shows.
        read: these images, each a set of one, by id.
    """

    pictures: DetectionPictures
    again: Iterator[ImageSet]
    kept: frozenset[str]
    read: dict[str, ImageSet] = field(default_factory=dict)

    def add(self, images: ImageSet, dense: ImageSet, result: DetectionResult) -> list[dict[str, Any]]:
        """Draw the images of the next chunk; return the columns of each that name its pictures.

        Raises:
            ImagesError: if the chunk has other images than those that were scored.
        """
        columns: list[dict[str, Any]] = [NOTHING] * len(result)
        found = next(self.again, None)
        if found is None or not len(found):
            return columns
        pixels = found.dense(self.pictures.detector.preprocess)
        place = {id: index for index, id in enumerate(result.ids.tolist())}
        if others := [id for id in pixels.ids.tolist() if id not in place]:
            raise ImagesError(
                f"{found.source}: expected the images that the shards scored, got {others[0]} in another place. Merge without "
                "pictures (--no-report), or score the shards of the present images."
            )
        indices = [place[id] for id in pixels.ids.tolist()]
        self.read |= {id: pixels.take([index]) for index, id in enumerate(pixels.ids.tolist()) if id in self.kept}
        drawn = self.pictures.add(found, pixels, result.take(np.array(indices)))
        for index, each in zip(indices, drawn, strict=True):
            columns[index] = each
        return columns

    def close(self, summary: DetectionSummary) -> DrawnAtEnd:
        """Draw the images next to the flagged ones, group the flagged ones, and write the regions."""
        return self.pictures.close(summary)
