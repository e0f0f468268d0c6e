"""The scores that the claims of bench/promises.py draw from: good images that neither trained nor fused a detector, and bad ones.

One detector is trained for each data set, and its scores are kept in the folder for temporary files. Each run of a claim then
draws fresh calibration images and fresh batches from the good scores, without replacement, so that they are exchangeable.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from code_digest import code_digest
from dependence import INDUSTRIAL, dense_of, tile_numbers
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.typing import Array
from sablier.workflows.training.detector import train_detector

NORMAL = "5"
TRAINED_SHARE = 0.35  # of the good images; the others are the pool


@dataclass(frozen=True)
class Pool:
    """The scores of good images, and of bad ones; one image of each group."""

    good: Array
    bad: Array

    def batch(self, rng: np.random.Generator, calibration: int, good: int, bad: int) -> tuple[Array, Array]:
        """Return fresh calibration scores, and those of a batch: its good images, then its bad ones."""
        drawn = rng.choice(self.good, calibration + good, replace=False)
        return drawn[:calibration], np.append(drawn[calibration:], rng.choice(self.bad, bad, replace=False))


def pool_of(data: str, quick: bool, seed: int) -> Pool:
    """Return the scores of "mnist" (one digit good, the nine others bad) or "magnetic_tile"."""
    tier = "tiny" if quick else "base"
    place = Path(tempfile.gettempdir()) / f"sablier-bench-promises-{data}-{tier}-{seed}-{code_digest('promise_data')}.npz"
    if not place.exists():
        pool = MAKERS[data](tier, seed)
        np.savez(place, good=pool.good, bad=pool.bad)
    with np.load(place) as kept:
        return Pool(kept["good"], kept["bad"])


def _mnist(tier: str, seed: int) -> Pool:
    images = load_dataset("mnist", "all")
    assert images.labels is not None
    trained, pool = images.where(label=NORMAL).split(TRAINED_SHARE, 1 - TRAINED_SHARE, seed=seed)
    bad = images.take(np.flatnonzero(images.labels != NORMAL)[:: 20 if tier == "tiny" else 4])
    return _scored(trained, pool, bad, tier, seed)


def _tiles(tier: str, seed: int) -> Pool:
    """Return one photo of each tile, drawn by seed: most tiles were photographed in six lights."""
    folder = INDUSTRIAL / "magnetic_tile"
    good = ImageSet.concatenate([dense_of(folder / part / "good") for part in ("train", "test")])
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(good))
    tiles = tile_numbers(good.ids.tolist(), 100)[order]
    one_of_each = np.sort(order[np.unique(tiles, return_index=True)[1]])
    trained, pool = good.take(one_of_each).split(TRAINED_SHARE, 1 - TRAINED_SHARE, seed=seed)
    kinds = ("blowhole", "break", "crack", "fray", "uneven")
    bad = ImageSet.concatenate([dense_of(folder / "test" / kind) for kind in kinds])
    return _scored(trained, pool, bad, tier, seed)


def _scored(trained: ImageSet, pool: ImageSet, bad: ImageSet, tier: str, seed: int) -> Pool:
    detector = Detector.from_file(train_detector(trained, make_recipe("detector", tier, [f"seed={seed}"])))
    return Pool(detector.detect(pool).scores, detector.detect(bad).scores)


MAKERS: dict[str, Callable[[str, int], Pool]] = {"mnist": _mnist, "magnetic_tile": _tiles}
