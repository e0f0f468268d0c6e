"""compress, decompress: many images in one small file, and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import DENOISE, add_verb
from sablier.cli.progress import console, counting_progress, print_skipped

if TYPE_CHECKING:
    from sablier.tasks.codec.codec import Compressed

MOST_WANTED = 10_000_000
QUALITY = 60  # where nothing else is asked
Container = Annotated[Path, typer.Argument(help="A .sabz file.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    add_verb(app, compress, "compress codec.sablier images/ -o images.sabz --lossless", panel=DENOISE)
    add_verb(app, decompress, "decompress images.sabz -o out/ --model codec.sablier", panel=DENOISE)


@options.taking(reading=options.reading)
def compress(
    model: options.Model,
    source: options.Source,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The .sabz file to write.")] = Path(
        "images.sabz"
    ),
    quality: Annotated[
        int | None,
        typer.Option(metavar="N", help="From 1 (fewest bytes) to 100 (smallest error)." + options.default(QUALITY)),
    ] = None,
    target_bytes: Annotated[
        float | None,
        typer.Option(metavar="BYTES", help="Choose the quality by the mean size of an image in bytes, names not counted."),
    ] = None,
    lossless: Annotated[bool, typer.Option("--lossless", help="Keep every pixel exactly.")] = False,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Keep the names and times of the images.")] = True,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Decode the result and compare it with the images.")] = True,
    chart: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A .png file: chart of error by bytes, beside PNG, WebP, JPEG and others, for at most 300 images.",
        ),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Compress images of any size into one .sabz file, with a model of the recipe codec.

    The more similar the images are to the training images, the smaller the file. Decompression needs the model: keep it.
    """
    from sablier.workflows.compress import compress as run

    if quality is not None and (lossless or target_bytes is not None):
        other = "--lossless" if lossless else "--target-bytes"
        raise typer.BadParameter(f"expected --quality or {other}, got both. Leave one out.", param_hint="--quality")
    with counting_progress("compressing") as on_progress:
        found = run(
            model, source, output, QUALITY if quality is None else quality, lossless=lossless, target_bytes=target_bytes,
            names=names, check=check, picture=chart, on_progress=on_progress, **reading,
        )  # fmt: skip
    _print_size(found, lossless)
    print_skipped(found.skipped, len(found.skipped), "also unreadable")
    if chart is not None:
        console.print(f"Comparison with other codecs: {chart}", markup=False)
    console.print(f"See {output}. Decompressing it needs {model}.", markup=False)


def _print_size(found: "Compressed", lossless: bool) -> None:
    """Print how many bytes the images take, and how well they were kept."""
    import numpy as np

    from sablier.report.words import counted

    header = found.header
    pixels = sum(float(np.prod(shape)) for shape in header.shapes())
    size = len(found.data) - header.names[0]
    console.print(
        f"{counted(header.images)} in {len(found.data):,} bytes: {found.bytes_an_image:.1f} bytes per image, "
        f"{8 * size / pixels:.3f} bits per value, and {header.names[0]:,} bytes of names. "
        f"Uncompressed pixels take {pixels:,.0f} bytes."
    )
    if found.mse is None:
        console.print("Not checked: the file was not decoded again.")
    elif lossless:
        console.print("Checked: every pixel is identical.")
    else:
        console.print(f"Checked: mean squared error {found.mse:.5f} (pixels from 0 to 1).")


def _numbers(text: str | None) -> set[int] | None:
    if text is None:
        return None
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.strip().isdigit() or (dash and not last.strip().isdigit()):
            raise typer.BadParameter(f"expected numbers such as 3,10-19, got {text!r}.", param_hint="--only")
        found |= set(range(int(first), min(int(last if dash else first), int(first) + MOST_WANTED) + 1))
    return found


def decompress(
    container: Container,
    model: Annotated[Path, typer.Option("--model", metavar="FILE", help="The model that compressed the file.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the images.")] = Path(
        "decompressed"
    ),
    only: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="Only the images with these numbers, from 0, such as 3,10-19.")
    ] = None,
) -> None:
    """Write the images of a .sabz file as PNG files, under their original names.

    Of a damaged file, every intact image is written; the exit code is then 2.
    """
    from sablier.report.words import counted
    from sablier.workflows.compress import decompress as run

    with counting_progress("decompressing") as on_progress:
        found = run(container, output, model, only=_numbers(only), on_progress=on_progress)
    console.print(f"{counted(len(found.images))} written to {output}", markup=False)
    for line in found.damage:
        console.print(f"damaged: {line}", markup=False)
    if found.lost:
        more = f" and {len(found.lost) - 10} more" if len(found.lost) > 10 else ""
        console.print(f"lost: {', '.join(found.lost[:10])}{more}", markup=False)
    if found.damage:
        raise typer.Exit(2)
