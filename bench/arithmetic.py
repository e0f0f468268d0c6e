"""Sums of codes against the truth, for letters (bold A - regular A + regular B) and faces (glasses); needs no data.

Letters are drawn from fonts (`sablier.images.glyphs`). One font family at a time is held out of training, which sees no
label; sums are of letters of that family. Twenty of them (ten letters, regular and bold) share a pose, so that the truth is
known to the pixel. A is the mean of the nine other letters, as of a folder each of bold and of regular letters
(`error_ratio`, `nearest_right`); or one other letter, one drawing each, all 90 pairs (`..._single`). "Doing nothing" is the
regular B itself, not a redrawn one. Which of the twenty is nearest to the sum is asked of codes, as `sablier combine` does,
and of decoded pixels (`..._by_pixels`). Everything was chosen with DejaVu Serif held out, which is not reported; the figures
are means over the other families. A walk goes from one letter of the held-out family to another: its largest step over its
mean step, mean of 100 walks.

`--data faces`: glasses of one face shape are added to faces of the other (`sablier.images.faces`), among the sixteen
combinations of attributes that share a pose. Training has seen the shape that gets the glasses only without them
(`error_ratio`, `nearest_right`), or not at all (`..._shape_unseen`). The glasses come from faces of other poses: the
mean of all, or one face (`..._single`). The nearest of the sixteen is asked of decoded pixels, and of codes (`..._by_code`).
`error_ratio_of_pixels` is of the same sum without a model. The figures are means over both shapes. The recipe was not
chosen on faces; how much faces vary in place and size was, after a first trial with more of it (docs/LOG.md).
"""

import argparse
from functools import partial
from typing import Any

import numpy as np

from harness import Bench, print_table
from sablier.course.arithmetic import drawn_letters, families_with_bold, measured_sums
from sablier.course.face_sums import drawn_faces, error_ratio_of_pixels, measured_glasses, without_held_out
from sablier.images.faces import SHAPES, faces
from sablier.images.glyphs import glyphs
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.latent.interpolation import CURVES, interpolation
from sablier.tasks.latent.reconstruct import TASK
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.network import network_of

USUAL_TIER = {"glyphs": "base", "faces": "small"}
CHOSEN_ON = "DejaVu Serif"
LETTERS_DRAWN = 20_000
FACES_DRAWN = 8000
POSES = 20
INTERPOLATIONS = 100


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recipe", default="autoencoder", help="one that reconstructs")
    parser.add_argument("--data", default="glyphs", choices=USUAL_TIER)
    parser.add_argument("--tier", choices=TIERS, help="of the recipe; without it base for letters, small for faces")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the recipe")
    parser.add_argument("--choose", action="store_true", help=f"hold out {CHOSEN_ON} instead, to choose settings on")


def main() -> None:
    bench = Bench("arithmetic", __doc__ or "", add)
    args = bench.args
    args.tier = args.tier or USUAL_TIER[args.data]
    settings = [*args.set, *(["megapixels=2"] if args.quick else [])]
    {"glyphs": letters, "faces": spectacles}[args.data](bench, args, settings)


def letters(bench: Bench, args: argparse.Namespace, settings: list[str]) -> None:
    """Hold out one font family after the other."""
    families = [CHOSEN_ON] if args.choose else [family for family in families_with_bold() if family != CHOSEN_ON]
    families = families[:1] if args.quick else families
    key = run_key(args)
    steps = bench.partial(key)
    drawn = glyphs(2000 if args.quick else LETTERS_DRAWN)
    found = {family: steps.get(family, partial(measure, family, drawn, args, settings)) for family in families}
    means = {name: float(np.mean([each[name] for each in found.values()])) for name in next(iter(found.values()))}
    names = ["error_ratio", "nearest_right", "error_ratio_single", "nearest_right_single", "floor_ratio", "unevenness"]
    rows = [[family, *(each[name] for name in names)] for family, each in [*found.items(), ("mean", means)]]
    print_table(["held out", *names], rows)
    payload = {
        "data": "glyphs",
        "recipe": args.recipe,
        "tier": args.tier,
        **means,
        "by_family": found,
    }
    bench.finish(key, [0], payload, sum(each["train_seconds"] for each in found.values()))


def measure(family: str, drawn: ImageSet, args: argparse.Namespace, settings: list[str]) -> dict[str, Any]:
    """Train without a family and compute with its letters."""
    file = train_autoencoder(drawn.take(~drawn.matches("family", family)), make_recipe(args.recipe, args.tier, settings))
    model, rule = network_of(file, TASK), file.preprocess
    letters = drawn_letters(family, 2 if args.quick else POSES)
    single, averaged = (measured_sums(model, rule, letters, way) for way in (False, True))
    return {
        "error_ratio": averaged.error_ratio,
        "nearest_right": averaged.right_by_code,
        "nearest_right_by_pixels": averaged.right,
        "error_ratio_single": single.error_ratio,
        "nearest_right_single": single.right_by_code,
        "nearest_right_single_by_pixels": single.right,
        "floor_ratio": single.floor_ratio,
        "train_seconds": sum(history["seconds"] for history in file.histories.values() if "seconds" in history),
        **unevenness(model, rule, family),
    }


def run_key(args: argparse.Namespace) -> str:
    """Return the name of a run: the data, and what differs from the usual."""
    tier = [args.tier] if args.tier != USUAL_TIER[args.data] else []
    return "-".join([args.data, *(["choose"] if args.choose else []), *tier, *args.set])


def spectacles(bench: Bench, args: argparse.Namespace, settings: list[str]) -> None:
    """Hold out one face shape after the other: its faces with glasses, and all of them."""
    key = run_key(args)
    steps, drawn = bench.partial(key), faces(500 if args.quick else FACES_DRAWN)
    found: dict[str, dict[str, Any]] = {}
    for shape in SHAPES:
        kept = {"": without_held_out(drawn, shape), "_shape_unseen": drawn.take(~drawn.matches("shape", shape))}
        found[shape] = {}
        for suffix, training in kept.items():
            found[shape] |= steps.get(shape + suffix, partial(measure_glasses, training, shape, suffix, args, settings))
    means = {name: float(np.mean([each[name] for each in found.values()])) for name in found[SHAPES[0]]}
    names = [name for name in means if not name.startswith(("train", "floor"))]
    print_table(["measure", *SHAPES, "mean"], [[name, *(found[shape][name] for shape in SHAPES), means[name]] for name in names])
    payload = {"data": "faces", "recipe": args.recipe, "tier": args.tier, **means, "by_shape": found}
    seconds = sum(value for each in found.values() for name, value in each.items() if name.startswith("train"))
    bench.finish(key, [0], payload, seconds)


def measure_glasses(
    training: ImageSet, shape: str, suffix: str, args: argparse.Namespace, settings: list[str]
) -> dict[str, float]:
    """Train on some faces and give glasses to those of a shape; the names of the figures end in `suffix`."""
    file = train_autoencoder(training, make_recipe(args.recipe, args.tier, settings))
    model, rule = network_of(file, TASK), file.preprocess
    pixels = drawn_faces(2 if args.quick else POSES)
    single, averaged = (measured_glasses(model, rule, pixels, shape, way) for way in (False, True))
    figures = {
        "error_ratio": averaged.error_ratio,
        "nearest_right": averaged.right,
        "nearest_right_by_code": averaged.right_by_code,
        "error_ratio_single": single.error_ratio,
        "nearest_right_single": single.right,
        "nearest_right_single_by_code": single.right_by_code,
        "error_ratio_of_pixels": error_ratio_of_pixels(rule, pixels, shape, averaged=True),
        "floor_ratio": averaged.floor_ratio,
        "train_seconds": sum(history["seconds"] for history in file.histories.values() if "seconds" in history),
    }
    return {name + suffix: value for name, value in figures.items()}


def unevenness(model: Model, rule: Preprocess, family: str) -> dict[str, float]:
    """Return the largest step over the mean step of walks between letters of a family, means and largest over the walks."""
    letters = glyphs(40 * INTERPOLATIONS, seed=1).where(family=family).take(range(2 * INTERPOLATIONS))
    pairs = np.arange(len(letters)).reshape(-1, 2)
    found = {
        curve: [interpolation(model, rule, letters.take(pair), 20, curve).unevenness or 1.0 for pair in pairs] for curve in CURVES
    }
    return {
        "unevenness": float(np.mean(found["linear"])),
        "unevenness_worst": float(np.max(found["linear"])),
        "unevenness_spherical": float(np.mean(found["spherical"])),
    }


if __name__ == "__main__":
    main()
