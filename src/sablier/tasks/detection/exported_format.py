"""The metadata of an exported model, in the ONNX file itself: what its graph does not hold, and a checksum.

An ONNX file is one protobuf message, and messages that follow each other are one: the metadata are appended to the graph.

- `sablier`: the record as JSON: the format, the task, and the content of the model file but its tensors.
- `sablier_arrays`: the tensors of the parts that the record names, an .npz in base64.
- `sablier_length`: the number of bytes before the metadata.
- `sablier_sha256`: the SHA-256 over those bytes, the record and the arrays.
"""

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sablier.errors import ModelFileError
from sablier.images.formats.base import LARGEST_DEFLATE_RATIO
from sablier.typing import Array

FORMAT = 1
RECORD, ARRAYS, LENGTH, CHECKSUM = OWN = ("sablier", "sablier_arrays", "sablier_length", "sablier_sha256")
GRAPH, METADATA = 7, 14  # fields of ModelProto
KEY, VALUE = 1, 2  # fields of StringStringEntryProto
VARINT, EIGHT_BYTES, LENGTH_DELIMITED, FOUR_BYTES = 0, 1, 2, 5  # wire types of protobuf


def with_metadata(graph: bytes, record: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Return the bytes of an exported model.

    Args:
        graph: a serialised ONNX model without these metadata.
        record: what JSON can hold; "format" is added.
        arrays: the tensors of its parts, by the name of the part and their own, such as "calibration/model/0".
    """
    packed = io.BytesIO()
    np.savez_compressed(packed, **dict(arrays))  # type: ignore[arg-type]  # its other argument is no array
    text, tensors = json.dumps({"format": FORMAT, **record}), base64.b64encode(packed.getvalue()).decode()
    entries = zip(OWN, (text, tensors, str(len(graph)), _digest(graph, text, tensors)), strict=True)
    return graph + b"".join(_field(METADATA, _field(KEY, key.encode()) + _field(VALUE, value.encode())) for key, value in entries)


def read_metadata(data: bytes, name: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the record and the arrays of an exported model, checked against their checksum.

    Args:
        data: the bytes of the file.
        name: of the file, for messages.

    Raises:
        ModelFileError: if it is no exported model, is damaged or altered, or of a newer format.
    """
    own = _own_entries(data, name)
    try:
        record = json.loads(own[RECORD])
        version = record["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(
            f"{name} holds metadata of sablier that cannot be read: {error!r}. Copy or export it again."
        ) from error
    if isinstance(version, int) and version > FORMAT:
        raise ModelFileError(
            f"expected an exported model of format {FORMAT} at most, got format {version} in {name}. Upgrade sablier or "
            "sablier-runtime to read it."
        )
    if _digest(memoryview(data)[: int(own[LENGTH])], own[RECORD], own[ARRAYS]) != own[CHECKSUM]:
        raise ModelFileError(f"{name} was altered since it was exported: its checksum does not match. Copy or export it again.")
    if version != FORMAT:
        raise ModelFileError(f"expected an exported model of format {FORMAT}, got {version!r} in {name}. Export it again.")
    return record, _unpacked(own[ARRAYS], name)


def _own_entries(data: bytes, name: str) -> dict[str, str]:
    """Return the four metadata of sablier; nothing else follows the graph."""
    if not data:
        raise ModelFileError(f"expected an exported model, got an empty file: {name}. Copy or export it again.")
    try:
        fields = list(_fields(data))
        entries = [(start, {key: value for _, key, value in _fields(each)}) for start, key, each in fields if key == METADATA]
        found = [(start, each[KEY].decode(), each.get(VALUE, b"").decode()) for start, each in entries]
        if all(key != GRAPH for _, key, _ in fields):
            raise ValueError("it has no graph")
    except (ValueError, IndexError, KeyError) as error:
        raise ModelFileError(
            f"expected an ONNX file written by sablier export, got {name}, which is no ONNX file, or only a part of one "
            f"({len(data):,} bytes: {error}). Copy or export it again."
        ) from error
    own = [(start, key, value) for start, key, value in found if key in OWN]
    if not own:
        raise ModelFileError(
            f"expected an ONNX file written by sablier export, got {name}, which has no metadata of sablier. Export a model "
            "with: sablier export part.sablier -o part.onnx"
        )
    values = {key: value for _, key, value in own}
    length = values.get(LENGTH, "")
    after = [start for start, *_ in fields if re.fullmatch("[0-9]{1,15}", length) and start >= int(length)]
    if len(own) != len(OWN) or set(values) != set(OWN) or after != [start for start, *_ in own]:
        raise ModelFileError(f"{name} was altered since it was exported: its metadata are incomplete. Copy or export it again.")
    return values


def _unpacked(text: str, name: str) -> dict[str, Array]:
    try:
        packed = base64.b64decode(text, validate=True)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > LARGEST_DEFLATE_RATIO * len(packed):
            raise ValueError(f"{size:,} bytes from {len(packed):,}")
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except Exception as error:  # zipfile, zlib and NumPy raise many types on invalid bytes
        raise ModelFileError(f"{name} holds arrays that cannot be read: {error}. Export it again.") from error


def _digest(graph: bytes | memoryview, record: str, arrays: str) -> str:
    digest = hashlib.sha256(graph)
    digest.update(record.encode())
    digest.update(arrays.encode())
    return digest.hexdigest()


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field of a protobuf message."""
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield where each field of a protobuf message starts, its number, and the content of a length-delimited one.

    Raises:
        ValueError: if it is no message, or a part of one.
    """
    view, place = memoryview(message), 0
    while place < len(view):
        start = place
        tag, place = _read_varint(view, place)
        kind, length = tag & 7, 0
        if kind == VARINT:
            _, place = _read_varint(view, place)
        elif kind == LENGTH_DELIMITED:
            length, place = _read_varint(view, place)
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            length = 8 if kind == EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of unknown type at byte {start:,}")
        if tag >> 3 == 0 or place + length > len(view):
            raise ValueError(f"a field that goes beyond the end at byte {start:,}")
        number = tag >> 3
        # The graph is large, and only its place matters.
        yield start, number, b"" if number == GRAPH else bytes(view[place : place + length])
        place += length


def _read_varint(view: memoryview, place: int) -> tuple[int, int]:
    """Return a number and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(view):
            raise ValueError("a number that goes beyond the end")
        byte = view[place]
        value, place = value | (byte & 0x7F) << shift, place + 1
        if byte < 0x80:
            return value, place
    raise ValueError(f"a number of more than 64 bits at byte {place:,}")
