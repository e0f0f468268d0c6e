"""train: from images to a model file."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.progress import console, training_progress


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog="Example: sablier train good/ -o part.sablier --tier small --set latent=32")(train)


def train(
    source: options.Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="The .sablier file to write.", show_default=False)],
    recipe: Annotated[str, typer.Option(help="detector, or course-dense.")] = "detector",
    tier: Annotated[str, typer.Option(help="One dial for time and quality: tiny, small, base or large.")] = "base",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a single value of the recipe, as key=value; again for more.", metavar="KEY=VALUE"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same machine: the same bits.")] = 0,
    threads: Annotated[int, typer.Option(help="Processor threads; 0 takes them all.", min=0)] = 0,
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    label_column: options.LabelColumn = None,
    labels: options.Labels = None,
    shape: options.Shape = None,
    strict: options.Strict = False,
) -> None:
    """Learn what good images look like. Labels are not needed; every image is taken for a good one."""
    from sablier.training.recipes import make_recipe
    from sablier.workflows.train import train as run

    own = [f"seed={seed}", f"threads={threads}", f"dtype={dtype}"]
    chosen = make_recipe(recipe, tier, [*own, *(settings or [])])
    with training_progress() as on_progress:
        file = run(
            source, output, chosen, resume=resume, on_progress=on_progress, **options.reading(label_column, labels, shape, strict)
        )
    from sablier.tasks.detect import Detector

    promise = Detector.from_file(file).calibration.promise(0.05)
    seconds = sum(history["seconds"] for history in file.histories.values())
    console.print(f"{output} learnt from {file.provenance.images} images in {seconds:.0f} s of training.", markup=False)
    for skipped in file.provenance.skipped[:10]:
        console.print(f"skipped {skipped}", markup=False)
    if len(file.provenance.skipped) > 10:
        console.print(f"... and {len(file.provenance.skipped) - 10} more; see: sablier info {output}", markup=False)
    console.print(promise)
    console.print(f"Next: sablier detect {output} NEW_IMAGES -o out/", markup=False)
