"""train: from images to a model file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from sablier.cli import options
from sablier.cli.panels import MODELS, add_verb
from sablier.cli.progress import console, table
from sablier.cli.time_left import training_progress
from sablier.recipes.names import DEFAULT, check_names

if TYPE_CHECKING:
    from sablier.modelfile import ModelFile
    from sablier.recipes.config import Recipe

NEXT = {
    "detect": "sablier detect {output} NEW_IMAGES -o out/",
    "reconstruct": "sablier reconstruct {output} NEW_IMAGES -o out/",
    "denoise": "sablier denoise {output} NOISY_IMAGES -o cleaned/",
    "classify": "sablier classify {output} NEW_IMAGES -o classes/",
    "compress": "sablier compress {output} IMAGES -o images.sabz",
    "generate": "sablier sample {output} -n 64 -o sheet.png",
}
NEXT_OF_CODES = (
    "sablier embed {output} IMAGES -o codes.npz",
    "sablier cluster {output} IMAGES -o clusters/",
    "sablier map {output} IMAGES -o map.html",
)


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(
        app,
        train,
        "train good/ -o part.sablier --tier small --set latent=32",
        "train tile/ -o tile.sablier --curve    (tile/ in the MVTec layout: do more photos help?)",
        "train good/ -o part.sablier --backbone network.pt2",
        "train good/ -o part.sablier --ignore clamp.png",
        "train photos/ -o part.sablier --tiles 256    (full resolution, for small defects)",
        r"train shots/ -o part.sablier --groups 'regex:(part\d+)'",
        panel=MODELS,
    )


class Asked(NamedTuple):
    """What is to be trained, and whether to print the profile of its steps."""

    recipe: "Recipe"
    profile: bool


def _asked(
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to train; see `sablier recipes`." + options.default(DEFAULT))
    ] = None,
    noisy_only: Annotated[
        bool, typer.Option("--noisy-only", help="Train a denoiser on noisy images alone: the recipe denoiser-noisy-only.")
    ] = False,
    tier: Annotated[str, typer.Option(metavar="NAME", help="Time against quality: tiny, small, base or large.")] = "base",
    settings: options.RecipeSettings = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="For classifiers: training time, such as 90s, 5m or 1h; it determines the size."),
    ] = None,
    tiles: Annotated[
        int | None,
        typer.Option(
            metavar="SIZE",
            show_default=False,
            help="For detectors: judge photos at full resolution, up to 4,096 pixels a side, for small defects. They are "
            "computed in overlapping tiles of SIZE pixels, such as 256. Larger tiles take more memory; results are the same.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="The same seed on the same machine gives the same model, bit by bit.")
    ] = 0,
    threads: Annotated[
        int, typer.Option(metavar="N", callback=options.within(0), help="Processor threads; 0 uses all of them.")
    ] = 0,
    dtype: Annotated[str, typer.Option(metavar="NAME", help="auto, float32 or bfloat16.")] = "auto",
    profile: Annotated[bool, typer.Option("--profile", help="Print how long each part of a training step takes.")] = False,
) -> Asked:
    """Return what the options of a recipe and of its run ask for."""
    check_names(recipe or DEFAULT, tier, settings or ())  # before torch is loaded
    from sablier.errors import ConfigError
    from sablier.recipes.make import make_recipe
    from sablier.workflows.training.denoiser import denoiser_recipe

    name = denoiser_recipe(recipe, noisy_only, otherwise=DEFAULT)
    if budget is not None and make_recipe(name).task != "classify":
        raise ConfigError(f"expected a recipe of a classifier for --budget, got {name}. Use --tier to limit the training time.")
    if tiles is not None and make_recipe(name).task != "detect":
        raise ConfigError(f"expected a recipe of a detector for --tiles, got {name}.")
    own = [f"seed={seed}", f"threads={threads}", f"dtype={dtype}", f"profile={profile}"]
    within = [] if budget is None else [f"budget_seconds={options.seconds(budget)}"]
    within += [] if tiles is None else [f"tiles={tiles}"]
    return Asked(make_recipe(name, tier, [*own, *within, *(settings or [])]), profile)


@options.taking(asked=_asked, reading=options.reading)
def train(
    source: options.Source,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The .sablier file to write.")],
    asked: Asked,
    resume: Annotated[bool, typer.Option("--resume", help="Resume a run that was stopped.")] = False,
    groups: options.Groups = None,
    backbone: Annotated[
        Path | None,
        typer.Option(
            help="For detectors: your own backbone (feature network), a .pt2 (torch.export) or .onnx file. Its input is RGB "
            "from 0 to 1, its outputs are N,D,h,w or N,tokens,D. " + options.TRUST,
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    ignore: options.Ignore = None,
    roi: options.Roi = None,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve",
            help="For detectors: also measure the learning curve, the AUROC after training on 4, 8, 16 ... and all good "
            "images, several times each. The test images are those of a folder laid out like MVTec AD; for any other source, "
            "held-out good images and copies of them with synthetic defects. Writes OUTPUT.curve.csv and .png.",
        ),
    ] = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Train a model on images. Only classifiers need labels; for a detector, every image counts as a good one."""
    from sablier.workflows.learning_curve import check_curve
    from sablier.workflows.training.train import train as run

    if curve:
        check_curve(source, output, asked.recipe)
    with training_progress(f"tier {asked.recipe.tier}") as on_progress:
        file = run(
            source, output, asked.recipe, resume=resume, groups=groups, backbone=backbone, ignore=ignore, roi=roi,
            on_progress=on_progress, **reading,
        )  # fmt: skip
    _print_outcome(file, output)
    if asked.profile:
        _print_profiles(file)
    if file.task == "detect" and file.provenance.groups < file.provenance.images:
        _print_groups(file, output)
    if file.provenance.filtered:
        _print_filtered(file, output)
    for fact in _quality(file):
        console.print(fact, markup=False)
    if curve:
        _print_curve(source, output, asked.recipe, {"groups": groups, "backbone": backbone, **reading})
    again = "" if backbone is None else f" --backbone {backbone}"
    for step in NEXT_OF_CODES if file.provenance.recipe["name"] == "representation" else (NEXT[file.task],):
        console.print(f"Next: {step.format(output=str(output))}{again}", markup=False)


def _print_outcome(file: "ModelFile", output: Path) -> None:
    """Print what the model was trained on, how long that took, and what was skipped."""
    from sablier.images.grouping import counted
    from sablier.report.words import duration

    trained_on = counted(file.provenance.images, file.provenance.groups)
    if file.task == "denoise":
        trained_on = f"{file.provenance.images} images or patches of images"
    took = duration(file.provenance.seconds or 0.0)
    console.print(f"{output} was trained on {trained_on} in {took}, tier {file.provenance.recipe['tier']}.", markup=False)
    for skipped in file.provenance.skipped[:10]:
        console.print(f"skipped {skipped}", markup=False)
    if len(file.provenance.skipped) > 10:
        console.print(f"... and {len(file.provenance.skipped) - 10} more; see: sablier info {output}", markup=False)


def _print_curve(source: str, output: Path, recipe: "Recipe", asked: dict[str, Any]) -> None:
    """Measure the learning curve of the images, and print the test images, the figures and their limits."""
    from sablier.workflows.learning_curve import curve_paths, learning_curve

    with training_progress(f"tier {recipe.tier}; the model is already written, so this may be stopped") as on_progress:
        found = learning_curve(source, output, recipe, on_progress=on_progress, **asked)
    rows = [
        [f"{row['images']:,}", f"{row['image_auroc']:.3f} [{row['low']:.3f}, {row['high']:.3f}]", str(row["trainings"])]
        for row in found.to_table()
    ]
    console.print(f"Test images: {found.judged}.", markup=False)
    table("Learning curve", ["good training images", "AUROC [95 %]", "training runs"], rows)
    if found.caution:
        console.print(found.caution)
    listed, drawn = curve_paths(output)
    console.print(f"See {drawn}; the numbers are in {listed}.", markup=False)


def _print_groups(file: "ModelFile", output: Path) -> None:
    """Print that some images are not independent of each other, and where their groups are shown."""
    from sablier.workflows.groups import groups_paths

    listed, drawn = groups_paths(output)
    how = "given, and images that repeat each other" if file.provenance.grouping == "given" else "images that repeat each other"
    console.print(f"Groups: {how}. Each counts once. The largest are shown in {drawn}; {listed} lists all.", markup=False)
    if file.provenance.joined_groups:
        console.print(f"{file.provenance.joined_groups} given groups hold copies of the same image and were joined.")


def _print_filtered(file: "ModelFile", output: Path) -> None:
    """Print how many training images the contamination filter excluded, and where they are shown."""
    from sablier.report.words import filtered_note
    from sablier.workflows.training.train import filtered_paths

    listed, drawn = filtered_paths(output)
    console.print(filtered_note(len(file.provenance.filtered), file.provenance.images), markup=False)
    console.print(f"Review them in {drawn} ({listed} lists all), remove the bad ones, and train again.", markup=False)


def _print_profiles(file: "ModelFile") -> None:
    """Print where the time of a step goes for each kind of network, from the first fold of it."""
    first = {name.partition("/")[2]: history["profile"] for name, history in reversed(file.histories.items())}
    if not first:
        console.print("There is no network, so there are no steps to profile.")
    for kind, rows in reversed(first.items()):
        _print_profile(rows, f"{kind}: " if len(first) > 1 else "")


def _print_profile(rows: list[dict[str, Any]], prefix: str) -> None:
    """Print where the time of a step goes, or that the training was too short to measure it."""
    if not rows:
        console.print(f"{prefix}There were too few steps to profile: at least 27 are needed.")
    for kind, title in (("phase", "time of a training step"), ("operator", "slowest torch operators")):
        cells = [[row["name"], f"{row['milliseconds']:.2f}", f"{row['share']:.0%}"] for row in rows if row["kind"] == kind]
        if cells:
            table(prefix + title, [kind, "ms per step", "share"], cells)


def _quality(file: "ModelFile") -> list[str]:
    """Return how good the model is: the guarantee of a detector, or the error on held-out images."""
    if file.task == "detect":
        from sablier.tasks.detection.detect import Detector

        return [Detector.from_file(file).calibration.promise(0.05)]
    rows = [row for history in file.histories.values() for row in history["rows"] if row.get("validation_loss") is not None]
    if not rows:
        return []
    error = rows[-1]["validation_loss"]
    if file.task == "generate":
        return [
            f"Energy distance between held-out and generated images: {error:.4f} (0: equal distributions). A sheet of generated "
            f"images lies beside the model."
        ]
    if file.task == "classify":
        return [f"Cross-entropy on held-out images: {error:.3f} nats, before calibration."]
    if file.task == "compress":
        return [f"Mean squared error on held-out images, before codes are rounded: {error:.4f} (pixels from 0 to 1)."]
    if file.task == "reconstruct":
        return [f"Mean squared error on held-out images: {error:.4f} (pixels from 0 to 1)."]
    objective = file.provenance.recipe["objective"]
    if "corruption" not in objective:
        return [f"Mean squared difference from a second noisy copy, on held-out images or patches: {error:.4f}."]
    level = (objective["noise_low"] + objective["noise_high"]) / 2
    return [
        f"Mean squared error on held-out images or patches with {objective['corruption']} noise of level {level:g}: "
        f"{error:.4f} (pixels from 0 to 1)."
    ]
