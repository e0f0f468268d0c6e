"""Opens models that `sablier export` wrote; the package sablier-runtime runs their graphs."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sablier.errors import ConfigError, ModelFileError, PackageError
from sablier.tasks.detection.exported_detector import ExportedDetector, Graph
from sablier.tasks.detection.exported_format import read_metadata
from sablier.typing import Array

INSTALL = "pip install ./runtime"
INSTALL_RUNNER = "pip install onnxruntime"
SUFFIX = ".onnx"  # of exported models

Opened = TypeVar("Opened", bound=ExportedDetector)


class Exported(NamedTuple):
    """An exported model, read from its file: the metadata, and the graph, ready to run."""

    record: Mapping[str, Any]
    arrays: Mapping[str, Array]
    graph: Graph


def read_exported(path: str | PathLike[str], threads: int | None = None) -> Exported:
    """Return what an .onnx file holds, whatever its task.

    Args:
        path: a file that `sablier export` wrote.
        threads: how many threads run it, at least 1; None: as many as there are cores.

    Raises:
        ModelFileError: if the file is missing, damaged or altered, no exported model, or newer than this version.
        PackageError: if sablier-runtime or onnxruntime is not installed; the message has the command to run.
    """
    return exported_in(path, _graph_of(path, threads), threads)


def open_exported(path: str | PathLike[str], threads: int | None = None) -> ExportedDetector:
    """Return the detector of an .onnx file.

    Args, Raises: as `read_exported`; ModelFileError also for an exported model of another task.
    """
    return detector_in(ExportedDetector, path, _graph_of(path, threads), threads)


def detector_in(
    kind: type[Opened], path: str | PathLike[str], graph_of: Callable[[bytes, str], Graph], threads: int | None
) -> Opened:
    """Return the detector of an .onnx file.

    Args:
        kind: the class of the detector.
        path, graph_of, threads: as `exported_in` takes them.

    Raises:
        ModelFileError, ConfigError: as `exported_in`; also for an exported model of another task.
    """
    found = exported_in(path, graph_of, threads)
    try:
        return kind.of(*found)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error


def exported_in(path: str | PathLike[str], graph_of: Callable[[bytes, str], Graph], threads: int | None) -> Exported:
    """Return what an .onnx file holds; the checksum is compared before the graph is loaded.

    Args:
        path: the file.
        graph_of: makes a graph of the bytes of a file and its name.
        threads: how many threads run it, for the check.

    Raises:
        ModelFileError: as `read_exported`.
        ConfigError: for less than 1 thread.
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
    record, arrays = read_metadata(data, str(place))
    return Exported(record, arrays, graph_of(data, str(place)))


def _graph_of(path: str | PathLike[str], threads: int | None) -> Callable[[bytes, str], Graph]:
    if find_spec("sablier_runtime") is None:
        raise PackageError(
            f"{path} takes sablier-runtime, the package that runs exported models with onnxruntime. It is not installed. "
            f"In a checkout of sablier, type: {INSTALL}"
        )
    if find_spec("onnxruntime") is None:
        raise PackageError(f"{path} takes onnxruntime, which runs exported models. It is not installed. Type: {INSTALL_RUNNER}")
    from sablier_runtime.graph import OnnxGraph

    return lambda data, name: OnnxGraph(data, name, threads, ModelFileError)
