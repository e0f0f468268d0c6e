"""Photos added to a detector: seconds, the difference from one pass over all, and whether the false-alarm rate holds.

Needs $SABLIER_DATA/industrial in the MVTec layout. All good tiles, those of train/good and of test/good, are dealt anew many
times: 600 train, 100 are added, as `update` does without options (half train, the others calibrate), and the rest are judged.
Tiles that the set holds several times, in other light, lie in one part. The count of false alarms at alpha 5 % is compared with
the band that all runs stay within together with probability 99 % (beta-binomial). Features of a photo are computed once.

The largest difference is that of scores (in standard deviations of good ones, or relative, whichever is smaller) and of values of
anomaly maps (relative), after 100 photos were added, from one pass over all photos with the same choices. The seconds are those
of the whole command, start of Python included.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from false_alarms_photos import ALPHA, dealt, good_of, known_repeats, outside
from harness import Bench, idle, print_table, timed_command
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.members.features import Features
from sablier.tasks.detection.remembered import Remembered
from sablier.tasks.detection.scorer import Scorer, score_together
from sablier.tasks.detection.symmetries import with_turned_copies
from sablier.tasks.detection.updating import updated_scorers
from sablier.typing import Array
from sablier.workflows.training.detector import plan_uses, train_detector
from sablier.workflows.update import update

JUDGED = 60  # photos whose scores and maps are compared


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--category", default="magnetic_tile", help="a folder of industrial/")


def main() -> None:
    bench = Bench("update", __doc__ or "", add)
    args, quick = bench.args, bench.args.quick
    splits, tier, first, more = (1, "tiny", 40, 40) if quick else (args.splits, "base", 600, 100)
    steps, pooled = bench.partial(args.category), good_photos(args.category, 120 if quick else None)
    groups = known_repeats(pooled)
    parts = [dealt_in_three(groups, first, more, seed) for seed in range(splits)]
    timed = steps.get("seconds", partial(timed_update, pooled, parts[0], tier))
    plain = make_recipe("detector", tier, ["contamination_filter=no", "repeats=no"])
    difference = steps.get("difference", partial(largest_difference, pooled, parts[0], plain))
    with features_kept():
        runs = [
            steps.get(str(seed), partial(counted, pooled, part, make_recipe("detector", tier, [f"seed={seed}"]), seed))
            for seed, part in enumerate(parts)
        ]
    rates = [run["alarms"] / run["tests"] for run in runs]
    figures = {
        "largest_difference": difference, "splits_outside_band": sum(outside(run, splits) for run in runs),
        "rate_mean": float(np.mean(rates)), "rate_max": max(rates),
    }  # fmt: skip
    print_table(["figure", "value"], [[name, str(value)] for name, value in (timed | figures).items()])
    seconds = timed.pop("seconds")
    what = {"category": args.category, "tier": tier, "alpha": ALPHA, "first": first, "added": more, "splits": splits}
    bench.finish(args.category, list(range(splits)), {**what, **timed, **figures, "runs": runs}, seconds)


def good_photos(category: str, most: int | None) -> ImageSet:
    """Return all good photos of a set, or the first of them."""
    pooled = ImageSet.concatenate([good_of(category, part) for part in ("train", "test")])
    return pooled.take(np.arange(len(pooled))[:most])


def dealt_in_three(groups: Array, first: int, more: int, seed: int) -> tuple[Array, Array, Array]:
    """Return which photos train, which are added, and which are judged; no group is divided."""
    trains = dealt(groups, first, seed)
    others = np.flatnonzero(~trains)
    added = np.zeros(len(groups), bool)
    added[others[dealt(np.unique(groups[others], return_inverse=True)[1], more, seed)]] = True
    return trains, added, ~trains & ~added


def timed_update(pooled: ImageSet, part: tuple[Array, Array, Array], tier: str) -> dict[str, Any]:
    """Return how long the command takes, and how large its files are."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, chosen in zip(("first", "more"), part[:2], strict=True):
            written(folder / name, pooled.take(chosen))
        model, new = folder / "tile.sablier", folder / "new.sablier"
        timed_command("train", folder / "first", "-o", model, "--tier", tier)
        seconds, peak = timed_command("update", model, folder / "more", "-o", new)
        sizes = [path.stat().st_size / 1e6 for path in (model, new)]
    return {"seconds": seconds, "idle": idle(), "peak_mb": peak, "model_mb": sizes[0], "updated_mb": sizes[1]}


def written(folder: Path, images: ImageSet) -> None:
    folder.mkdir()
    for index in range(len(images)):
        pixels = images[index]
        Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(folder / f"{index:03}.png")


def largest_difference(pooled: ImageSet, part: tuple[Array, Array, Array], recipe: Recipe) -> float:
    """Return by how much an updated detector differs from one pass over all photos with the same choices."""
    first, more, others = (pooled.take(chosen) for chosen in part)
    file = train_detector(first, recipe)
    scorers, rule = Detector.from_file(file).scorers, file.preprocess
    taught = [uses.training for uses in plan_uses(first.dense(rule), recipe)]
    added, judged = more.dense(rule), others.take(np.arange(len(others))[:JUDGED]).dense(rule)
    found, largest = updated_scorers(scorers, added), 0.0
    for scorer, own, training in zip(scorers, found, taught, strict=True):
        (ours,), (theirs,) = (score_together([each], judged, pictures=True) for each in (own, one_pass(scorer, training, added)))
        apart = np.abs(ours.scores - theirs.scores) / np.maximum(1, np.abs(theirs.scores))
        assert ours.anomaly_maps is not None
        assert theirs.anomaly_maps is not None
        largest = max(largest, float(apart.max()), float(np.abs(ours.anomaly_maps / theirs.anomaly_maps - 1).max()))
    return largest


def one_pass(scorer: Scorer, training: ImageSet, added: ImageSet) -> Scorer:
    """Return the scorer with the sums of one pass over all photos, and its own choices."""
    (member,) = scorer.members
    assert isinstance(member, Features)
    together = with_turned_copies(ImageSet(np.concatenate([training.array, added.array])), scorer.turns)
    whole = tuple(sums.moments for sums in member.backbone.sums(together, scorer.preprocess))
    pairs = zip(member.good, member.moments, whole, strict=True)
    good = tuple(mixture.renewed(before, after) for mixture, before, after in pairs)
    return replace(scorer, members=(replace(member, good=good, moments=whole),))


@contextmanager
def features_kept() -> Iterator[None]:
    """Meanwhile the member `features` of all detectors shares one network, which keeps what it has seen."""
    networks: dict[str, Remembered] = {}
    alone = Features.share

    def share(preprocess: Preprocess, *_: Any) -> Remembered:
        key = preprocess.describe()
        if key not in networks:
            networks[key] = alone(preprocess, None, 2)
        return networks[key]

    with (
        patch.object(Features, "share", staticmethod(share)),
        patch.object(Features, "from_shared_parts", staticmethod(lambda _, preprocess, backbone: share(preprocess))),
    ):
        yield


def counted(pooled: ImageSet, part: tuple[Array, Array, Array], recipe: Recipe, seed: int) -> dict[str, int]:
    """Train, add, and judge; return the false alarms, of how many, calibrated on how many groups."""
    first, more, others = (pooled.take(chosen) for chosen in part)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tile.sablier"
        train_detector(first, recipe).save(model)
        detector = Detector.from_file(update(model, more, force=True, seed=seed))
    alarms = detector.detect(others, ALPHA).flagged
    return {"alarms": alarms, "tests": len(others), "calibrated_on": detector.calibration.groups}


if __name__ == "__main__":
    main()
