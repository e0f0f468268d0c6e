"""compress, decompress: many images in one small file, and back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress, print_skipped

MOST_WANTED = 10_000_000
QUALITY = 60  # where nothing else is asked
Container = Annotated[Path, typer.Argument(help="A .sabz file.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: sablier compress codec.sablier images/ -o images.sabz --lossless")(compress)
    app.command(epilog="Example: sablier decompress images.sabz -o out/ --model codec.sablier")(decompress)


@options.taking(reading=options.reading)
def compress(
    model: options.Model,
    source: options.Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="The .sabz file.")] = Path("images.sabz"),
    quality: Annotated[
        int | None, typer.Option(help="From 1, the fewest bytes, to 100, the smallest error.", show_default=str(QUALITY))
    ] = None,
    target_bytes: Annotated[
        float | None, typer.Option(help="Choose the quality by the mean bytes an image may take, all but its name counted.")
    ] = None,
    lossless: Annotated[bool, typer.Option("--lossless", help="Keep every pixel as it is.")] = False,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Keep the names and times of images.")] = True,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Decode everything again and compare.")] = True,
    chart: Annotated[
        Path | None,
        typer.Option(help="A .png file: draw error by bytes beside PNG, WebP, JPEG and others, of at most 300 of the images."),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Compress images of any size into one file, by a model of the recipe codec: the more alike its training images, the smaller.

    The model is needed to decompress. Keep it with the file.
    """
    import numpy as np

    from sablier.report.words import counted
    from sablier.workflows.compress import compress as run

    if quality is not None and (lossless or target_bytes is not None):
        other = "--lossless" if lossless else "--target-bytes"
        raise typer.BadParameter(f"expected --quality or {other}, got both. Leave one out.", param_hint="--quality")
    with counting_progress("compressing") as on_progress:
        found = run(
            model, source, output, QUALITY if quality is None else quality, lossless=lossless, target_bytes=target_bytes,
            names=names, check=check, picture=chart, on_progress=on_progress, **reading,
        )  # fmt: skip
    header = found.header
    pixels = sum(float(np.prod(shape)) for shape in header.shapes())
    size = len(found.data) - header.names[0]
    console.print(
        f"{counted(header.images)} in {len(found.data):,} bytes: {found.bytes_an_image:.1f} an image, "
        f"{8 * size / pixels:.3f} bits a value, and {header.names[0]:,} bytes of names. Pixels alone are {pixels:,.0f} bytes."
    )
    if found.mse is None:
        console.print("It was not decoded again to be checked.")
    elif lossless:
        console.print("Decoded again: every pixel is as it was.")
    else:
        console.print(f"Decoded again: mean squared error {found.mse:.5f}, pixels being 0 to 1.")
    print_skipped(found.skipped, len(found.skipped), "unreadable too")
    if chart is not None:
        console.print(f"Beside other ways: {chart}", markup=False)
    console.print(f"See {output}. It takes {model} to decompress it.", markup=False)


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
    model: Annotated[Path, typer.Option("--model", help="The .sablier file that it was compressed with.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for the images.")] = Path("decompressed"),
    only: Annotated[str | None, typer.Option(help="Only the images of these numbers, from 0, such as 3,10-19.")] = None,
) -> None:
    """Write the images of a .sabz file as PNG files, under the names they had.

    Of a damaged file all is written that is whole; then the exit code is 2.
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
