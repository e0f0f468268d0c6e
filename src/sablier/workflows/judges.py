"""What judges images: the detector of a model file, or one that was exported."""

from os import PathLike
from pathlib import Path

from pydantic import ValidationError

from sablier.errors import ConfigError, ModelFileError
from sablier.modelfile import Metadata, ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.exported_detector import ExportedDetector
from sablier.tasks.detection.judge import Judge
from sablier.workflows.exported_files import SUFFIX, open_exported


def open_judge(model: str | PathLike[str], backbone: str | PathLike[str] | None = None) -> tuple[ModelFile, Judge]:
    """Return what judges images, and what its file says of it.

    Args:
        model: a .sablier file of a detector, or an .onnx file that `sablier export` wrote of one.
        backbone: the file of the user's feature network that a .sablier file was trained with, if any; it is run.

    Raises:
        ModelFileError: if the file is not one of a detector. BackboneError: for a missing or another backbone.
        PackageError: if sablier-runtime is needed and not installed. ConfigError: for a backbone beside an .onnx file.
    """
    path = Path(model)
    if path.suffix.lower() != SUFFIX:
        file = ModelFile.load(path)
        return file, Detector.from_file(file, backbone, scores=True)
    if backbone is not None:
        raise ConfigError(
            f"expected no backbone for {path}, got {backbone}: an exported model contains it. Leave --backbone out."
        )
    exported = open_exported(path)
    return _file_of(exported, path), exported


def _file_of(exported: ExportedDetector, path: Path) -> ModelFile:
    """Return what an exported detector keeps of the model file that it came from."""
    try:
        return ModelFile.of(Metadata.model_validate(exported.record["content"]), exported.arrays)
    except (ValidationError, KeyError) as error:
        raise ModelFileError(f"{path} is whole, but what it says of its model is not valid: {error}. Export it again.") from error
