"""The .sablier file: one safetensors file that loads without running code.

Tensors have the name of their part as a prefix ("fold-0/net/down.0.weight"). Everything else is JSON in the safetensors
metadata, validated on loading. A SHA-256 over the whole file, computed with its own digits as zeros, is checked first, so a
truncated or damaged file is refused. It has no key: who alters a file on purpose can update it, so all else is validated,
too. Resume checkpoints use the same container.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from sablier.errors import ModelFileError, SablierError
from sablier.files import write_whole
from sablier.files.kinds import MODEL, ONNX, check_replaces
from sablier.images.looks import Looks
from sablier.images.preprocess import Preprocess
from sablier.models import Model, create_model
from sablier.part_kinds import LARGEST, check_part
from sablier.typing import Array

VERSION = 1
NO_CHECKSUM = "0" * 64  # in place of the checksum while it is computed
JUDGE = "judge"  # the task of a file that holds only the calibration of another tool's scores
Task = Literal["detect", "reconstruct", "denoise", "generate", "compress", "classify", "judge"]


class PartRecord(BaseModel):
    """What the file keeps of a part besides its tensors: its registered name and configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=200)
    config: dict[str, Any] = Field(default_factory=dict)


class HistoryRecord(BaseModel):
    """The history of a network: a row for each recorded epoch, and what it was computed with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: list[dict[str, float | None]] = Field(default_factory=list)
    seconds: float = Field(default=0.0, ge=0, le=LARGEST)
    dtype: str = "float32"
    device: str = "cpu"
    threads: int = Field(default=1, ge=1, le=1 << 20)
    profile: list[dict[str, Any]] = Field(default_factory=list)


class ObjectiveRecord(BaseModel):
    """The values of an objective that are used again: the noise trained on. Others are shown only."""

    model_config = ConfigDict(frozen=True, extra="allow")

    corruption: str | None = None
    noise_low: float | None = Field(default=None, ge=0, le=LARGEST)
    noise_high: float | None = Field(default=None, ge=0, le=LARGEST)

    @model_validator(mode="after")
    def _check_noise(self) -> "ObjectiveRecord":
        if self.corruption is not None and (self.noise_low is None or self.noise_high is None):
            raise ValueError("expected noise_low and noise_high beside a corruption")
        return self


class RecipeRecord(BaseModel):
    """The parts of a recipe; `recipe_from` checks their values before the recipe is used again."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(default="", max_length=200)
    tier: str = Field(default="", max_length=200)
    task: str = Field(default="", max_length=200)
    model: str = Field(default="", max_length=200)
    members: list[str] = Field(default_factory=list)
    photo_members: list[str] = Field(default_factory=list)
    options: dict[str, Any] = Field(default_factory=dict)
    objective: ObjectiveRecord = Field(default_factory=ObjectiveRecord)
    fit: dict[str, Any] = Field(default_factory=dict)
    others: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Provenance(BaseModel):
    """The origin of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    created: str
    sablier: str
    torch: str
    source: str
    images: int = Field(ge=0)
    groups: int = Field(default=0, ge=0)  # of images that are not independent of each other; each counts once
    grouping: Literal["given", "found"] = "found"  # by the user, or found in the pixels
    joined_groups: int = Field(default=0, ge=0)  # given groups that were joined with another because they contain copies
    fingerprint: str
    recipe: dict[str, Any]
    skipped: list[str] = Field(default_factory=list)
    filtered: list[tuple[str, float]] = Field(default_factory=list)  # names and scores of training images that may not belong
    looks: Looks | None = None  # statistics of the training images, to compare others with
    seconds: float | None = Field(default=None, ge=0)  # from reading the images to the finished model; None if not measured
    calibrated: str = "on images held out from the training source"
    updates: list[str] = Field(default_factory=list)  # which images were added after training, oldest first

    @field_validator("recipe")
    @classmethod
    def _check_recipe(cls, recipe: dict[str, Any]) -> dict[str, Any]:
        RecipeRecord.model_validate(recipe)
        return recipe


class Metadata(BaseModel):
    """Everything in a model file that is not a tensor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task
    preprocess: Preprocess
    parts: dict[str, PartRecord]
    histories: dict[str, HistoryRecord] = Field(default_factory=dict)
    provenance: Provenance


@dataclass(frozen=True)
class Part:
    """A named piece of a model: a registry name or a kind, its configuration, and its tensors."""

    name: str
    config: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Array] = field(default_factory=dict)

    @classmethod
    def of_model(cls, model: Model) -> "Part":
        """Return the part that keeps a network."""
        return cls(model.name, model.config, {key: value.detach().cpu().numpy() for key, value in model.state_dict().items()})

    def to_model(self, *needed: str) -> Model:
        """Create the network of this part, in eval mode and in channels-last memory.

        Raises:
            ModelFileError: if the network lacks a needed capability.
        """
        options = dict(self.config)
        model = create_model(self.name, tuple(options.pop("shape")), **options)
        model.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in self.tensors.items()})
        lacking = set(needed) - model.capabilities
        if lacking:
            raise ModelFileError(f"expected a network that can {', '.join(needed)}, got {self.name}. Train it anew.")
        return model.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True)
class ModelFile:
    """A trained model with everything it needs, as a .sablier file keeps it.

    Args:
        task: "detect", "reconstruct", "denoise", "generate", "compress", "classify", or "judge" for scores of another tool.
        preprocess: the size, channels and value range that images get.
        parts: networks and other pieces, by name.
        histories: a training history for each network, by name.
        provenance: the origin of the model: images, recipe, versions.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     recipe = sablier.make_recipe("course-softmax", settings=["epochs=1"])
        ...     _ = sablier.train("digits", f"{folder}/digits.sablier", recipe)
        ...     file = sablier.ModelFile.load(f"{folder}/digits.sablier")
        >>> file.task, file.provenance.images, sorted(file.parts)
        ('classify', 1437, ['classes', 'known-images', 'net'])
    """

    task: str
    preprocess: Preprocess
    parts: dict[str, Part]
    histories: dict[str, dict[str, Any]]
    provenance: Provenance

    @property
    def looks(self) -> Looks | None:
        """Statistics of the training images, to compare others with."""
        return self.provenance.looks

    @property
    def metadata(self) -> Metadata:
        """Everything in it that is not a tensor."""
        return Metadata(
            task=cast(Task, self.task),
            preprocess=self.preprocess,
            parts={key: PartRecord(name=part.name, config=part.config) for key, part in self.parts.items()},
            histories={name: HistoryRecord.model_validate(history) for name, history in self.histories.items()},
            provenance=self.provenance,
        )

    @classmethod
    def of(cls, metadata: Metadata, tensors: Mapping[str, Array]) -> "ModelFile":
        """Return the model that these describe; the tensors have the name of their part as a prefix.

        Raises:
            ModelFileError: if a part is not of its kind, or a tensor belongs to no part.
        """
        parts = {}
        for key, record in metadata.parts.items():
            own = {name.removeprefix(f"{key}/"): value for name, value in tensors.items() if name.startswith(f"{key}/")}
            parts[key] = Part(record.name, record.config, own)
            check_part(key, record.name, record.config, own, metadata.preprocess)
        claimed = {f"{key}/{name}" for key, part in parts.items() for name in part.tensors}
        if claimed != set(tensors):
            stray = ", ".join(sorted(set(tensors) - claimed))[:200]
            raise ModelFileError(f"the model holds tensors of no part: {stray}. Train it anew.")
        histories = {name: history.model_dump() for name, history in metadata.histories.items()}
        return cls(metadata.task, metadata.preprocess, parts, histories, metadata.provenance)

    def save(self, path: Path) -> None:
        """Write the file as a whole or not at all.

        Args:
            path: the .sablier file.

        Raises:
            OutputError: if it cannot be written, or would replace a file of another kind; an existing file stays as it was.
        """
        check_replaces(Path(path), MODEL)
        tensors = {f"{key}/{name}": value for key, part in self.parts.items() for name, value in part.tensors.items()}
        write_whole(Path(path), pack("model", self.metadata.model_dump_json(), tensors))

    @property
    def kind(self) -> str:
        """What it is, for messages: "one trained to detect"."""
        scores = "the calibration of another tool's scores (for `sablier judge`)"
        return scores if self.task == JUDGE else f"one trained to {self.task}"

    def expect(self, task: str, recipe: str) -> None:
        """Check the task of the model.

        Args:
            task: the expected task.
            recipe: a recipe for that task, for the message.

        Raises:
            ModelFileError: if the model was trained for another task.
        """
        if self.task != task:
            raise ModelFileError(
                f"expected a model trained to {task}, got {self.kind}. "
                f"Train one with: sablier train IMAGES -o {task}.sablier --recipe {recipe}"
            )

    @classmethod
    def load(cls, path: Path) -> "ModelFile":
        """Read and check a file.

        Args:
            path: the .sablier file.

        Returns:
            The model.

        Raises:
            ModelFileError: if the file is missing, truncated, altered, newer than this version, or no .sablier file.
        """
        text, tensors = unpack("model", Path(path))
        try:
            metadata = Metadata.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ModelFileError(
                f"{path} is whole, but what it says of itself is not valid: {where}: {first['msg']}. "
                "Another version of sablier may have written it: train it again."
            ) from error
        return cls.of(metadata, tensors)


def pack(kind: str, text: str, tensors: dict[str, Array]) -> bytes:
    """Return the bytes of a safetensors file with a checksum that contains `text` and `tensors`."""
    metadata = {"format": f"sablier {kind}", "version": str(VERSION), "sha256": NO_CHECKSUM, "content": text}
    data = safetensors_numpy.save({key: np.asarray(value, order="C") for key, value in tensors.items()}, metadata)
    digest = hashlib.sha256(data).hexdigest()
    return data.replace(_checksum_text(NO_CHECKSUM), _checksum_text(digest), 1)


def unpack(kind: str, path: Path) -> tuple[str, dict[str, Array]]:
    """Return the text and the tensors that `pack` wrote.

    Raises:
        ModelFileError: if the file is missing, or differs from what was written.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no {kind} file {path}. Train one with: sablier train IMAGES -o {path}") from error
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from error
    if ONNX.holds(data):
        raise ModelFileError(
            f"expected a .sablier {kind} file, got {path}, an exported model. Only `sablier detect` and `sablier-judge` take "
            "exported models, with a name that ends in .onnx; name the .sablier file that it was exported from."
        )
    metadata = _header(data, path)
    if metadata.get("format") != f"sablier {kind}":
        raise ModelFileError(f"{path} is not a sablier {kind} file: its format is {metadata.get('format', 'unknown')!r}.")
    version = metadata.get("version", "")
    if re.fullmatch("[1-9][0-9]*", version) and version != str(VERSION):
        raise ModelFileError(
            f"{path} has version {version[:20]}; this sablier reads up to {VERSION}. Upgrade sablier to read it."
        )
    if version != str(VERSION):
        raise ModelFileError(f"{path} has version {version[:20]!r}, which no sablier writes; expected {VERSION}. Copy it again.")
    digest = metadata.get("sha256", "")
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ModelFileError(f"{path} is not a valid {kind} file: its checksum is missing.")
    if hashlib.sha256(data.replace(_checksum_text(digest), _checksum_text(NO_CHECKSUM), 1)).hexdigest() != digest:
        raise ModelFileError(f"{path} was altered since it was written: its checksum does not match. Copy it again.")
    try:
        return metadata["content"], safetensors_numpy.load(data)
    except (SafetensorError, SablierError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path} is not a valid {kind} file: {error}.") from error


def _header(data: bytes, path: Path) -> dict[str, str]:
    """Return the metadata of an untrusted safetensors file."""
    refusal = ModelFileError(f"{path} is not a sablier file, or only a part of one ({len(data)} bytes).")
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise refusal
    try:
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise refusal from error
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise refusal
    return metadata


def _checksum_text(digest: str) -> bytes:
    """Return the checksum as it stands in the metadata."""
    return f'"sha256":"{digest}"'.encode()
