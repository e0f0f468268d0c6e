"""Does the false-alarm rate survive images that are not independent: repeats, bursts, recompressed and shifted copies?

In each situation a detector of tier tiny trains and calibrates on a set with repeats, many times over with other images, and
judges fresh good images, one of each group, of groups that it has not seen. "off" is training as if every image stood for
itself, "on" is as it is. A run is inside where its number of false alarms is not above the band that all runs of the situation
stay within together with probability 99 %, at so many groups. Of calibrations too small for a verdict no image may be flagged.
Tiles in several lights cannot be told from pixels alone ("on"): they need groups that are given ("given").

Then: how many distinct images are put into groups (true repeats, listed by eye, apart); whether images that trained the model
are noticed by `calibrate` and `evaluate`, and fresh ones are not; whether good bursts set off the drift alarm; seconds; bytes.
"""

import argparse
import io
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from harness import Bench, idle, print_table
from sablier.calibration import simultaneous_band
from sablier.errors import ImagesWarning, TooFewImages
from sablier.images.datasets import load_dataset
from sablier.images.fingerprints import fingerprints
from sablier.images.grouping import group_numbers, with_group_names, with_repeats
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.repeats import find_repeats
from sablier.images.sources import read_images
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.summary import Summarizer
from sablier.tasks.known_images import NEW, KnownImages
from sablier.tasks.known_part import KNOWN, recognizer_of
from sablier.workflows.calibrate import calibrate
from sablier.workflows.evaluate import evaluate
from sablier.workflows.training.detector import train_detector

INDUSTRIAL = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial"
SMALL_SETS = {"mnist": "5", "fashion-mnist": "0", "cifar10": "deer"}  # with a class of each
PHOTO_SETS = ("magnetic_tile", "toothbrush", "pcb")
ALPHA = 0.05
TESTS = 300  # fresh images of a run, of MNIST
RUNS_OFF, RUNS_ON, RUNS_TILE = 12, 40, 12
DISTINCT = 5000  # images of each public set that are searched for repeats
# Images of the public training sets that do repeat another, found by looking at the pairs that the rule joins.
TRUE_REPEATS: dict[str, list[str]] = json.loads((Path(__file__).parent / "true_repeats.json").read_text())

loaded = cache(load_dataset)  # each is unpacked once

Rng = np.random.Generator
Make = Callable[[Rng, "Source"], tuple[np.ndarray, np.ndarray]]  # pixels to train on, and fresh ones


class Source:
    """Distinct good images of one kind, drawn from without putting back."""

    def __init__(self, pixels: np.ndarray, groups: np.ndarray | None = None) -> None:
        self.pixels = pixels
        self.groups = np.arange(len(pixels)) if groups is None else groups

    def draw(self, rng: Rng, *counts: int) -> list[np.ndarray]:
        """Return so many images, one of each group, for each count; no group is in two of them."""
        order = rng.permutation(len(self.pixels))
        one_each = order[np.unique(self.groups[order], return_index=True)[1]]
        one_each = rng.permutation(one_each)
        edges = np.cumsum(counts)
        return [self.pixels[part] for part in np.split(one_each, edges)[:-1]]


def noisy(rng: Rng, pixels: np.ndarray, sigma: float) -> np.ndarray:
    return np.clip(np.rint(pixels + rng.normal(0, sigma, pixels.shape)), 0, 255).astype(np.uint8)


def frames(rng: Rng, pixels: np.ndarray, count: int, sigma: float = 4) -> np.ndarray:
    return np.concatenate([noisy(rng, pixels, sigma) for _ in range(count)])


def recompressed(rng: Rng, pixels: np.ndarray) -> np.ndarray:
    found = []
    for image in pixels:
        file = io.BytesIO()
        Image.fromarray(image[..., 0]).save(file, "JPEG", quality=int(rng.integers(60, 95)))
        found.append(np.asarray(Image.open(file))[..., None])
    return np.stack(found)


def shifted(rng: Rng, pixels: np.ndarray) -> np.ndarray:
    padded = np.pad(pixels, ((0, 0), (3, 3), (3, 3), (0, 0)), "edge")
    height, width = pixels.shape[1:3]
    moves = rng.integers(1, 4, (len(pixels), 2)) * rng.choice([-1, 1], (len(pixels), 2)) + 3
    return np.stack([image[y : y + height, x : x + width] for image, (y, x) in zip(padded, moves, strict=True)])


def brighter(rng: Rng, pixels: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(pixels * 1.03), 0, 255).astype(np.uint8)


def dark_and_blurred(rng: Rng, pixels: np.ndarray) -> np.ndarray:
    """Return the images with every tenth dark or blurred: distinct all the same, but alike, and high in score."""
    found = pixels.copy()
    odd = np.flatnonzero(np.arange(len(pixels)) % 10 == 0)
    for place, index in enumerate(odd):
        blurred = gaussian_filter(pixels[index].astype(float), (4, 4, 0))
        found[index] = np.rint(pixels[index] * 0.08 if place % 2 else blurred).astype(np.uint8)
    return found


def parts(rng: Rng, count: int) -> np.ndarray:
    """Return synthetic parts of 48 x 48: plates whose size, place of four holes, notch and grain differ from part to part."""
    grid = np.mgrid[:48, :48].astype(float)
    found = np.empty((count, 48, 48, 1), np.uint8)
    for index in range(count):
        middle, radius = rng.normal(23.5, 0.7, 2), rng.normal(18, 0.7)
        away = np.hypot(*(grid - middle[:, None, None]))
        image = np.where(away < radius, rng.normal(170, 5), rng.normal(40, 3))
        for corner in ((-7, -7), (-7, 7), (7, -7), (7, 7)):
            hole = np.array(corner) + middle + rng.normal(0, 0.8, 2)
            image[np.hypot(*(grid - hole[:, None, None])) < rng.normal(3, 0.4)] = 60
        angle = np.arctan2(*(grid - middle[:, None, None]))
        image[(abs(angle - rng.normal(0.5, 0.15)) < 0.12) & (away > radius - rng.normal(5, 1))] = 50
        grain = gaussian_filter(rng.normal(0, 1, (48, 48)), 2) * 25
        found[index, ..., 0] = np.clip(gaussian_filter(image + grain * (image > 100), 0.7), 0, 255)
    return found


def with_extra(copies: Callable[[Rng, np.ndarray], np.ndarray], count: int) -> Make:
    """Return a situation: `count` distinct images, and a copy of each."""

    def make(rng: Rng, source: Source) -> tuple[np.ndarray, np.ndarray]:
        own, fresh = source.draw(rng, count, TESTS)
        return np.concatenate([own, copies(rng, own)]), fresh

    return make


def repeated(count: int, times: int, sigma: float = 0) -> Make:
    def make(rng: Rng, source: Source) -> tuple[np.ndarray, np.ndarray]:
        own, fresh = source.draw(rng, count, TESTS)
        if not sigma:
            return np.concatenate([own] * times), fresh
        return frames(rng, own, times, sigma), noisy(rng, fresh, sigma)

    return make


def synthetic(rng: Rng, source: Source) -> tuple[np.ndarray, np.ndarray]:
    return frames(rng, parts(rng, 60), 6, 5), noisy(rng, parts(rng, TESTS), 5)


def some_bursts(rng: Rng, source: Source) -> tuple[np.ndarray, np.ndarray]:
    own, seeds, fresh = source.draw(rng, 270, 3, TESTS)
    return np.concatenate([noisy(rng, own, 4), frames(rng, seeds, 10)]), noisy(rng, fresh, 4)


def one_burst(rng: Rng, source: Source) -> tuple[np.ndarray, np.ndarray]:
    own, seed, fresh = source.draw(rng, 200, 1, TESTS)
    return np.concatenate([noisy(rng, own, 4), frames(rng, seed, 100)]), noisy(rng, fresh, 4)


def alike(rng: Rng, source: Source) -> tuple[np.ndarray, np.ndarray]:
    own, fresh = source.draw(rng, 200, TESTS)
    return dark_and_blurred(rng, own), dark_and_blurred(rng, fresh)


def distinct(rng: Rng, source: Source) -> tuple[np.ndarray, np.ndarray]:
    return tuple(source.draw(rng, 200, TESTS))  # type: ignore[return-value]


SITUATIONS: dict[str, Make] = {
    "1: 40 photos, each three times": repeated(40, 3),
    "2: 30 digits, each twice": repeated(30, 2),
    "3: 120 images x 5 frames": repeated(120, 5, 4),
    "4: 60 synthetic parts x 6 noisy shots": synthetic,
    "a tenth in bursts of 10": some_bursts,
    "one burst of 100": one_burst,
    "recompressed copies": with_extra(recompressed, 150),
    "copies shifted by 1 to 3 pixels": with_extra(shifted, 150),
    "copies 3 % brighter": with_extra(brighter, 150),
    "a tenth dark or blurred, distinct": alike,
    "distinct images": distinct,
}


AS_IT_IS = "the set as it is: a tile in six lights"
LIT_TILES = 24
TILES = 60  # of which a set of photos holds most several times, there are not many
TILE_SITUATIONS: dict[str, Make] = {
    "each twice": lambda rng, source: twice(rng, source, lambda _, pixels: pixels),
    "recompressed copies": lambda rng, source: twice(rng, source, recompressed),
    "copies shifted by 1 to 3 pixels": lambda rng, source: twice(rng, source, shifted),
    "copies 3 % brighter": lambda rng, source: twice(rng, source, brighter),
}


def twice(rng: Rng, source: Source, copies: Callable[[Rng, np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    own, fresh = source.draw(rng, TILES, TILES)
    return np.concatenate([own, copies(rng, own)]), fresh


def as_it_is(rng: Rng, source: Source, seed: int, grouping: str) -> dict[str, Any]:
    """Train on every image of some tiles, in six lights each, and judge one image each of the others."""
    groups = rng.permutation(np.unique(source.groups))
    some = np.isin(source.groups, groups[:LIT_TILES])
    (fresh,) = Source(source.pixels[~some], source.groups[~some]).draw(rng, len(groups) - LIT_TILES)
    given = source.groups[some] if grouping == "given" else None
    return rate_of(source.pixels[some], fresh, seed, grouping, given)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=RUNS_ON)


def rate_of(pixels: np.ndarray, fresh: np.ndarray, seed: int, grouping: str, groups: np.ndarray | None = None) -> dict[str, Any]:
    """Train on images, judge fresh ones; return counts and the band's numbers."""
    order = np.random.default_rng(seed).permutation(len(pixels))
    images = ImageSet(pixels[order])
    if groups is not None:
        images = with_group_names(images, groups[order])
    recipe = make_recipe("detector", "tiny", [f"seed={seed}", f"repeats={'no' if grouping == 'off' else 'yes'}"])
    return judged(Detector.from_file(train_detector(images, recipe)), fresh)


def judged(detector: Detector, fresh: np.ndarray) -> dict[str, Any]:
    result = detector.detect(ImageSet(fresh), ALPHA)
    calibration = detector.calibration
    flagged = int(np.sum(result.verdicts == "anomaly"))
    return {"flagged": flagged, "tests": len(fresh), "groups": calibration.groups, "decided": calibration.decides(ALPHA)}


def calibrated(rng: Rng, source: Source, seed: int, grouping: str) -> dict[str, Any]:
    """Row 5: a model of distinct images, calibrated on 15 others, each 20 times."""
    own, few, fresh = source.draw(rng, 400, 15, TESTS)
    detector = Detector.from_file(train_detector(ImageSet(own), make_recipe("detector", "tiny", [f"seed={seed}"])))
    images = ImageSet(np.concatenate([few] * 20))
    if grouping == "on":
        images = with_repeats(images, fingerprints(images, detector.preprocess))
    return judged(Detector.calibrated(detector.scorers, (images,)), fresh)


def summed(situation: str, data: str, grouping: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    rates = np.array([run["flagged"] / run["tests"] for run in runs])
    # Above the band of a calibration that decides nothing is any flag at all.
    highest = [simultaneous_band(ALPHA, run["groups"], run["tests"], len(runs))[1] if run["decided"] else 0 for run in runs]
    outside = sum(run["flagged"] > most for run, most in zip(runs, highest, strict=True))
    half = 1.96 * rates.std(ddof=1) / len(rates) ** 0.5 if len(rates) > 1 else float("nan")
    return {
        "situation": situation, "data": data, "grouping": grouping, "alpha": ALPHA, "runs": len(runs),
        "groups": float(np.median([run["groups"] for run in runs])), "rate_mean": float(rates.mean()),
        "rate_interval": [float(rates.mean() - half), float(rates.mean() + half)], "rate_max": float(rates.max()),
        "undetermined": sum(not run["decided"] for run in runs), "outside": outside, "inside": outside == 0,
    }  # fmt: skip


def tiles() -> Source:
    """Return all good tiles, in groups of those that show the same one: the set holds most six times, in other light.

    The names tell: captures of one tile follow each other within 100 numbers.
    """
    images = ImageSet.concatenate([dense_of(INDUSTRIAL / "magnetic_tile" / part / "good") for part in ("train", "test")])
    return Source(images.array, tile_numbers(images.ids.tolist(), 100))


def tile_numbers(names: list[str], apart: int) -> np.ndarray:
    """Return the number of the tile of each photo: another one where more than `apart` captures lie between."""
    captures = np.array([int(name.split("num_")[1].removesuffix(".jpg")) for name in names])
    order = np.argsort(captures, kind="stable")
    found = np.empty(len(names), int)
    found[order] = np.r_[0, np.cumsum(np.diff(captures[order]) > apart)]
    return found


def dense_of(source: object, size: int = 128) -> ImageSet:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagesWarning)
        images = read_images(source)
        return images.dense(Preprocess.for_images(images, size))


def public_sets(most: int, names: tuple[str, ...]) -> dict[str, tuple[ImageSet, ImageSet]]:
    """Return for each public set good images to train on, and others: of the sets of small images one class."""
    found = {}
    for name, label in [(name, label) for name, label in SMALL_SETS.items() if name in names]:
        images = loaded(name, "train").where(label=label)
        order = np.random.default_rng(0).permutation(len(images))[: 2 * most]
        found[name] = images.take(order[:most]), images.take(order[most:])
    for name in [name for name in PHOTO_SETS if name in names]:
        parts = [dense_of(INDUSTRIAL / name / part / "good", 256) for part in ("train", "test")]
        found[name] = parts[0], parts[1]
    return found


def wrongly_grouped(most: int, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return for each set how many images are put into groups with others, and of these how many repeat nothing, by eye."""
    found = []
    sets: dict[str, ImageSet] = {name: loaded(name, "train") for name in SMALL_SETS if name in names}
    sets |= {name: dense_of(INDUSTRIAL / name / "train" / "good", 256) for name in PHOTO_SETS if name in names}
    for name, images in sets.items():
        drawn = images.take(np.random.default_rng(0).permutation(len(images))[:most])
        grouped = group_numbers(with_repeats(drawn, fingerprints(drawn, Preprocess.for_images(drawn, 256))))
        sizes = np.bincount(grouped)[grouped]
        together = sizes > 1
        right = np.isin(drawn.ids, TRUE_REPEATS.get(name, []))
        if name == "magnetic_tile":
            right = usual_of_group(tile_numbers(drawn.ids.tolist(), 300), grouped)
        found.append({
            "set": name, "images": len(drawn), "groups": len(np.unique(grouped)), "grouped_share": float(together.mean()),
            "wrong_share": float((together & ~right).mean()),
        })  # fmt: skip
    return found


def usual_of_group(kinds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return for each image whether it is of the most frequent kind of its group."""
    usual = {group: np.bincount(kinds[groups == group]).argmax() for group in np.unique(groups)}
    return np.asarray(kinds == np.array([usual[group] for group in groups]))


def overlap(runs: int) -> dict[str, Any]:
    """Rows 6 and 7: whether `calibrate` and `evaluate` notice the folder that trained the model, by split and by folds."""
    source = Source(loaded("mnist", "train").where(label="5").array)
    others = ImageSet(loaded("mnist", "test").where(label="3").array[:50])
    noticed = 0
    with tempfile.TemporaryDirectory() as place:
        model = Path(place, "m.sablier")
        for run in range(runs):
            (own,) = source.draw(np.random.default_rng(run), 60 if run % 2 else 600)
            train_detector(ImageSet(own), make_recipe("detector", "tiny", [f"seed={run}"])).save(model)
            warned = any("trained" in note for note in evaluate(model, ImageSet(own), others).notes)
            try:
                left_out = "left out" in calibrate(model, ImageSet(own), Path(place, "n.sablier")).provenance.calibrated
            except TooFewImages as error:
                left_out = "trained the model" in str(error)
            noticed += warned and left_out
    return {"runs": runs, "noticed": noticed}


def fresh_taken_for_known(most: int, names: tuple[str, ...]) -> dict[str, float]:
    """Return for each set the share of fresh images that are taken for ones the model knows."""
    found = {}
    for name, (own, fresh) in public_sets(most, names).items():
        rule = Preprocess.for_images(own, 256)
        known = KnownImages.of(fingerprints(own, rule), np.ones(len(own)))
        taken = known.overlap(fingerprints(fresh, rule)) != NEW
        found[name] = float(np.mean(taken & ~np.isin(fresh.ids, TRUE_REPEATS.get(name, []))))
    return found


def recalibrated(source: Source, run: int) -> dict[str, Any]:
    """Return the count of false alarms after `calibrate` on fresh images of the same kind."""
    with tempfile.TemporaryDirectory() as place:
        model = Path(place, "m.sablier")
        own, again, fresh = source.draw(np.random.default_rng(run), 500, 199, TESTS)
        train_detector(ImageSet(own), make_recipe("detector", "tiny", [f"seed={run}"])).save(model)
        return judged(Detector.from_file(calibrate(model, ImageSet(again))), fresh)


def drift_on_good_bursts(runs: int, bursts: int) -> dict[str, int]:
    """Return how often good images in so many bursts of 20 set off the drift alarm, repeats counted once and not."""
    source = Source(loaded("mnist", "all").where(label="5").array)
    alarms = {"off": 0, "on": 0}
    for run in range(runs):
        rng = np.random.default_rng(run)
        own, scenes = source.draw(rng, 500, bursts)
        file = train_detector(ImageSet(noisy(rng, own, 4)), make_recipe("detector", "tiny", [f"seed={run}"]))
        stream = ImageSet(np.concatenate([frames(rng, scene[None], 20) for scene in scenes]))
        for grouping, recognizer in (("off", None), ("on", recognizer_of(file))):
            summarizer = Summarizer(Detector.from_file(file), ALPHA, worst=1, typical=1, recognizer=recognizer)
            for chunk in stream.chunks(200):
                summarizer.judge(chunk)
            alarms[grouping] += summarizer.drift.alarmed
    return alarms


def seconds_of(images: ImageSet) -> float:
    """Return how long finding repeats takes, fingerprints included."""
    rule = Preprocess.for_images(images, 256)
    start = time.perf_counter()
    find_repeats(fingerprints(images, rule))
    return time.perf_counter() - start


def bytes_per_image(count: int) -> float:
    """Return by how much a model file grows for each image that it knows."""
    images = ImageSet(loaded("mnist", "train").where(label="5").array[:count])
    file = train_detector(images, make_recipe("detector", "tiny"))
    with tempfile.TemporaryDirectory() as place:
        sizes = []
        for each in (file, replace(file, parts={name: part for name, part in file.parts.items() if name != KNOWN})):
            each.save(Path(place, "m.sablier"))
            sizes.append(Path(place, "m.sablier").stat().st_size)
    return (sizes[0] - sizes[1]) / count


def main() -> None:
    bench = Bench("dependence", __doc__ or "", add)
    warnings.simplefilter("ignore", ImagesWarning)
    quick = bench.args.quick
    steps = bench.partial("mnist-tile")
    digits = Source(loaded("mnist", "all").where(label="5").array)
    started, rows = time.perf_counter(), []

    def row(situation: str, data: str, source: Source, run: Callable[..., dict[str, Any]], grouping: str, runs: int) -> None:
        rng = {index: np.random.default_rng([index, len(situation)]) for index in range(runs)}
        counts = [
            steps.get(f"{situation}/{data}/{grouping}/{index}", partial(run, rng[index], source, index, grouping))
            for index in range(runs)
        ]
        rows.append(summed(situation, data, grouping, counts))

    def trained(make: Make) -> Callable[..., dict[str, Any]]:
        return lambda rng, source, seed, grouping: rate_of(*make(rng, source), seed, grouping)

    off, on = (2, 2) if quick else (RUNS_OFF, bench.args.runs)
    for situation, make in list(SITUATIONS.items())[: 4 if quick else None]:
        for grouping, runs in (("off", off), ("on", on)):
            row(situation, "mnist 5", digits, trained(make), grouping, runs)
    for grouping, runs in (("off", off), ("on", on)):
        row("5: calibrate with 15 images x 20", "mnist 5", digits, calibrated, grouping, runs)
    if not quick:
        good = tiles()
        for number, (situation, make) in enumerate(TILE_SITUATIONS.items()):
            for grouping in ("off", "on") if not number else ("on",):  # photos take long
                row(situation, "magnetic_tile", good, trained(make), grouping, RUNS_TILE)
        for grouping in ("on", "given"):
            row(AS_IT_IS, "magnetic_tile", good, as_it_is, grouping, RUNS_TILE)
    counts = [steps.get(f"recalibrated/{run}", partial(recalibrated, digits, run)) for run in range(2 if quick else RUNS_OFF)]
    rows.append(summed("calibrate on fresh images", "mnist 5", "on", counts))
    most = 1000 if quick else 5000
    names = ("mnist", "toothbrush") if quick else (*SMALL_SETS, *PHOTO_SETS)
    grouped = steps.get("wrongly", lambda: wrongly_grouped(most, names))
    taken = steps.get("taken", lambda: fresh_taken_for_known(most // 2, names))
    noticed = steps.get("overlap", lambda: overlap(2 if quick else RUNS_ON))
    drift = steps.get("drift", lambda: drift_on_good_bursts(*((1, 5) if quick else (RUNS_OFF, 100))))
    seconds = [seconds_of(loaded("mnist", "train").take(np.arange(1000 if quick else 10_000)))]
    photo = dense_of(INDUSTRIAL / ("toothbrush" if quick else "magnetic_tile") / "train" / "good", 256)
    seconds.append(seconds_of(photo.take(np.resize(np.arange(len(photo)), 100 if quick else 1000))))
    print_table(
        ["situation", "data", "grouping", "runs", "groups", "mean rate", "highest", "undetermined", "inside"],
        [
            [each["situation"], each["data"], each["grouping"], each["runs"], f"{each['groups']:g}", each["rate_mean"],
             each["rate_max"], each["undetermined"], "yes" if each["inside"] else f"no: {each['outside']} outside"]
            for each in rows
        ],
    )  # fmt: skip
    print()
    print_table(["set", "images", "groups", "grouped", "of these wrongly"], [list(each.values()) for each in grouped])
    # Tiles in other lights cannot be told from pixels: there the promise needs groups that are given.
    promised = [each for each in rows if each["grouping"] == ("given" if each["situation"] == AS_IT_IS else "on")]
    payload = {
        "tier": "tiny", "rows": rows,
        "runs_outside": sum(each["outside"] for each in promised),
        "rate_mean_least": max(each["rate_interval"][0] for each in promised),
        "rows_undetermined": sum(each["undetermined"] == each["runs"] for each in promised),
        "distinct_wrongly_grouped": max(each["wrong_share"] for each in grouped),
        "sets": grouped,
        "overlap_reported": noticed["noticed"] / noticed["runs"], "overlap_runs": noticed["runs"],
        "overlap_wrong": max(taken.values()), "overlap_wrong_by_set": taken,
        "drift_alarms_on_good_bursts": drift,
        "seconds_10k": seconds[0], "seconds_1k_photos": seconds[1],
        "bytes_per_image": bytes_per_image(500 if quick else 2000),
        "idle": idle(),
    }  # fmt: skip
    bench.finish("mnist-tile", list(range(on)), payload, time.perf_counter() - started)


if __name__ == "__main__":
    main()
