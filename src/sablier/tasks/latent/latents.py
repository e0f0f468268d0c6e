"""Latents: the codes of a set of images with their names, as a table that can be saved.

A file of latents names the network that made them, so that they are never mixed with those of another.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from sablier.errors import ConfigError, ImagesError
from sablier.files import write_whole
from sablier.files.cells import csv_text, plain_cell
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.typing import Array

SUFFIXES = (".npz", ".csv", ".parquet")
FINGERPRINT_DIGITS = 16


@dataclass(frozen=True, eq=False)
class Latents:
    """The codes of N images.

    Args:
        ids: N names.
        codes: N,d float32.
        labels: N labels, or None.
        model: the `fingerprint` of the network that made them; "" if unknown.

    Raises:
        ImagesError: for codes of another shape, that are not finite, or a column of another length.

    >>> latents = Latents(["a", "b"], np.zeros((2, 3)), model="0123")
    >>> len(latents), latents.numbers, latents.to_table()[0]
    (2, 3, {'id': 'a', 'z0': 0.0, 'z1': 0.0, 'z2': 0.0})
    """

    ids: Array
    codes: Array = field(repr=False)
    labels: Array | None = None
    model: str = ""

    def __post_init__(self) -> None:
        codes = np.ascontiguousarray(self.codes, np.float32)
        columns: dict[str, Array | None] = {"ids": np.asarray(self.ids).astype(str)}
        columns["labels"] = None if self.labels is None else np.asarray(self.labels).astype(str)
        if codes.ndim != 2 or codes.shape[1] < 1:
            raise ImagesError(f"expected latents of shape N,d, got {codes.shape}.")
        if not np.isfinite(codes).all():
            raise ImagesError("expected finite latents, got NaN or infinity.")
        for name, column in columns.items():
            if column is not None and column.shape != (len(codes),):
                raise ImagesError(f"expected {len(codes)} {name}, one for each code, got {len(column)}.")
        for name, value in {"codes": codes, **columns}.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def numbers(self) -> int:
        """The length of a code."""
        return int(self.codes.shape[1])

    def take(self, indices: Sequence[int] | Array) -> "Latents":
        """Return those at `indices` (positions or a boolean mask), in that order."""
        chosen = np.asarray(indices)
        labels = None if self.labels is None else self.labels[chosen]
        return Latents(self.ids[chosen], self.codes[chosen], labels, self.model)

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image: id, label if there are any, z0, z1 ..."""
        names = ["id", *([] if self.labels is None else ["label"]), *_code_names(self.numbers)]
        columns = [self.ids.tolist(), *([] if self.labels is None else [self.labels.tolist()])]
        return [dict(zip(names, [*row, *code], strict=True)) for *row, code in zip(*columns, self.codes.tolist(), strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return everything."""
        return {"images": len(self), "numbers": self.numbers, "model": self.model, "latents": self.to_table()}

    def save(self, path: Path) -> None:
        """Write a .npz, .csv or .parquet file, as a whole or not at all.

        Raises:
            ConfigError: for another suffix, or .parquet if pyarrow is not installed.
            OutputError: if it cannot be written.
        """
        check_latents_path(path)
        write_whole(Path(path), {".npz": _npz, ".csv": _csv, ".parquet": _parquet}[_suffix(path)](self))

    @classmethod
    def load(cls, path: Path, model: str | None = None) -> "Latents":
        """Read what `save` wrote.

        Args:
            model: the fingerprint of the expected network; None takes any.

        Raises:
            ImagesError: for a file that is missing, damaged, no latents, or of another network.
            ConfigError: for another suffix, or .parquet if pyarrow is not installed.
        """
        check_latents_path(path)
        path = Path(path)
        if not path.is_file():
            raise ImagesError(f"there is no file of latents {path}. Make one with: sablier embed MODEL IMAGES -o {path}")
        try:
            latents = {".npz": _from_npz, ".csv": _from_csv, ".parquet": _from_parquet}[_suffix(path)](path)
        except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, BadZipFile, csv.Error) as error:
            raise ImagesError(f"{path} holds no latents that can be read: {error}. Make it again with: sablier embed") from error
        if model is not None and latents.model != model:
            raise ImagesError(
                f"the latents in {path} were made by another model ({latents.model or 'unknown'}, expected {model}). "
                "Make them again with: sablier embed"
            )
        return latents


def fingerprint(model: Model, preprocess: Preprocess) -> str:
    """Return 16 hexadecimal digits that identify an encoder: its weights and its preprocessing.

    A model file whose calibration changed keeps its latents.
    """
    digest = hashlib.sha256(f"{model.name}{model.config}{preprocess.model_dump_json()}".encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:FINGERPRINT_DIGITS]


def check_latents_path(path: Path) -> None:
    """Raise ConfigError, before any work, if latents cannot be saved under this name."""
    suffix = _suffix(path)
    if suffix not in SUFFIXES:
        raise ConfigError(f"expected a file of latents to end in {', '.join(SUFFIXES)}, got {Path(path).name!r}.")
    if suffix == ".parquet":
        _pyarrow()


def _suffix(path: Path) -> str:
    return Path(path).suffix.lower()


def _code_names(numbers: int) -> list[str]:
    return [f"z{index}" for index in range(numbers)]


def _npz(latents: Latents) -> bytes:
    buffer = io.BytesIO()
    columns: dict[str, Any] = {"ids": latents.ids, "codes": latents.codes, "model": np.array(latents.model)}
    if latents.labels is not None:
        columns["labels"] = latents.labels
    np.savez(buffer, **columns)
    return buffer.getvalue()


def _from_npz(path: Path) -> Latents:
    # Opened here: NumPy leaves a truncated archive open.
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return Latents(file["ids"], file["codes"], file.get("labels"), str(file["model"]))


def _csv(latents: Latents) -> bytes:
    """Return a table whose every row names the model, so that tables joined by hand are noticed."""
    names = ["id", *([] if latents.labels is None else ["label"]), "model", *_code_names(latents.numbers)]

    def row(index: int) -> list[str]:
        label = [] if latents.labels is None else [str(latents.labels[index])]
        # The shortest text that reads back as the same float32.
        return [str(latents.ids[index]), *label, latents.model, *latents.codes[index].astype(str).tolist()]

    return csv_text([names, *map(row, range(len(latents)))]).encode()


def _from_csv(path: Path) -> Latents:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        before = header.index("model") + 1
        ids, labels, models, codes = [], [], set(), []
        for row in rows:
            if len(row) != len(header):
                raise ValueError(f"row {rows.line_num} has {len(row)} columns, the first {len(header)}")
            ids.append(plain_cell(row[0]))
            labels.append(plain_cell(row[1]))
            models.add(row[before - 1])
            codes.append(np.array(row[before:], np.float32))
    if header[before:] != _code_names(len(header) - before) or header[0] != "id":
        raise ValueError(f"expected columns id, model, z0, z1 ..., got {', '.join(header[:6])}")
    if len(models) > 1:
        raise ValueError(f"they were made by {len(models)} models")
    table = np.stack(codes) if codes else np.empty((0, len(header) - before), np.float32)
    known = np.array(labels, str) if "label" in header[:before] else None
    return Latents(np.array(ids, str), table, known, next(iter(models), ""))


def _parquet(latents: Latents) -> bytes:
    arrow, parquet = _pyarrow()
    columns = {"id": latents.ids} | ({} if latents.labels is None else {"label": latents.labels})
    codes = dict(zip(_code_names(latents.numbers), latents.codes.T, strict=True))
    table = arrow.table(columns | {name: np.ascontiguousarray(code) for name, code in codes.items()})
    sink = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({"sablier.model": latents.model}), sink)
    return sink.getvalue()


def _from_parquet(path: Path) -> Latents:
    _, parquet = _pyarrow()
    table = parquet.read_table(path)
    labels = np.array(table["label"].to_pylist(), str) if "label" in table.column_names else None
    names = _code_names(sum(name.startswith("z") for name in table.column_names))
    codes = np.stack([table[name].to_numpy() for name in names], axis=1)
    model = (table.schema.metadata or {}).get(b"sablier.model", b"").decode()
    return Latents(np.array(table["id"].to_pylist(), str), codes, labels, model)


def _pyarrow() -> tuple[Any, Any]:
    """Return pyarrow and its reader and writer of Parquet.

    Raises:
        ConfigError: if it is not installed.
    """
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise ConfigError(
            "a .parquet file takes pyarrow, which is not installed. Name a .npz or .csv file, or: pip install pyarrow"
        ) from error
