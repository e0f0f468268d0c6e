"""Kinds of files, recognised by their contents: a file is overwritten only if it is of the kind that is written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sablier.errors import OutputError

LONGEST_HEADER = 1 << 26
WHOLE = -1


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Args:
        name: with its article, for messages.
        holds: whether the first bytes of a file are of this kind.
        example: a file name for messages.
        length: how many bytes `holds` needs; `WHOLE` for all.
    """

    name: str
    holds: Callable[[bytes], bool]
    example: str
    length: int = 512


def _starts(*heads: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(heads)


def _is_model(data: bytes) -> bool:
    header = data[8 : 8 + int.from_bytes(data[:8], "little")]
    return header.startswith(b"{") and re.search(rb'"format"\s*:\s*"sablier', header) is not None


def _is_onnx(data: bytes) -> bool:
    return data.startswith(b"\x08") and b"sablier_sha256" in data  # the version of ONNX comes first, our metadata last


def _is_page(data: bytes) -> bool:
    return data.lstrip()[:9].lower() in (b"<!doctype", b"<html") and b"sablier" in data


def _is_codes(data: bytes) -> bool:
    return re.match(rb"id,(label,)?model,z0[,\r\n]", data) is not None


MODEL = Kind("a .sablier model", _is_model, "model.sablier", LONGEST_HEADER)
ONNX = Kind("an exported .onnx model", _is_onnx, "model.onnx", WHOLE)
COMPRESSED = Kind("a .sabz file", _starts(b"SABZ"), "images.sabz")
PAGE = Kind("a page written by sablier", _is_page, "page.html", LONGEST_HEADER)
PNG_COMPRESSION = 3  # of the levels 0 to 9: more is slower than most networks and saves little
PNG = Kind("a PNG picture", _starts(b"\x89PNG\r\n\x1a\n"), "picture.png")
GIF = Kind("a GIF animation", _starts(b"GIF8"), "picture.gif")
NPZ = Kind("a .npz file", _starts(b"PK\x03\x04"), "codes.npz")
CODES = Kind("a table of codes", _is_codes, "codes.csv")
FILTERED = Kind("a list of filtered images", _starts(b"id,score,position"), "filtered.csv")
GROUPS = Kind("a list of groups", _starts(b"id,group"), "groups.csv")
LEARNING_CURVE = Kind("a table of a learning curve", _starts(b"images,image_auroc"), "curve.csv")
PARQUET = Kind("a Parquet table", _starts(b"PAR1"), "codes.parquet")
JSON = Kind("a JSON document", _starts(b"{", b"["), "samples.json")
ANYTHING = Kind("anything", lambda data: True, "file", 0)
BY_SUFFIX = {".png": PNG, ".gif": GIF, ".npz": NPZ, ".csv": CODES, ".parquet": PARQUET, ".html": PAGE, ".htm": PAGE}


def check_replaces(path: Path, kind: Kind) -> None:
    """Check that writing a file loses nothing of another kind. An empty file is nothing.

    Raises:
        OutputError: if `path` is a folder, or a file of another kind.
    """
    if kind is ANYTHING:
        return
    if path.is_dir():
        raise OutputError(f"{path} is a folder. Name a file, for example -o {path / kind.example}.")
    try:
        with path.open("rb") as file:
            data = file.read(kind.length)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}. Choose another place with -o.") from error
    if data and not kind.holds(data):
        raise OutputError(f"{path} is there already and is not {kind.name}, so it is not replaced. Choose another name with -o.")
