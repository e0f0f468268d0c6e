"""sample: new images from a model, or variations of given ones."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import EXPLORE, add_verb
from sablier.cli.progress import console, print_skipped


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, sample, "sample digits.sablier -n 100 -o new/ --compare digits", panel=EXPLORE)


@options.taking(reading=options.reading)
def sample(
    model: options.Model,
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", help="Number of images to generate.")] = 64,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for PNG files and samples.json, or a .png file for one sheet of all."
        ),
    ] = Path("samples"),
    like: Annotated[str | None, typer.Option(help="Generate variations of these images, each in turn.", metavar="IMAGES")] = None,
    strength: Annotated[
        float,
        typer.Option(metavar="SHARE", help="For variations: from 0 (the reconstruction) to 1 (any other image of its kind)."),
    ] = 0.5,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How to sample codes. mixture: a mixture of Gaussians over the codes of training images. flow: the normalizing "
            "flow over them (recipe generator). gaussian: one Gaussian, for comparison. network: the network itself generates.",
            show_default="the first that the model has",
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(help="Measure how near each image comes to one of these: the training images.", metavar="IMAGES"),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", callback=options.within(0), help="The same seed generates the same images.")
    ] = 0,
    *,
    reading: dict[str, Any],
) -> None:
    """Generate new images, or variations of given ones.

    Models of the recipes generator and gan generate best; autoencoders and detectors with a network can do it too.
    """
    import numpy as np

    from sablier.report.words import counted
    from sablier.workflows.sample import sample as run

    result = run(model, output, count, like=like, strength=strength, method=method, compare=compare, seed=seed, **reading)
    how = "as variations" if like else f"by the method {result.method}"
    console.print(f"{counted(len(result))} generated {how}, with seed {seed}.", markup=False)
    if result.p_values is not None:
        unlikely = int((result.p_values < 0.01).sum())
        console.print(f"{unlikely} of their codes are less likely than 99 % of those of training images.")
    if result.nearest is not None and result.nearest_ids is not None:
        closest = int(np.argmin(result.nearest))
        console.print(
            f"Distance to the nearest image of {compare}: median {np.median(result.nearest):.3f}, smallest "
            f"{result.nearest[closest]:.3f} (image {closest} and {result.nearest_ids[closest]}). "
            "0 is a copy, 1 is black against white.",
            markup=False,
        )
    print_skipped(result.skipped, len(result.skipped), "listed in the JSON file")
    console.print(f"See {output}", markup=False)
