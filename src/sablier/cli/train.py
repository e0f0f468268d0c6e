"""train: from images to a model file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from sablier.cli import options
from sablier.cli.progress import console, table
from sablier.cli.time_left import training_progress
from sablier.recipes.names import DEFAULT, check_names, recipe_words

if TYPE_CHECKING:
    from sablier.modelfile import ModelFile
    from sablier.recipes.config import Recipe

RECIPES_HELP = " ".join(f"{name}: {words[:1].lower()}{words[1:]}" for name, words in recipe_words().items())
NEXT = {
    "detect": "sablier detect {output} NEW_IMAGES -o out/",
    "reconstruct": "sablier reconstruct {output} NEW_IMAGES -o out/",
    "denoise": "sablier denoise {output} NOISY_IMAGES -o cleaned/",
    "classify": "sablier classify {output} NEW_IMAGES -o classes/",
    "compress": "sablier compress {output} IMAGES -o images.sabz",
    "generate": "sablier sample {output} -n 64 -o sheet.png",
}


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        epilog="Example: sablier train good/ -o part.sablier --tier small --set latent=32\n\n"
        "Example: sablier train tile/ -o tile.sablier --curve    (tile/ in the MVTec layout: do more photos help?)\n\n"
        "Example: sablier train good/ -o part.sablier --backbone network.pt2\n\n"
        r"Example: sablier train shots/ -o part.sablier --groups 'regex:(part\d+)'"
    )(train)


class Asked(NamedTuple):
    """What is to be trained, and whether to print the profile of its steps."""

    recipe: "Recipe"
    profile: bool


def _asked(
    recipe: Annotated[str | None, typer.Option(help=RECIPES_HELP, show_default=DEFAULT)] = None,
    noisy_only: Annotated[
        bool, typer.Option("--noisy-only", help="Learn to remove noise from noisy images alone: the recipe denoiser-noisy-only.")
    ] = False,
    tier: Annotated[str, typer.Option(help="One dial for time and quality: tiny, small, base or large.")] = "base",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a single value of the recipe, as key=value; again for more.", metavar="KEY=VALUE"),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Of a classifier: how long it may train, such as 90s, 5m or 1h; it decides the size.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same machine: the same bits.")] = 0,
    threads: Annotated[int, typer.Option(help="Processor threads; 0 takes them all.", min=0)] = 0,
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    profile: Annotated[bool, typer.Option("--profile", help="Say where the time of a training step goes.")] = False,
) -> Asked:
    """Return what the options of a recipe and of its run ask for."""
    check_names(recipe or DEFAULT, tier, settings or ())  # before torch is loaded
    from sablier.errors import ConfigError
    from sablier.recipes.make import make_recipe
    from sablier.workflows.training.denoiser import denoiser_recipe

    name = denoiser_recipe(recipe, noisy_only, otherwise=DEFAULT)
    if budget is not None and make_recipe(name).task != "classify":
        raise ConfigError(f"expected a recipe of a classifier for --budget, got {name}. Say how long it may take with --tier.")
    own = [f"seed={seed}", f"threads={threads}", f"dtype={dtype}", f"profile={profile}"]
    within = [] if budget is None else [f"budget_seconds={options.seconds(budget)}"]
    return Asked(make_recipe(name, tier, [*own, *within, *(settings or [])]), profile)


@options.taking(asked=_asked, reading=options.reading)
def train(
    source: options.Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="The .sablier file to write.", show_default=False)],
    asked: Asked,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    groups: options.Groups = None,
    backbone: Annotated[
        Path | None,
        typer.Option(
            help="Of a detector: a feature network of your own to look with, a .pt2 (torch.export) or .onnx file, whose "
            "outputs are N,D,h,w or N,tokens,D; it gets RGB from 0 to 1. " + options.TRUST,
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve",
            help="Of a detector, besides: how well bad images are told from good ones after learning from 4, 8, 16 ... and all "
            "good images, each several times with others. Judged are the tests of a folder laid out like MVTec AD; of any other, "
            "good images held out, and copies of them with drawn defects. Writes OUTPUT.curve.csv and .png.",
        ),
    ] = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Learn what images look like. Only classifiers need labels; for a detector every image is taken for a good one."""
    from sablier.workflows.learning_curve import check_curve
    from sablier.workflows.training.train import train as run

    if curve:
        check_curve(source, output, asked.recipe)
    with training_progress(f"tier {asked.recipe.tier}") as on_progress:
        file = run(
            source, output, asked.recipe, resume=resume, groups=groups, backbone=backbone, on_progress=on_progress, **reading
        )
    _print_outcome(file, output)
    if asked.profile:
        _print_profiles(file)
    if file.task == "detect" and file.provenance.groups < file.provenance.images:
        _print_groups(file, output)
    if file.provenance.suspects:
        _print_suspects(file, output)
    for fact in _what_it_can(file):
        console.print(fact, markup=False)
    if curve:
        _print_curve(source, output, asked.recipe, {"groups": groups, "backbone": backbone, **reading})
    again = "" if backbone is None else f" --backbone {backbone}"
    console.print(f"Next: {NEXT[file.task].format(output=str(output))}{again}", markup=False)


def _print_outcome(file: "ModelFile", output: Path) -> None:
    """Say what the model learnt from, how long that took, and what was skipped."""
    from sablier.images.grouping import counted
    from sablier.report.words import duration

    learnt_from = counted(file.provenance.images, file.provenance.groups)
    if file.task == "denoise":
        learnt_from = f"{file.provenance.images} images or patches of images"
    took = duration(file.provenance.seconds or 0.0)
    console.print(f"{output} learnt from {learnt_from} in {took}, tier {file.provenance.recipe['tier']}.", markup=False)
    for skipped in file.provenance.skipped[:10]:
        console.print(f"skipped {skipped}", markup=False)
    if len(file.provenance.skipped) > 10:
        console.print(f"... and {len(file.provenance.skipped) - 10} more; see: sablier info {output}", markup=False)


def _print_curve(source: str, output: Path, recipe: "Recipe", asked: dict[str, Any]) -> None:
    """Measure the learning curve of the images, and print what was judged, the figures, and what they do not say."""
    from sablier.workflows.learning_curve import curve_paths, learning_curve

    with training_progress(f"tier {recipe.tier}; the model is written, so that this may be stopped") as on_progress:
        found = learning_curve(source, output, recipe, on_progress=on_progress, **asked)
    rows = [
        [f"{row['images']:,}", f"{row['image_auroc']:.3f} [{row['low']:.3f}, {row['high']:.3f}]", str(row["trainings"])]
        for row in found.to_table()
    ]
    console.print(f"Judged: {found.judged}.", markup=False)
    table("How well the bad are told from the good", ["good images learnt from", "AUROC [95 %]", "trainings"], rows)
    if found.caution:
        console.print(found.caution)
    listed, drawn = curve_paths(output)
    console.print(f"See {drawn}; the numbers are in {listed}.", markup=False)


def _print_groups(file: "ModelFile", output: Path) -> None:
    """Say that some images are not independent of each other, what that means, and where their groups are seen."""
    from sablier.workflows.groups import groups_paths

    listed, drawn = groups_paths(output)
    how = "given, and images that repeat each other" if file.provenance.grouping == "given" else "images that repeat each other"
    console.print(f"Groups: {how}. Each counts once. The largest are drawn in {drawn}, all are in {listed}.", markup=False)
    if file.provenance.joined_groups:
        console.print(f"{file.provenance.joined_groups} given groups hold copies of the same image and were joined.")


def _print_suspects(file: "ModelFile", output: Path) -> None:
    """Say how many training images may not belong, what was done with them, and where they are seen."""
    from sablier.report.words import suspects_note
    from sablier.workflows.training.train import suspects_paths

    listed, drawn = suspects_paths(output)
    console.print(suspects_note(len(file.provenance.suspects), file.provenance.images), markup=False)
    console.print(f"Look at {drawn} (all are in {listed}), take out what is bad, and train again.", markup=False)


def _print_profiles(file: "ModelFile") -> None:
    """Print where the time of a step goes for each kind of network, from the first fold of it."""
    first = {name.partition("/")[2]: history["profile"] for name, history in reversed(file.histories.items())}
    if not first:
        console.print("There is no network, so there are no steps to profile.")
    for kind, rows in reversed(first.items()):
        _print_profile(rows, f"{kind}: " if len(first) > 1 else "")


def _print_profile(rows: list[dict[str, Any]], prefix: str) -> None:
    """Print where the time of a step goes, or that the training was too short to tell."""
    if not rows:
        console.print(f"{prefix}There were too few steps to profile: it takes 27.")
    for kind, title in (("phase", "where a step's time goes"), ("operator", "torch's busiest operators")):
        cells = [[row["name"], f"{row['milliseconds']:.2f}", f"{row['share']:.0%}"] for row in rows if row["kind"] == kind]
        if cells:
            table(prefix + title, ["", "ms a step", "share"], cells)


def _what_it_can(file: "ModelFile") -> list[str]:
    """Return what holds of the model of its task: a promise, or the error on images it has not learnt from."""
    if file.task == "detect":
        from sablier.tasks.detection.detect import Detector

        return [Detector.from_file(file).calibration.promise(0.05)]
    rows = [row for history in file.histories.values() for row in history["rows"] if row.get("validation_loss") is not None]
    if not rows:
        return []
    error = rows[-1]["validation_loss"]
    if file.task == "generate":
        return [
            f"Between held-out images and what it draws the energy distance is {error:.4f}; 0 is none. A sheet of what it draws "
            f"is kept beside the model."
        ]
    if file.task == "classify":
        return [f"On held-out images it is surprised at the true class by {error:.3f} nats, before it is calibrated; 0 is none."]
    if file.task == "compress":
        return [f"On held-out images the mean squared error is {error:.4f} before codes are rounded, of pixels from 0 to 1."]
    if file.task == "reconstruct":
        return [f"On held-out images its mean squared error is {error:.4f}, of pixels from 0 to 1."]
    objective = file.provenance.recipe["objective"]
    if "corruption" not in objective:
        return [f"On held-out images or patches it differs from a second noisy copy by {error:.4f}, mean squared."]
    level = (objective["noise_low"] + objective["noise_high"]) / 2
    return [
        f"On held-out images or patches with {objective['corruption']} noise of level {level:g} its mean "
        f"squared error is {error:.4f}, of pixels from 0 to 1."
    ]
