"""PatchCore and PaDiM as published, in code of ours, on what the same network sees: how well bad photos are told from good ones.

Needs $SABLIER_DATA/industrial in the MVTec layout. Both views of EfficientNet-Lite0 that sablier uses, on the grid of the first,
392 numbers a place. PaDiM (Defard et al. 2020): a Gaussian for each place, over 100 numbers drawn at random, 0.01 added to the
diagonal. PatchCore (Roth et al. 2022): the distance from the nearest of a coreset, 1 % of the places (at most 100,000 of these,
drawn at random), chosen greedily, each
number over its spread. An image is as strange as its strangest place; maps are blurred with a sigma of 4 pixels.
sablier runs beside them with every default, in the same process. No test label is used.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from harness import Bench, print_table
from sablier.images.imageset import ImageSet
from sablier.images.masks import at_original_size
from sablier.images.mvtec import MvtecLayout
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images
from sablier.metrics import PixelCounts, auroc
from sablier.models.efficientnet_lite import pretrained
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.anomaly_map import gaussian_blur
from sablier.transforms.batches import Batches
from sablier.typing import Array
from sablier.workflows.evaluate import evaluate
from sablier.workflows.training.train import train

INDUSTRIAL = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial"
CATEGORIES = ("toothbrush", "magnetic_tile")
PADIM_SIZE, PADIM_ADDED = 100, 0.01
CORESET_SHARE, MOST_PLACES = 0.01, 100_000
MAP_BLUR = 4.0
SMALLEST = 1e-6


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--categories", nargs="+", default=CATEGORIES, help="folders of industrial/")


def main() -> None:
    bench = Bench("photo_peers", __doc__ or "", add)
    categories = ["toothbrush"] if bench.args.quick else bench.args.categories
    steps, rows = bench.partial("photos"), []
    for category in categories:
        rows += steps.get(category, partial(compared, INDUSTRIAL / category, "tiny" if bench.args.quick else "base"))
    names = ("category", "method", "image_auroc", "pixel_auroc", "aupro", "seconds")
    print_table(list(names), [[row[name] for name in names] for row in rows])
    named = [{"row": f"{row['category']}, {row['method']}", **row} for row in rows]
    payload = {"rows": named, "categories": list(categories)}
    bench.finish("photos", [0], payload)


def compared(place: Path, tier: str) -> list[dict[str, Any]]:
    """Return the figures of each method on one set."""
    layout = MvtecLayout(place)
    good, bad = layout.read_tests()
    training = read_images(layout.training)
    preprocess = Preprocess.for_images(training, make_recipe(tier=tier).size)
    describe = partial(described, preprocess)
    rows = []
    for method in (PaDiM, PatchCore):
        start = time.perf_counter()
        peer = method(describe(training))
        normal, map_of_good = judged(peer, describe(good), preprocess)
        strange, map_of_bad = judged(peer, describe(bad), preprocess)
        seconds = time.perf_counter() - start
        counts = PixelCounts()
        for images, anomaly_maps in ((good, map_of_good), (bad, map_of_bad)):
            for anomaly_map, size, truth in zip(anomaly_maps, images.sizes.tolist(), layout.masks(images), strict=True):
                if isinstance(truth, np.ndarray):
                    counts.add(at_original_size(anomaly_map, tuple(size)), truth)
        rows.append(figures(place.name, method.__name__, auroc(normal, strange), counts.auroc(), counts.aupro(), seconds))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "part.sablier"
        train(place, model, make_recipe(tier=tier))
        result = evaluate(model, place)
    assert result.pixels is not None
    ours = result.rows[0].auroc, result.pixels.auroc, result.pixels.aupro, time.perf_counter() - start
    return [*rows, figures(place.name, "sablier", *ours)]


def figures(category: str, method: str, image: float, pixel: float, aupro: float, seconds: float) -> dict[str, Any]:
    return {
        "category": category, "method": method, "image_auroc": image, "pixel_auroc": pixel, "aupro": aupro, "seconds": seconds
    }  # fmt: skip


@torch.no_grad()
def described(preprocess: Preprocess, images: ImageSet) -> Iterator[Tensor]:
    """Yield N,D,h,w of batches: both views on the grid of the first."""
    network = pretrained((preprocess.height, preprocess.width, preprocess.channels))
    for batch in Batches(images.dense(preprocess), preprocess).for_scoring():
        fine, deep = network.describe(batch.x)
        yield torch.cat([fine, F.interpolate(deep, fine.shape[2:], mode="bilinear")], dim=1)


def judged(peer: "PaDiM | PatchCore", views: Iterator[Tensor], preprocess: Preprocess) -> tuple[Array, list[Array]]:
    """Return N scores and maps."""
    scores, anomaly_maps = [], []
    for view in views:
        distances = peer.distances(view)
        large = F.interpolate(distances[:, None], (preprocess.height, preprocess.width), mode="bilinear")[:, 0]
        anomaly_maps += list(gaussian_blur(large, MAP_BLUR).numpy())
        scores.append(distances.flatten(1).amax(dim=1).numpy())
    return np.concatenate(scores), anomaly_maps


class PaDiM:
    """A Gaussian for each place."""

    def __init__(self, views: Iterator[Tensor]) -> None:
        self.chosen: Tensor | None = None
        rows = torch.cat([self._some(view).half() for view in views]).float()
        self.means = rows.mean(dim=0)
        apart = (rows - self.means).permute(2, 3, 0, 1)
        covariances = apart.transpose(2, 3) @ apart / (len(rows) - 1) + PADIM_ADDED * torch.eye(rows.shape[1])
        self.factors = torch.linalg.cholesky(covariances)

    def distances(self, view: Tensor) -> Tensor:
        apart = (self._some(view) - self.means).permute(2, 3, 1, 0)
        whitened: Tensor = torch.linalg.solve_triangular(self.factors, apart, upper=False)
        return whitened.square().sum(dim=2).sqrt().permute(2, 0, 1)

    def _some(self, view: Tensor) -> Tensor:
        if self.chosen is None:
            self.chosen = torch.randperm(view.shape[1], generator=torch.Generator().manual_seed(0))[:PADIM_SIZE]
        return view[:, self.chosen]


class PatchCore:
    """Places of good photos, of which few are kept that lie near all others."""

    def __init__(self, views: Iterator[Tensor]) -> None:
        rows = torch.cat([view.permute(0, 2, 3, 1).flatten(0, 2).half() for view in views])
        generator = torch.Generator().manual_seed(0)
        rows = rows[torch.randperm(len(rows), generator=generator)[:MOST_PLACES]].float()
        self.spread = rows.std(dim=0) + SMALLEST
        rows /= self.spread
        squares = rows.square().sum(dim=1)
        kept, nearest = [0], torch.full((len(rows),), torch.inf)
        while len(kept) < round(CORESET_SHARE * len(rows)):
            last = kept[-1]
            torch.minimum(nearest, torch.addmv(squares, rows, rows[last], alpha=-2) + squares[last], out=nearest)
            kept.append(int(nearest.argmax()))
        self.coreset = rows[kept]

    def distances(self, view: Tensor) -> Tensor:
        flat = view.permute(0, 2, 3, 1).flatten(0, 2) / self.spread
        near = torch.cat([torch.cdist(part, self.coreset).amin(dim=1) for part in torch.split(flat, 4096)])
        return near.view(len(view), *view.shape[2:])


if __name__ == "__main__":
    main()
