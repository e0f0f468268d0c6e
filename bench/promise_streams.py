"""Does the false-discovery rate hold in a stream? Windows of `watch --fdr` against online procedures.

Streams of 5,000 images with 5 % anomalies, calibrated by 2,000 images, 100 times: MNIST, one digit good and the nine others bad.
One detector of tier tiny scores all; each run draws its calibration images, the good and the bad ones of its stream, and their
order anew. "bursts": the stream consists of runs of 10 noisy frames of one image each, and a frame of each of other images
calibrates. Bars: the 99 % interval of the mean false-discovery proportion over the whole stream does not lie above the rate, and
the power (the share of the bad images that is flagged) is at least 0.8 of that of Benjamini and Hochberg's procedure on the whole
stream, which no watcher can wait for. Streams with hardly any anomalies, where windows promise less, the other procedures, and
magnetic_tile (fewer images than a stream and its calibration need) are reported.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dependence import INDUSTRIAL, dense_of, frames
from online_rules import Rule, batch_bh, decaying_lord, e_lond, lord, saffron, windows
from sablier.calibration import Calibration
from sablier.errors import ImagesWarning
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.training.detector import train_detector

FDR, LEAST_POWER, OURS, WHOLE = 0.1, 0.8, "windows of 1,000", "the whole stream as one batch"
DEFECTS = ("blowhole", "break", "crack", "fray", "uneven")


@dataclass(frozen=True)
class Scored:
    """Scores of good and bad images, one row an image, one column a frame of its burst."""

    good: np.ndarray
    bad: np.ndarray


@dataclass(frozen=True)
class Stream:
    """A situation: how many images a stream has, how many calibrate, the share of anomalies, and the length of a burst."""

    images: int = 5000
    calibrate: int = 2000
    share: float = 0.05
    burst: int = 1

    def draw(self, scored: Scored, rng: np.random.Generator) -> tuple[Calibration, np.ndarray, np.ndarray]:
        """Return a calibration, the scores of a stream in their order, and which of its images are bad."""
        bursts = self.images // self.burst
        bad = round(bursts * self.share)
        order = rng.permutation(len(scored.good))
        calibrating, good = scored.good[order[: self.calibrate], 0], scored.good[order[self.calibrate :]][: bursts - bad]
        stream = np.concatenate([good, scored.bad[rng.choice(len(scored.bad), bad, replace=False)]])[:, : self.burst]
        mixed = rng.permutation(len(stream))
        is_bad = np.repeat(mixed >= len(good), self.burst)
        return Calibration((calibrating,)), stream[mixed].ravel(), is_bad


def rules(calibration: Calibration, images: int, every: bool) -> dict[str, Rule]:
    """Return the procedures; with `every` also those that are only reported."""
    found = {WHOLE: windows(calibration, FDR, images), OURS: windows(calibration, FDR, min(images, 1000))}
    if not every:
        return found
    return found | {
        "windows of 100": windows(calibration, FDR, 100),
        "windows of 250": windows(calibration, FDR, 250),
        "windows of 500": windows(calibration, FDR, 500),
        "BatchBH, 250 at once": batch_bh(FDR, 250),
        "BatchBH, 500 at once": batch_bh(FDR, 500),
        "LORD++": lord(FDR),
        "SAFFRON": saffron(FDR),
        "LORD with decaying memory, 0.99": decaying_lord(FDR, 0.99),
        "e-LOND": e_lond(FDR, 1 / (calibration.groups + 1)),
    }


def measured(scored: Scored, stream: Stream, runs: int, seed: int, every: bool) -> dict[str, np.ndarray]:
    """Return for each procedure runs,2: the false-discovery proportion and the power."""
    found: dict[str, list[tuple[float, float]]] = {}
    for run in range(runs):
        calibration, scores, is_bad = stream.draw(scored, np.random.default_rng([seed, run]))
        p_values = calibration.p_values(scores[:, None])
        for name, rule in rules(calibration, len(scores), every).items():
            flagged = rule(p_values)
            wrong = int(np.sum(flagged & ~is_bad)) / max(1, int(flagged.sum()))
            found.setdefault(name, []).append((wrong, float(flagged[is_bad].mean())))
    return {name: np.array(pairs) for name, pairs in found.items()}


def rows_of(data: str, found: dict[str, np.ndarray], runs: int, bars: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows of a situation; `bars` apply to our windows only."""
    whole = float(found[WHOLE][:, 1].mean())
    for name, pairs in found.items():
        (wrong, power), half = pairs.mean(axis=0), 2.576 * float(pairs[:, 0].std(ddof=1)) / runs**0.5
        of = f"{data}: {name}"
        yield row("streams: mean false-discovery proportion", of, float(wrong), "", None, runs)
        yield row("streams: power", of, float(power), "", None, runs)
        if bars and name == OURS:
            low, share = float(wrong) - half, float(power) / max(whole, 1e-9)
            yield row("streams: lower end of the 99 % interval of that mean", of, low, f"<= {FDR}", low <= FDR, runs)
            yield row("streams: share of the power of one batch", of, share, f">= {LEAST_POWER}", share >= LEAST_POWER, runs)


def row(claim: str, data: str, figure: float, bar: str, inside: bool | None, runs: int) -> dict[str, Any]:
    return {"claim": claim, "data": data, "figure": figure, "bar": bar, "inside": inside, "runs": runs}


def scored_digits(digit: str, train: int, most: int, burst: int, seed: int) -> Scored:
    """Return the scores of bursts of a digit that the detector was not trained on, and of other digits."""
    images, rng = load_dataset("mnist", "all"), np.random.default_rng(seed)
    own, pool = np.split(rng.permutation(np.flatnonzero(images.labels == digit)), [train])
    detector = Detector.from_file(train_detector(images.take(own), make_recipe("detector", "tiny", [f"seed={seed}"])))
    others = rng.permutation(np.flatnonzero(images.labels != digit))[: max(1000, most // 5)]

    def scores(chosen: np.ndarray) -> np.ndarray:
        pixels = images.take(chosen).array
        copies = [pixels] if burst == 1 else [frames(rng, pixels, 1) for _ in range(burst)]
        chunks = [ImageSet(each).chunks(1000) for each in copies]
        return np.stack([np.concatenate([detector.detect(part).scores for part in parts]) for parts in chunks], axis=1)

    return Scored(scores(pool[:most]), scores(others))


def scored_tiles(seed: int) -> Scored:
    """Return the scores of good tiles that the detector (pretrained features) was not trained on, and of tiles with defects."""
    place = INDUSTRIAL / "magnetic_tile"
    good = ImageSet.concatenate([dense_of(place / part / "good") for part in ("train", "test")])
    bad = ImageSet.concatenate([dense_of(place / "test" / kind) for kind in DEFECTS])
    own, pool = np.split(np.random.default_rng(seed).permutation(len(good)), [250])
    detector = Detector.from_file(train_detector(good.take(own), make_recipe("detector", "base", [f"seed={seed}"])))
    scores = [np.concatenate([detector.detect(part).scores for part in each.chunks(64)]) for each in (good.take(pool), bad)]
    return Scored(*(each[:, None] for each in scores))


def rows(quick: bool, seed: int) -> list[dict[str, Any]]:
    """Return the rows of the claim on streams: claim, data, figure, bar, inside and runs.

    Args:
        quick: a few short streams, which end within a minute.
        seed: of all random choices.
    """
    if quick:
        stream, runs = Stream(1000, 400), 10
        found = measured(scored_digits("7", 200, 1400, 1, seed), stream, runs, seed, every=True)
        return list(rows_of("MNIST 7, short streams", found, runs, bars=True))
    runs, digits = 100, {"7": 500, "1": 900}
    found_rows: list[dict[str, Any]] = []
    for digit, train in digits.items():
        scored = scored_digits(digit, train, 6800, 1, seed)
        for data, stream, every in (
            (f"MNIST {digit}", Stream(), True),
            (f"MNIST {digit}, 0.5 % anomalies", Stream(4500, share=0.005), True),
        ):
            found_rows += rows_of(data, measured(scored, stream, runs, seed, every), runs, bars=stream == Stream())
        bursts = scored_digits(digit, train, 2600, 10, seed)
        found_rows += rows_of(f"MNIST {digit}, bursts", measured(bursts, Stream(burst=10), runs, seed, True), runs, bars=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagesWarning)
        tiles = measured(scored_tiles(seed), Stream(350, 300), runs, seed, every=True)
    return found_rows + list(rows_of("magnetic_tile, streams of 350, calibration 300", tiles, runs, bars=False))
