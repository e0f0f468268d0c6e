"""serve: judge images over HTTP."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import MODELS, add_verb
from sablier.cli.progress import console
from sablier.errors import PackageError

UNITS = {"": 1, "b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(
        app, serve, "serve part.sablier", "serve models/ --token-file token.txt --host 0.0.0.0 --max-upload 50MB", panel=MODELS
    )  # fmt: skip


def _jobs(
    jobs: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            show_default=False,
            help="Also take jobs (train, calibrate, evaluate, map), and keep them in this folder. They survive a restart.",
        ),
    ] = None,
    job_threads: Annotated[
        int, typer.Option(metavar="N", callback=options.within(1), help="Threads of a job; one runs at a time.")
    ] = 1,
    root: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="A folder below which jobs may read images that requests name. May be repeated."),
    ] = None,
) -> dict[str, Any]:
    """Return what the server is told of jobs."""
    return {"jobs": jobs, "job_threads": job_threads, "roots": tuple(root or ())}


@options.taking(about_jobs=_jobs)
def serve(
    models: Annotated[
        list[Path],
        typer.Argument(help="Model files (.sablier, or .onnx of a detector), and folders of them.", show_default=False),
    ],
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen on; 0.0.0.0 lets other machines ask, and needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="The port to listen on; 0 takes a free one.")] = 8080,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with a token a line: a request must have one of them (Authorization: Bearer)."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name by which clients address the server. May be repeated. IP addresses need none."),
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", callback=options.within(1), help="Threads that compute at once; they share the processor.")
    ] = 1,
    max_upload: Annotated[str, typer.Option(metavar="SIZE", help="The most bytes of a request, such as 20MB.")] = "20MB",
    max_pixels: Annotated[
        int, typer.Option(metavar="N", callback=options.within(1), help="The most pixels of an image, in millions.")
    ] = 50,
    max_images: Annotated[int, typer.Option(metavar="N", callback=options.within(1), help="The most images of a request.")] = 500,
    max_waiting: Annotated[
        int,
        typer.Option(metavar="N", callback=options.within(1), help="The most requests at once; others are told to wait."),
    ] = 64,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="The time after which a request is given up.")] = 60.0,
    *,
    about_jobs: dict[str, Any],
) -> None:
    """Judge images over HTTP, and whatever else models do: denoise, reconstruct, embed, classify, sample, interpolate, compress.

    The server prints its address. The page /docs below it describes all requests, for people; /openapi.json, for programs.

    A file that is replaced is read again. In a folder, models may come and go.

    Each request is logged as a line of JSON, without image content. Ctrl-C stops the server when it has answered what has come.
    """
    try:
        from sablier.serve.server import serve as run
    except ModuleNotFoundError as error:
        raise PackageError(
            f"the service needs the package {error.name}. Install it with: pip install 'sablier[serve]'"
        ) from error
    from sablier.serve.options import MEGABYTE, ServiceOptions, read_tokens

    told = ServiceOptions(
        models=tuple(models), host=host, port=port, tokens=() if token_file is None else read_tokens(token_file),
        allowed_hosts=tuple(allow_host or ()), workers=workers, most_bytes=size_in_bytes(max_upload),
        most_pixels=max_pixels * MEGABYTE, most_images=max_images, most_waiting=max_waiting, seconds=timeout,
        **about_jobs,
    )  # fmt: skip
    run(
        told,
        lambda address: console.print(f"Serving on {address}, described at {address}/docs. Ctrl-C stops it.", soft_wrap=True),
    )


def size_in_bytes(text: str) -> int:
    """Return a size as bytes.

    >>> size_in_bytes("20MB"), size_in_bytes("1.5 kb"), size_in_bytes("300")
    (20000000, 1500, 300)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?b?)", text.strip().lower())
    if found is None or found[2] not in UNITS or not (size := int(float(found[1]) * UNITS[found[2]])):
        raise typer.BadParameter(f"expected a size such as 20MB, got {text!r}.", param_hint="--max-upload")
    return size
