"""Opens detectors that `sablier export` wrote; the package sablier-runtime runs their graphs."""

from collections.abc import Callable
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TypeVar

from sablier.errors import ConfigError, ModelFileError, PackageError
from sablier.tasks.detection.exported_detector import ExportedDetector, Graph
from sablier.tasks.detection.exported_format import read_metadata

INSTALL = "pip install ./runtime"

Opened = TypeVar("Opened", bound=ExportedDetector)


def open_exported(path: str | PathLike[str], threads: int | None = None) -> ExportedDetector:
    """Return the detector of an .onnx file.

    Args:
        path: a file that `sablier export` wrote.
        threads: how many threads run it, at least 1; None: as many as there are cores.

    Raises:
        ModelFileError: if the file is missing, damaged or altered, no exported detector, or newer than this version.
        PackageError: if sablier-runtime is not installed; the message has the command to run.
    """
    if find_spec("sablier_runtime") is None:
        raise PackageError(
            f"{path} takes sablier-runtime, the package that runs exported detectors with onnxruntime. It is not installed. "
            f"In a checkout of sablier, type: {INSTALL}"
        )
    from sablier_runtime.graph import OnnxGraph

    return detector_in(ExportedDetector, path, lambda data, name: OnnxGraph(data, name, threads, ModelFileError), threads)


def detector_in(
    kind: type[Opened], path: str | PathLike[str], graph_of: Callable[[bytes, str], Graph], threads: int | None
) -> Opened:
    """Return the detector of an .onnx file; the checksum is compared before the graph is loaded.

    Args:
        kind: the class of the detector.
        path: the file.
        graph_of: makes a graph of the bytes of a file and its name.
        threads: how many threads run it, for the check.

    Raises:
        ModelFileError: as `open_exported`.
        ConfigError: for less than 1 thread.
    """
    if threads is not None and threads < 1:
        raise ConfigError(f"expected at least 1 thread, got {threads}.")
    place = Path(path)
    try:
        data = place.read_bytes()
    except FileNotFoundError as error:
        raise ModelFileError(
            f"there is no file {place}. Export a detector with: sablier export part.sablier -o {place}"
        ) from error
    except OSError as error:
        raise ModelFileError(f"{place} cannot be read: {error.strerror or error}.") from error
    record, arrays = read_metadata(data, str(place))
    graph = graph_of(data, str(place))
    try:
        return kind.of(record, arrays, graph)
    except ModelFileError as error:
        raise ModelFileError(f"{place}: {error}") from error
