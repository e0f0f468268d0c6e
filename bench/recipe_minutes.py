"""Minutes that each recipe takes in each tier, as `sablier recipes` prints them: src/sablier/recipes/minutes.json.

Each training runs until its own forecast has settled (`--listen` seconds after it was first heard, or the end of a short
training); the seconds so far and those forecast make the figure. Images: 5,000 of MNIST, and for the detector also the photos of
$SABLIER_DATA/industrial/pcb.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness import Bench, Partial, idle, print_table
from sablier.images.imageset import ImageSet
from sablier.images.sources import read_images
from sablier.recipes.make import make_recipe
from sablier.recipes.names import MINUTES, TIERS, list_recipes
from sablier.training.progress import Progress
from sablier.workflows.training.train import train

INDUSTRIAL = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial"
KINDS: dict[str, Callable[[], ImageSet]] = {
    "images": lambda: read_images("mnist").take(range(5000)),
    "photos": lambda: read_images(INDUSTRIAL / "pcb" / "train" / "good"),
}
PHOTOS = ("detector",)  # recipes that take photos of this size as a main use
NOISY_ONLY = "denoiser-noisy-only"


class Enough(Exception):
    """Ends a training whose forecast has been heard."""


class Listener:
    """Hears the progress of a training, and ends it once its forecast has settled.

    Args:
        listen: seconds to wait after the first forecast.
    """

    def __init__(self, listen: float) -> None:
        self.listen, self.start, self.first, self.seconds = listen, time.perf_counter(), 0.0, 0.0

    def __call__(self, stage: str, progress: Progress) -> None:
        now = time.perf_counter()
        if progress.whole is None:
            return
        self.first = self.first or now
        if now - self.first >= self.listen:
            self.seconds = now - self.start + progress.whole.seconds_left
            raise Enough


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", type=float, default=8.0, help="seconds of each training")
    parser.add_argument("--tiers", nargs="+", default=TIERS, help="which tiers are measured; others are shown as not measured")


def main() -> None:
    bench = Bench("recipe_minutes", __doc__ or "", add)
    quick, args = bench.args.quick, bench.args
    recipes, tiers, listen = (list_recipes()[:3], TIERS[:2], 2.0) if quick else (list_recipes(), tuple(args.tiers), args.listen)
    steps = bench.partial("mnist")
    rows = [
        row_of(recipe, kind, tiers, listen, steps) for recipe in recipes for kind in KINDS if kind == "images" or recipe in PHOTOS
    ]
    print_table(["recipe", *tiers], [[row["row"], *(row["seconds"][tier] for tier in tiers)] for row in rows])
    bench.finish("mnist", [0], {"rows": rows, "idle": all(row["idle"] for row in rows)})
    if not quick:
        minutes = {kind: {row["recipe"]: row["seconds"] for row in rows if row["kind"] == kind} for kind in KINDS}
        of = {kind: described(images()) for kind, images in KINDS.items()}
        MINUTES.write_text(json.dumps({"of": of, "cores": os.cpu_count(), "seconds": minutes}, indent=1) + "\n")


def row_of(recipe: str, kind: str, tiers: tuple[str, ...], listen: float, steps: Partial) -> dict[str, Any]:
    """Return the seconds of a recipe by tier."""
    name = recipe if kind == "images" else f"{recipe}, {kind}"
    found: dict[str, dict[str, Any]] = {}
    for tier in tiers:
        asked = make_recipe(recipe, tier)
        alike = next((other for other in found if replace(make_recipe(recipe, other), tier=tier) == asked), tier)
        found[tier] = steps.get(f"{name}/{alike}", partial(measured, recipe, alike, kind, listen))
    seconds = {tier: each["seconds"] for tier, each in found.items()}
    return {"row": name, "recipe": recipe, "kind": kind, "seconds": seconds, "idle": all(each["idle"] for each in found.values())}


def described(images: ImageSet) -> str:
    """Return how many images of which size there are, in words."""
    return f"{len(images):,} images of {' x '.join(map(str, images.sizes[0].tolist()))}"


def images_for(recipe: str, kind: str) -> ImageSet:
    """Return the training images; for a denoiser that learns from noisy images alone, with noise that is not clipped."""
    images = KINDS[kind]()
    if recipe != NOISY_ONLY:
        return images
    noise = np.random.default_rng(0).normal(0, 0.2, images.array.shape)
    return ImageSet((images.array / 255 + noise).astype(np.float32))


def measured(recipe: str, tier: str, kind: str, listen: float) -> dict[str, Any]:
    """Return the seconds of one training, of which the end is forecast."""
    with tempfile.TemporaryDirectory() as folder:
        heard = Listener(listen)
        try:
            train(images_for(recipe, kind), Path(folder) / "m.sablier", make_recipe(recipe, tier), on_progress=heard)
        except Enough:
            return {"seconds": round(heard.seconds, 1), "idle": idle()}
        return {"seconds": round(time.perf_counter() - heard.start, 1), "idle": idle()}


if __name__ == "__main__":
    main()
