"""Where the picture made of an image is written: under the output folder, whatever the image is called, and never over it."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sablier.errors import OutputError
from sablier.images.decoding import SUFFIXES
from sablier.images.selection import parse_selection

LONGEST_PART = 150  # bytes of one name; file systems take 255, and a file half written has a longer name
FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
# Windows opens a device instead of a file of such a name.
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def picture_path(output: Path, id: str, suffix: str = ".png") -> Path:
    """Return where the picture of an image goes: its id with its folders, below `output`, ending in `suffix`.

    An ending other than `suffix` stays a part of the name, so that "a.jpg" and "a.png" do not share a file. An id that
    cannot be a relative path everywhere is mended, and a digest of it keeps the name apart from all others.

    >>> [picture_path(Path("out"), id).as_posix() for id in ("bad/a 1.png", "train/7", "b.jpg")]
    ['out/bad/a 1.png', 'out/train/7.png', 'out/b.jpg.png']
    >>> [picture_path(Path("out"), id).as_posix() for id in ("../../etc/a.png", "C:/a.png", "nul.png")]
    ['out/etc/a-f6decbcc.png', 'out/C_/a-09d0485b.png', 'out/_nul-f451cbad.png']
    """
    name = id.removesuffix(suffix)
    parts = [_mended(part) for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")] or ["image"]
    doubled = name != id and Path(name).suffix.lower() in SUFFIXES  # "a.jpg.png" must not share a file with "a.jpg"
    if "/".join(parts) != name or doubled:
        parts[-1] += f"-{hashlib.sha256(id.encode(errors='surrogatepass')).hexdigest()[:8]}"
    return output.joinpath(*parts[:-1], parts[-1] + suffix)


def picture_paths(output: Path, ids: Iterable[str], suffix: str = ".png") -> list[Path]:
    """Return where the pictures of several images go, no two of them the same on any file system: repeats are numbered.

    >>> [path.name for path in picture_paths(Path("out"), ["a.png", "a", "A", "b"])]
    ['a.png', 'a-2.png', 'A-3.png', 'b.png']
    """
    taken: set[str] = set()
    found = []
    for id in ids:
        path = first = picture_path(output, id, suffix)
        number = 1
        while str(path).casefold() in taken:
            number += 1
            path = first.with_stem(f"{first.stem}-{number}")
        taken.add(str(path).casefold())
        found.append(path)
    return found


def check_apart(source: Any, folder: Path) -> None:
    """Raise OutputError where results would lie among the images they come from, or be read as images next time."""
    if not isinstance(source, str | Path):
        return
    whole = source if Path(source).exists() else parse_selection(str(source))[0]
    came, goes = Path(whole).expanduser().resolve(), folder.resolve()
    if not came.exists():
        return
    place = came if came.is_dir() else came.parent
    nested = came.is_dir() and (goes.is_relative_to(came) or came.is_relative_to(goes))
    if goes == place or nested:
        raise OutputError(f"{folder} is or shares the folder of the images. Choose one apart from {place} with -o.")


def _mended(part: str) -> str:
    """Return a part of a path as every file system takes it."""
    short = part.encode(errors="replace")[:LONGEST_PART].decode(errors="ignore")
    plain = FORBIDDEN.sub("_", short).lstrip().rstrip(". ") or "_"
    return f"_{plain}" if DEVICE.match(plain) else plain
