"""sample: new images from a model, or variations of given ones."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, print_skipped


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog="Example: sablier sample digits.sablier -n 100 -o new/ --compare digits")(sample)


@options.taking(reading=options.reading)
def sample(
    model: options.Model,
    count: Annotated[int, typer.Option("--count", "-n", help="How many images to draw.")] = 64,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for PNG files and samples.json, or a .png file: all on one sheet.")
    ] = Path("samples"),
    like: Annotated[str | None, typer.Option(help="Draw variations of these images, each in turn.", metavar="IMAGES")] = None,
    strength: Annotated[
        float, typer.Option(help="Of variations: from 0, the image as the model draws it, to 1, any other of its kind.")
    ] = 0.5,
    method: Annotated[
        str | None,
        typer.Option(
            help="How to draw. mixture: from a mixture of Gaussians over the codes of training images. flow: by the flow over "
            "them, of the recipe generator. gaussian: from one Gaussian, to compare with. network: as the network itself draws.",
            show_default="the first that the model can",
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(help="Say how near each comes to one of these images: those the model was trained on.", metavar="IMAGES"),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same images.", min=0)] = 0,
    *,
    reading: dict[str, Any],
) -> None:
    """Draw new images with a model, or variations of given ones. Detectors and autoencoders draw too, generators best."""
    import numpy as np

    from sablier.report.words import counted
    from sablier.workflows.sample import sample as run

    result = run(model, output, count, like=like, strength=strength, method=method, compare=compare, seed=seed, **reading)
    how = "as variations" if like else f"by the method {result.method}"
    console.print(f"{counted(len(result))} drawn {how}, with seed {seed}.", markup=False)
    if result.p_values is not None:
        strange = int((result.p_values < 0.01).sum())
        console.print(f"{strange} of their codes are less likely than 99 % of those of training images.")
    if result.nearest is not None and result.nearest_ids is not None:
        closest = int(np.argmin(result.nearest))
        console.print(
            f"The nearest of {compare} is {np.median(result.nearest):.3f} away in the median, and {result.nearest[closest]:.3f} "
            f"at least: {result.nearest_ids[closest]}, from image {closest}. 0 is a copy, 1 black against white.",
            markup=False,
        )
    print_skipped(result.skipped, len(result.skipped), "listed in the JSON file")
    console.print(f"See {output}", markup=False)
