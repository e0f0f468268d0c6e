"""update = more good images for a trained detector, without training it again."""

import time
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.calibration import checked_alpha, images_needed
from sablier.errors import ConfigError, TooFewImages
from sablier.files.kinds import MODEL
from sablier.images.fingerprints import Fingerprints
from sablier.images.grouping import count_groups, counted, group_numbers, with_groups, with_repeats
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile, Part, Provenance
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.parallel import watching
from sablier.tasks.detection.updating import check_updates, recalibrated, updated_scorers
from sablier.tasks.known_images import TRAINED, KnownImages
from sablier.tasks.known_part import known_images_in, recalibrated_part
from sablier.training.progress import Progress
from sablier.typing import Array
from sablier.workflows.fresh_images import FreshImages, calibration_groups_paths, check_still_decides
from sablier.workflows.groups import write_groups
from sablier.workflows.likeness import read_like
from sablier.workflows.new_images import FalseAlarms, NewImages
from sablier.workflows.outputs import writes
from sablier.workflows.training.detector import MOST_CALIBRATION
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, counted_work, unheard
from sablier.workflows.training.train import READING

ADDING, CALIBRATING = "adding the images", "calibrating"
TRIED = 4  # images that are scored to estimate the time
NO_IMAGE = "on no image, since false alarms and the rest of their batch only train it; `sablier calibrate` needs fresh images"


@writes("update", "source", "false_alarms", "calibrate", file=MODEL, otherwise="model")
def update(
    model: str | PathLike[str],
    source: Any = None,
    output: str | PathLike[str] | None = None,
    *,
    false_alarms: Any = None,
    calibrate: Any = None,
    alpha: float = 0.05,
    fdr: float | None = None,
    groups: str | None = None,
    seed: int = 0,
    backbone: str | PathLike[str] | None = None,
    force: bool = False,
    on_progress: OnProgress = unheard,
    **reading: Any,
) -> ModelFile:
    """Add good images to a detector without training it again, and calibrate it anew.

    Args:
        model: a .sablier file of a detector of photos.
        source: new good images, anything that `read_images` takes; None if there are only false alarms.
        output: the .sablier file to write; None replaces `model`.
        false_alarms: flagged images that a person found good: a source, or a CSV with the columns `id` and `verdict` on
            the images of `source`; or a list of these. They and the rest of `source` train and do not calibrate.
        calibrate: other good images, which calibrate. Without them a random half of the new images does, by groups.
        alpha, fdr: the false-alarm rate that the model is used at; the false-discovery rate, if images were flagged at one.
        groups: which images are dependent, of those that may calibrate, such as "folder" (`sablier train --groups`).
        seed: of the choice of images that calibrate.
        backbone: the file of the user's feature network that the model was trained with, if any; it is run.
        force: replace `model` even by one that can give no verdict at `alpha`.
        on_progress, reading: called with the stage and its progress; options of `read_images`.

    Returns:
        The model file. Its detector has no calibration where only false alarms and their batch were given.

    Raises:
        ModelFileError: if the model has to be trained anew. BackboneError: for a missing or another backbone. ImagesError: if
            the images cannot be used, or trained the model already. TooFewImages: if too few calibrate.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> from sablier.images.parts import parts
        >>> with TemporaryDirectory() as folder:
        ...     _ = sablier.train(parts(16), f"{folder}/part.sablier", sablier.make_recipe(tier="tiny"))
        ...     file = sablier.update(f"{folder}/part.sablier", parts(24, seed=1), f"{folder}/new.sablier")
        >>> sablier.Detector.from_file(file).calibration.count, file.provenance.updates
        (19, ['5 images from parts(n=24, seed=1, defects=0)'])
    """
    file, place = ModelFile.load(Path(model)), Path(model if output is None else output)
    check_updates(detector := Detector.from_file(file, backbone, scores=True))
    on_progress(READING, Progress(0, 1))
    rules = _Rules(groups, checked_alpha(alpha), fdr, seed)
    split = _Splitter(file, detector, known_images_in(file), reading, rules).split(source, false_alarms, calibrate)
    if not force and place.resolve() == Path(model).resolve():
        check_still_decides(detector, split.calibrating, alpha)
    result = _updated(file, detector, split, on_progress)
    result.save(place)
    write_groups(split.calibrating, file.preprocess, calibration_groups_paths(place))
    return result


@dataclass(frozen=True)
class _Split:
    """Which of the new images train, and which images calibrate.

    Args:
        new: all new images.
        trains: N booleans, whether each of them trains.
        calibrating: the images that calibrate, dense.
        known: the part of the model file that recognises all of them.
        calibrated: which calibrate, in words.
    """

    new: NewImages
    trains: Array
    calibrating: ImageSet
    known: dict[str, Part]
    calibrated: str

    @property
    def training(self) -> ImageSet:
        """The images that train."""
        return self.new.images.take(self.trains)


@dataclass(frozen=True)
class _Rules:
    """How images are split; the arguments are those of `update`."""

    groups: str | None
    alpha: float
    fdr: float | None
    seed: int


@dataclass(frozen=True)
class _Splitter:
    """Reads images and splits them."""

    file: ModelFile
    detector: Detector
    known: KnownImages
    reading: dict[str, Any]
    rules: _Rules

    def split(self, source: Any, false_alarms: Any, calibrate: Any) -> _Split:
        """Decide which images train and which calibrate; the arguments are those of `update`.

        Raises:
            ConfigError, ImagesError, TooFewImages: as `update`.
        """
        alarms = FalseAlarms.of(false_alarms)
        halved, groups = calibrate is None and not alarms, self.rules.groups
        if groups is not None and calibrate is None and alarms:
            raise ConfigError("expected images that calibrate for groups, got false alarms and their batch. Leave groups out.")
        read = partial(self._read, groups=groups if halved else None)
        new = NewImages.read(self.detector, self.known, source, alarms, read, (self.rules.alpha, self.rules.fdr))
        if halved:
            return self._halved(new)
        trains, preprocess = np.ones(len(new.images), bool), self.file.preprocess
        if calibrate is None:
            return self._of(new, trains, new.images.take(~trains), new.prints.take(~trains), NO_IMAGE)
        others = self._read(calibrate, groups=groups, trains=False).dense(preprocess)
        fresh = FreshImages.of(others, preprocess, self.known.with_trained(new.prints))
        return self._of(new, trains, fresh.images, fresh.prints, fresh.words())

    def _halved(self, new: NewImages) -> _Split:
        """Choose groups at random that calibrate, among those without a near copy of a training image."""
        grouped = with_repeats(new.images, new.prints)
        numbers = group_numbers(grouped)
        copied = np.isin(numbers, numbers[self.known.overlap(new.prints) == TRAINED])
        free = np.unique(numbers[~copied])
        besides = f", besides {copied.sum():,} that nearly copy training images" if copied.any() else ""
        if len(free) < 2:
            raise TooFewImages(
                "expected at least 2 new images that are independent of each other, since some of them calibrate, got "
                f"{counted(int(np.sum(~copied)), len(free))} from {new.source}{besides}. Take more images, or name those that "
                "calibrate: --calibrate FRESH"
            )
        order = np.random.default_rng(self.rules.seed).permutation(free)
        chosen = np.isin(numbers, order[: _calibrating(len(free), self.rules.alpha)])
        calibrating = grouped.take(chosen)
        number = counted(int(chosen.sum()), count_groups(calibrating))
        calibrated = f"on {number}, chosen at random from {len(new.images):,} new ones from {new.source}{besides}"
        return self._of(new, ~chosen, calibrating, new.prints.take(chosen), calibrated)

    def _of(self, new: NewImages, trains: Array, calibrating: ImageSet, prints: Fingerprints, calibrated: str) -> _Split:
        known = recalibrated_part(self.known.with_trained(new.prints.take(trains)), prints)
        return _Split(new, trains, calibrating, known, calibrated)

    def _read(self, source: Any, *, groups: str | None, trains: bool = True) -> ImageSet:
        return with_groups(read_like(self.file, source, trains=trains, **self.reading), groups)


def _calibrating(groups: int, alpha: float) -> int:
    """Return how many of so many groups calibrate: half, or more if a verdict takes more; at most 2,000.

    >>> [_calibrating(groups, 0.05) for groups in (2, 10, 20, 30, 100, 9000)]
    [1, 5, 19, 19, 50, 2000]
    """
    wanted = min(MOST_CALIBRATION, max(groups // 2, images_needed(alpha)))
    return wanted if wanted < groups else groups // 2


def _updated(file: ModelFile, detector: Detector, split: _Split, on_progress: OnProgress) -> ModelFile:
    """Return the model file after the update."""
    training, calibrating, forecast = split.training, split.calibrating, Forecast(on_progress)
    copies = max(bool(scorer.turns) for scorer in detector.scorers)
    added = len(training) * (1 + copies)

    def stages() -> list[Stage]:
        some = training.take(np.arange(min(TRIED, len(training))))
        detector.detect(some.take([0]))  # the first image takes longer
        start = time.perf_counter()
        detector.detect(some)
        each = (time.perf_counter() - start) / len(some)
        return [Stage(ADDING, each * added), Stage(CALIBRATING, each * len(calibrating))]

    forecast.expect(counted_work(len(training) + len(calibrating), file.preprocess), stages)
    with forecast.stage(ADDING) as progressed, watching(forecast.tally(progressed, added)):
        scorers = updated_scorers(detector.scorers, training)
    with forecast.stage(CALIBRATING) as progressed, watching(forecast.tally(progressed, len(calibrating))):
        renewed = recalibrated(detector, scorers, calibrating)
    return replace(file, parts={**file.parts, **renewed.parts(), **split.known}, provenance=_noted(file, split))


def _noted(file: ModelFile, split: _Split) -> Provenance:
    """Return the provenance of the model file after the update."""
    origin, names = file.provenance, split.training.ids
    looks = origin.looks
    for raw in split.new.raw:
        looks = looks and looks.joined(raw.take(np.isin(raw.ids, names)), file.preprocess, origin.images)
    added = split.new.words(int(split.trains.sum()))
    return origin.model_copy(update={"updates": [*origin.updates, added], "calibrated": split.calibrated, "looks": looks})
