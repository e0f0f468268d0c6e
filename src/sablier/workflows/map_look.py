"""Encodes, reconstructs and scores the images of a map in parts, and keeps small pictures of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.images.chunks import chunk_for
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.report.map_page import tile_side, tiles
from sablier.tasks.detection.detect import TASK as DETECT
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.named_backbone import checked_backbone
from sablier.tasks.latent.reconstruct import decode, encode, squared_errors
from sablier.training.progress import Progress
from sablier.typing import Array
from sablier.workflows.training.forecast import OnProgress

MOST_IMAGES = 20_000  # on one page, which is then about 20 megabytes; of more, an even sample
MOST_NEW = 5000  # placed on a finished map
STAGES = ("encoding", "encoding new images")


@dataclass(frozen=True, eq=False)
class Seen:
    """What is kept of N images.

    Args:
        images: the readable ones, with empty pixels.
        codes: N,D.
        pictures, again: N,S,S,C uint8: the images, and their reconstructions; None if the model does not decode.
        errors, scores: N reconstruction errors and anomaly scores; None if there are none.
        skipped: images that could not be read.
        mapped: how many are on the map; the others, after them, are new.
        left_out: how many images were left out because a page shows no more.
        side: pixels of the longer side of pictures.
    """

    images: ImageSet
    codes: Array
    pictures: Array
    again: Array | None
    errors: Array | None
    scores: Array | None
    skipped: tuple[Skipped, ...]
    mapped: int
    left_out: int
    side: int


def scoring_detector(file: ModelFile, backbone: str | PathLike[str] | None) -> Detector | None:
    """Return the detector that scores the images of a map, with its backbone; None if the model does not detect.

    Raises:
        BackboneError: if the backbone is missing, is another one, or is not needed.
    """
    if file.task == DETECT:
        return Detector.from_file(file, backbone, scores=True)
    checked_backbone(file, backbone, needed=True)
    return None


def look_at(
    rule: Preprocess, network: Model, detector: Detector | None, sources: Sequence[ImageSet], on_progress: OnProgress
) -> Seen:
    """Encode, reconstruct and score the images of a map, and those of a second source that are placed on it.

    Args:
        detector: scores the images; None scores nothing.

    Raises:
        ImagesError: if no image of a source can be read.
    """
    chosen = [_evenly(each, most) for each, most in zip(sources, (MOST_IMAGES, MOST_NEW), strict=False)]
    side = tile_side(sum(map(len, chosen)), rule.height, rule.width)
    left_out = sum(map(len, sources)) - sum(map(len, chosen))
    look = partial(_look, rule, network, detector)
    parts = [look(each, side, partial(on_progress, stage)) for each, stage in zip(chosen, STAGES, strict=False)]
    return replace(parts[0] if len(parts) == 1 else _joined(*parts), left_out=left_out)


def _evenly(images: ImageSet, most: int) -> ImageSet:
    """Return all images, or an even sample of `most` of them."""
    return images if len(images) <= most else images.take(np.linspace(0, len(images) - 1, most).astype(int))


def _look(
    rule: Preprocess, network: Model, detector: Detector | None, images: ImageSet, side: int,
    on_progress: Callable[[Progress], None],
) -> Seen:  # fmt: skip
    """Encode, reconstruct and score images in parts; only pictures of `side` pixels are kept."""
    decodes = "decode" in network.capabilities
    kept: dict[str, list[Array]] = {name: [] for name in ("codes", "pictures", "again", "errors", "scores")}
    tables: list[ImageSet] = []
    skipped = list(images.skipped)
    done = 0
    for part in images.chunks(chunk_for(rule)):
        dense = part.dense(rule)
        skipped += dense.skipped[len(part.skipped) :]
        unit = rule.to_unit(dense.array)
        kept["codes"].append(encode(network, rule, dense))
        kept["pictures"].append(tiles(unit, side))
        if decodes:
            again = decode(network, rule, kept["codes"][-1])
            kept["again"].append(tiles(again, side))
            kept["errors"].append(squared_errors(unit, again))
        if detector is not None and len(dense):
            kept["scores"].append(detector.detect(dense).scores)
        tables.append(_without_pixels(dense))
        done += len(part)
        on_progress(Progress(done, len(images)))
    if not sum(map(len, tables)):
        reasons = "; ".join(f"{item.id}: {item.reason}" for item in skipped[:3])
        raise ImagesError(f"expected readable images in {images.source}, got none. {reasons}")
    joined = {name: np.concatenate(parts) if parts else None for name, parts in kept.items()}
    codes, pictures = joined["codes"], joined["pictures"]
    assert codes is not None  # there is at least one part
    assert pictures is not None
    table = ImageSet.concatenate(tables)
    return Seen(
        table, codes, pictures, joined["again"], joined["errors"], joined["scores"], tuple(skipped),
        mapped=len(table), left_out=0, side=side,
    )  # fmt: skip


def _joined(seen: Seen, fresh: Seen) -> Seen:
    """Return both as one; images without labels beside labelled ones get the label "none"."""
    parts = [seen.images, fresh.images]
    if any(part.labels is not None for part in parts):
        parts = [replace(part, labels=np.full(len(part), "none")) if part.labels is None else part for part in parts]

    def both(name: str) -> Any:
        arrays = [getattr(seen, name), getattr(fresh, name)]
        return None if arrays[0] is None else np.concatenate(arrays)

    arrays = {name: both(name) for name in ("codes", "pictures", "again", "errors", "scores")}
    return replace(seen, images=ImageSet.concatenate(parts), skipped=(*seen.skipped, *fresh.skipped), **arrays)


def _without_pixels(images: ImageSet) -> ImageSet:
    return ImageSet(
        np.zeros((len(images), 1, 1, 1), np.uint8),
        ids=images.ids,
        labels=images.labels,
        attributes=images.attributes,
        source=images.source,
    )
