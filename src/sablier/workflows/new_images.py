"""The images of an update: new good ones and confirmed false alarms, without those that the model has learnt from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ConfigError, ImagesError
from sablier.images.fingerprints import Fingerprints, fingerprints
from sablier.images.grouping import counted
from sablier.images.imageset import ImageSet
from sablier.images.names import distinct_names
from sablier.tasks.detection.detect import Detector
from sablier.tasks.known_images import TRAINED, KnownImages
from sablier.workflows.feedback import judged
from sablier.workflows.fresh_images import skipped_words


@dataclass(frozen=True)
class FalseAlarms:
    """What names confirmed false alarms.

    Args:
        tables: CSV files with verdicts on the batch that they are from.
        sources: sources that hold nothing else.

    >>> found = FalseAlarms.of(["verdicts.csv", "fine/"])
    >>> [path.name for path in found.tables], found.sources
    (['verdicts.csv'], ('fine/',))
    """

    tables: tuple[Path, ...]
    sources: tuple[Any, ...]

    @classmethod
    def of(cls, given: Any) -> "FalseAlarms":
        """Return what one or several names stand for: a path that ends in .csv is a table, anything else a source."""
        each = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
        is_table = [isinstance(one, str | PathLike) and Path(one).suffix.lower() == ".csv" for one in each]
        tables = tuple(Path(one) for one, table in zip(each, is_table, strict=True) if table)
        return cls(tables, tuple(one for one, table in zip(each, is_table, strict=True) if not table))

    def check(self, source: Any) -> None:
        """Check that there are images to add.

        Raises:
            ConfigError: without a source, if there are no false alarms or a table names them.
        """
        if source is None and self.tables:
            raise ConfigError(f"expected the batch that {self.tables[0]} judges, got no source of images. Name its folder, too.")
        if source is None and not self.sources:
            raise ConfigError("expected a source of new good images, or false alarms, got neither. Name a folder.")

    def __bool__(self) -> bool:
        return bool(self.tables or self.sources)


@dataclass(frozen=True)
class NewImages:
    """Good images that a model has not learnt from.

    Args:
        images: dense.
        prints: their fingerprints.
        raw: the sets that they were read from.
        false_alarms: how many of them are confirmed false alarms.
        rejected: how many others were left out, since a person judged them bad.
        known: how many others were left out, since they trained the model already.
    """

    images: ImageSet
    prints: Fingerprints
    raw: tuple[ImageSet, ...]
    false_alarms: int = 0
    rejected: int = 0
    known: int = 0

    @classmethod
    def read(
        cls,
        detector: Detector,
        known: KnownImages,
        source: Any,
        false_alarms: FalseAlarms,
        read: Callable[[Any], ImageSet],
        rates: tuple[float, float | None],
    ) -> "NewImages":
        """Return the new images of a source, or None, and of false alarms.

        Args:
            detector: it flagged the images that a table judges.
            read: returns the images of a source.
            rates: the false-alarm rate or the false-discovery rate at which they were flagged.

        Raises:
            ConfigError, ImagesError: if there are none, and as `judged`.
        """
        false_alarms.check(source)
        raw = [read(each) for each in false_alarms.sources]
        dense = [each.dense(detector.preprocess) for each in raw]
        confirmed, rejected = [np.ones(len(each), bool) for each in dense], 0
        if source is not None:
            raw.append(read(source))
            batch = raw[-1].dense(detector.preprocess)
            good, bad = np.zeros((2, len(batch)), bool)
            if false_alarms.tables:
                good, bad, _ = judged(detector, batch, false_alarms.tables, *rates)
            dense.append(batch.take(~bad))
            confirmed.append(good[~bad])
            rejected = int(bad.sum())
        images, is_alarm = ImageSet.concatenate(dense), np.concatenate(confirmed)
        if not len(images):
            others = f"{rejected:,} judged bad" if rejected else f"{len(images.skipped):,} that cannot be read"
            raise ImagesError(f"expected at least one good image in {_sources(raw)}, got none, and {others}. Take other images.")
        prints = fingerprints(images, detector.preprocess)
        learnt = known.equal(prints) == TRAINED
        if learnt.all():
            raise ImagesError(
                f"expected images that the model has not learnt from, got {counted(len(images), len(images))} from "
                f"{_sources(raw)} that trained it already. Nothing was written. Take other images."
            )
        again = ~is_alarm & np.isin(prints.hashes, prints.hashes[is_alarm])  # a copy of a false alarm, in the rest of its batch
        kept = ~learnt & ~again
        images = replace(images.take(kept), ids=distinct_names(images.ids[kept]))
        return cls(images, prints.take(kept), tuple(raw), int(is_alarm[kept].sum()), rejected, int(learnt.sum()))

    @property
    def source(self) -> str:
        """Where they come from, in words."""
        return _sources(self.raw)

    def words(self, training: int) -> str:
        """Return what was added, for the provenance; `training` of the images are."""
        if self.false_alarms == training:
            found = f"{training:,} confirmed false alarm{'' if training == 1 else 's'} from {self.source}"
        else:
            found = f"{counted(training, training)} from {self.source}"
            found += f", {self.false_alarms:,} of them confirmed false alarms" if self.false_alarms else ""
        if self.rejected:
            found += f"; {self.rejected:,} judged bad left out"
        if self.known:
            found += f"; {self.known:,} that trained the model already left out"
        return found + skipped_words(self.images)


def _sources(raw: Sequence[ImageSet]) -> str:
    return " and ".join(dict.fromkeys(images.source for images in raw))
