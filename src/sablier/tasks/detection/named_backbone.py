"""The backbone that the model file of a detector names, and the check that the user named the same one."""

from collections.abc import Sequence
from os import PathLike

from sablier.backbones import BackboneFile, unnamed
from sablier.errors import BackboneError
from sablier.modelfile import ModelFile
from sablier.tasks.detection.members.backbone import PART, BackboneRecord


def named_backbone(file: ModelFile) -> BackboneRecord | None:
    """Return what a model file keeps of the feature network that it needs; None if it needs none."""
    part = next((part for part in file.parts.values() if part.name == PART), None)
    return None if part is None else BackboneRecord.model_validate(part.config)


def backbone_of_each(
    files: Sequence[ModelFile], paths: Sequence[str | PathLike[str]], *, needed: bool
) -> list[str | PathLike[str] | None]:
    """Return for each model which of the named files is its backbone; None if it has none.

    Raises:
        BackboneError: if no model needs a file, or a needed one was not named.
    """
    by_digest = {BackboneFile.read(path).sha256: path for path in paths}
    records = [named_backbone(file) for file in files]
    unused = set(by_digest) - {record.sha256 for record in records if record is not None}
    for digest in sorted(unused):
        raise BackboneError(
            f"none of these models was trained with the backbone {by_digest[digest]}, whose SHA-256 is {digest}; it was not "
            "loaded. Leave it out, or name the files that they were trained with."
        )
    found = [None if record is None else by_digest.get(record.sha256) for record in records]
    for record, path in zip(records, found, strict=True):
        if needed and record is not None and path is None:
            raise unnamed(record.file, record.sha256)
    return found


def checked_backbone(file: ModelFile, path: str | PathLike[str] | None, *, needed: bool) -> BackboneFile | None:
    """Return the file that the user named for a model, if it is the right one. Nothing in it is run yet.

    Args:
        needed: whether a model with a backbone requires it.

    Raises:
        BackboneError: if it is another one, or the model needs none, or a required one was not named.
    """
    record = named_backbone(file)
    if path is None:
        if needed and record is not None:
            raise unnamed(record.file, record.sha256)
        return None
    if record is None:
        raise BackboneError(
            f"this model needs no backbone: it holds every network that it scores with. Leave --backbone {path} out."
        )
    backbone = BackboneFile.read(path)
    if backbone.sha256 != record.sha256:
        raise BackboneError(
            f"expected the backbone that this model was trained with, {record.file} with SHA-256 {record.sha256}, got {path} "
            f"with {backbone.sha256}; it was not loaded. Name the file of then, or train a model with this one."
        )
    return backbone
