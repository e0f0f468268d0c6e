"""The workflow `export`: a trained model as an ONNX file, written only if it agrees with the model on real images."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import sablier
from sablier.backbones.file import reason
from sablier.errors import BackboneError, ConfigError, ImagesError, ModelFileError, OutputError, ParityError, SablierError
from sablier.files import write_whole
from sablier.files.kinds import ONNX
from sablier.graphs.int8 import quantized
from sablier.graphs.onnx_model import graph_bytes
from sablier.images.imageset import ImageSet
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile, Part, PartRecord
from sablier.tasks.detection.exported_format import with_metadata
from sablier.typing import Array
from sablier.workflows.exported_files import SUFFIX, Exported, read_exported
from sablier.workflows.exporting.autoencoders import AutoencoderSubject
from sablier.workflows.exporting.classifiers import ClassifierSubject
from sablier.workflows.exporting.denoisers import DenoiserSubject
from sablier.workflows.exporting.detectors import DetectorSubject
from sablier.workflows.exporting.parity import Parity
from sablier.workflows.exporting.subjects import Subject
from sablier.workflows.outputs import writes

EXACT = "Install the pinned versions of torch, onnx and onnxruntime, or report this with the model file."
EIGHT_BITS = "8 bits are too few for it: leave --int8 out."
FLOAT, INT = "float32", "int8"  # precisions
MOST_COMPARED = 32  # images on which the two models are compared
STEPS = READING, TRACING, COMPARING = "reading images to compare on", "tracing the graph", "comparing on real images"

SUBJECTS: Mapping[str, type[Subject]] = {
    each.task: each for each in (DetectorSubject, ClassifierSubject, AutoencoderSubject, DenoiserSubject)
}
REFUSED = {
    "compress": "a codec is more than a network: its entropy coder needs the same whole numbers on both sides, which a graph "
    "does not promise. Use sablier compress and sablier decompress.",
    "judge": "it has no network, only the calibration of another tool's scores. Use sablier judge.",
    "generate": "it draws random images and judges none. Use sablier sample, and share the images.",
}


@dataclass(frozen=True)
class ExportResult:
    """A written ONNX file.

    Args:
        path: of the file.
        size: in bytes.
        parity: how it agrees with the model.
        faster: how many times as fast the graph in 8 bits is as that in single precision; None if it is in single precision.
    """

    path: Path
    size: int
    parity: Parity
    faster: float | None = None


@writes("export", "images", file=ONNX)
def export(
    model: str | PathLike[str],
    output: str | PathLike[str],
    *,
    images: Any = None,
    int8: bool = False,
    backbone: str | PathLike[str] | None = None,
    on_step: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> ExportResult:
    """Write a trained model as an ONNX file that judges without torch.

    The file is read back and compared with the model on real images. It is written only if both agree.

    Args:
        model: a .sablier file of a detector, a classifier, an autoencoder or a denoiser.
        output: the .onnx file.
        images: what to compare on, anything that `read_images` takes, of which at most 32 images are used; None takes the
            training images.
        int8: compute networks in whole numbers of 8 bits; then verdicts, not scores, must agree, on at least 98 % of the images.
        backbone: the file of the user's feature network that a detector was trained with, if any; it is run.
        on_step: called with the next step, how many are done, and how many there are.

    Returns:
        The file, and how it agrees with the model.

    Raises:
        ModelFileError: if the task is not exported. BackboneError: for a missing backbone, or one that cannot be exported.
        ImagesError: if there are no images to compare on. PackageError: if a package is missing.
        ParityError: if the exported model does not agree; nothing is written.
        OutputError: if the output is a folder, has another suffix, or is a file of another kind.
    """
    if Path(output).suffix.lower() != SUFFIX:
        raise OutputError(f"expected a name that ends in {SUFFIX}, got {output}. Type: -o {Path(output).with_suffix(SUFFIX)}")
    file = ModelFile.load(Path(model))
    subject = _subject(file, backbone)
    on_step(READING, 0, len(STEPS))
    compared_on = _images(file, images)
    on_step(TRACING, 1, len(STEPS))
    exact, record, arrays = _traced(subject, backbone), _record(file, subject), _arrays(file, subject)
    given = subject.given(compared_on)
    if not given:
        raise ImagesError(f"none of the {len(compared_on)} images to compare on can be read. Name others with --images FOLDER.")
    data = with_metadata(exact, record | {"precision": FLOAT}, arrays)
    quick = with_metadata(quantized(exact, given), record | {"precision": INT}, arrays) if int8 else None
    on_step(COMPARING, 2, len(STEPS))
    with _opened(quick or data) as exported:
        parity = subject.compared(compared_on, exported)
    if faults := parity.faults_in_8_bits() if int8 else parity.faults():
        raise ParityError(
            f"expected an exported model that agrees with {model} on {parity.images} images, got other {'; '.join(faults)}. "
            f"Nothing was written. {EIGHT_BITS if int8 else EXACT}"
        )
    write_whole(Path(output), quick or data)
    on_step("", len(STEPS), len(STEPS))
    return ExportResult(Path(output), len(quick or data), parity, None if quick is None else _faster(data, quick, given))


def _subject(file: ModelFile, backbone: Any) -> Subject:
    if file.task not in SUBJECTS:
        raise ModelFileError(f"a model trained to {file.task} is not exported: {REFUSED[file.task]}")
    if backbone is not None and file.task != DetectorSubject.task:
        raise ConfigError(f"expected a backbone for a detector only, got one for a model trained to {file.task}. Leave it out.")
    return SUBJECTS[file.task].of(file, backbone)


def _traced(subject: Subject, backbone: Any) -> bytes:
    """Return the graph as an ONNX model."""
    try:
        return graph_bytes(subject.graph, subject.inputs)
    except (SablierError, MemoryError):
        raise
    except Exception as error:  # a backbone may hold any operator
        if backbone is None:
            raise
        raise BackboneError(
            f"the backbone {backbone} cannot be exported: {reason(error)}. Use a network of common operators, or judge with the "
            ".sablier file."
        ) from error


def _images(file: ModelFile, source: Any) -> ImageSet:
    """Return at most 32 images, evenly taken."""
    named = file.provenance.source if source is None else source
    try:
        images = read_images(named)
    except ImagesError as error:
        if source is not None:
            raise
        raise ImagesError(
            f"expected images to compare the exported model on; those that trained it cannot be read any more: {error} Name some "
            "with --images FOLDER."
        ) from error
    if not len(images):
        raise ImagesError(f"expected at least one image to compare on, got none from {named}. Name some with --images FOLDER.")
    return images.take(np.unique(np.linspace(0, len(images) - 1, MOST_COMPARED).round().astype(int)))


def _record(file: ModelFile, subject: Subject) -> dict[str, Any]:
    """Return what the file says of itself."""
    parts = {name: PartRecord(name=part.name, config=part.config) for name, part in _kept(file, subject).items()}
    content = file.metadata.model_copy(update={"parts": parts})
    kept = {"sablier": sablier.__version__, "task": file.task, "content": content.model_dump(mode="json")}
    return kept | subject.record()


def _arrays(file: ModelFile, subject: Subject) -> dict[str, Array]:
    return {f"{name}/{key}": value for name, part in _kept(file, subject).items() for key, value in part.tensors.items()}


def _kept(file: ModelFile, subject: Subject) -> dict[str, Part]:
    return {name: file.parts[name] for name in subject.parts if name in file.parts}


@contextmanager
def _opened(data: bytes) -> Iterator[Exported]:
    """Open an exported model, read back as a user would read it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "exported.onnx"
        place.write_bytes(data)
        yield read_exported(place)


def _faster(data: bytes, quick: bytes, given: Sequence[Mapping[str, Array]]) -> float:
    """Return how many times as fast the second of two exported models is."""
    with _opened(data) as one, _opened(quick) as other:
        return _seconds(one, given) / _seconds(other, given)


def _seconds(exported: Exported, given: Sequence[Mapping[str, Array]]) -> float:
    """Return how long a graph takes for all inputs, after the first."""
    names = list(exported.graph.outputs)
    exported.graph.run(names, given[0])
    start = time.perf_counter()
    for inputs in given:
        exported.graph.run(names, inputs)
    return time.perf_counter() - start
