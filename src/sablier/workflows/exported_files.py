"""Opens what `sablier export` wrote; the package sablier-runtime runs the graphs."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from sablier.errors import ConfigError, ModelFileError, PackageError
from sablier.tasks.detection.exported_detector import ExportedDetector, Graph
from sablier.tasks.detection.exported_format import read_metadata
from sablier.typing import Array

INSTALL = "pip install ./runtime"

Exported = tuple[dict[str, Any], dict[str, Array], Graph]  # the record, the arrays and the graph
Opened = TypeVar("Opened", bound=ExportedDetector)


def open_exported(path: str | PathLike[str], threads: int | None = None) -> ExportedDetector:
    """Return the detector of an .onnx file.

    Args, Raises: as `read_exported`; a ModelFileError also if it is no detector.
    """
    return detector_of(ExportedDetector, path, read_exported(path, threads))


def read_exported(path: str | PathLike[str], threads: int | None = None) -> Exported:
    """Return what an .onnx file says of itself, the arrays in it, and its graph.

    Args:
        path: a file that `sablier export` wrote.
        threads: how many threads run it, at least 1; None: as many as there are cores.

    Raises:
        ModelFileError: if the file is missing, damaged or altered, not of sablier, or newer than this version.
        PackageError: if sablier-runtime is not installed; the message has the command to run.
        ConfigError: for less than 1 thread.
    """
    if find_spec("sablier_runtime") is None:
        raise PackageError(
            f"{path} takes sablier-runtime, the package that runs exported models with onnxruntime. It is not installed. "
            f"In a checkout of sablier, type: {INSTALL}"
        )
    from sablier_runtime.graph import OnnxGraph

    return exported_in(path, partial(OnnxGraph, error=ModelFileError), threads)


def exported_in(path: str | PathLike[str], graph_of: Callable[[bytes, str, int | None], Graph], threads: int | None) -> Exported:
    """Return the same; the checksum is compared before the graph is loaded.

    Args:
        path, threads: as `read_exported`.
        graph_of: makes a graph of the bytes of a file, its name, and the number of threads.

    Raises:
        ModelFileError, ConfigError: as `read_exported`.
    """
    if threads is not None and threads < 1:
        raise ConfigError(f"expected at least 1 thread, got {threads}.")
    place = Path(path)
    try:
        data = place.read_bytes()
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no file {place}. Export a model with: sablier export part.sablier -o {place}") from error
    except OSError as error:
        raise ModelFileError(f"{place} cannot be read: {error.strerror or error}.") from error
    return *read_metadata(data, str(place)), graph_of(data, str(place), threads)


def detector_of(kind: type[Opened], path: str | PathLike[str], exported: Exported) -> Opened:
    """Return the detector of this class that a file holds.

    Raises:
        ModelFileError: if it holds none.
    """
    try:
        return kind.of(*exported)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
