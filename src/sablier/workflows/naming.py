"""Where the picture made of an image is written: under the output folder, whatever the image is called, and never over it."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from sablier.files.names import numbered_names
from sablier.images.decoding import SUFFIXES

LONGEST_PART = 150  # bytes of one name; file systems take 255, and a file half written has a longer name
LONGEST_PATH = 1000  # bytes below the output; systems take 4096 in all, some of them 1024
ENDINGS = (".png", ".npy")  # of pictures: no folder of pictures may be called like one
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
# Windows opens a device instead of a file of such a name.
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def picture_path(output: Path, id: str, suffix: str = ".png") -> Path:
    """Return where the picture of an image goes: its id with its folders, below `output`, ending in `suffix`.

    An ending other than `suffix` stays a part of the name, so that "a.jpg" and "a.png" do not share a file. An id that
    cannot be a relative path everywhere is mended, and a digest of it keeps the name apart from all others. So is one whose
    folder could be the name of a picture, and one that lies too deep, which keeps its last name alone.

    >>> [picture_path(Path("out"), id).as_posix() for id in ("bad/a 1.png", "train/7", "b.jpg")]
    ['out/bad/a 1.png', 'out/train/7.png', 'out/b.jpg.png']
    >>> [picture_path(Path("out"), id).as_posix() for id in ("../../etc/a.png", "C:/a.png", "nul.png")]
    ['out/etc/a-f6decbcc.png', 'out/C_/a-09d0485b.png', 'out/_nul-f451cbad.png']
    >>> [picture_path(Path("out"), id).as_posix() for id in ("x.png", "x.png/y.png")]
    ['out/x.png', 'out/x.png_/y-322e4148.png']
    """
    name = id.removesuffix(suffix)
    parts = [_mended(part) for part in name.split("/") if part not in ("", ".", "..")] or ["image"]
    parts[:-1] = [f"{part}_" if part.lower().endswith(ENDINGS) else part for part in parts[:-1]]
    if len("/".join(parts).encode()) > LONGEST_PATH:
        parts = parts[-1:]
    doubled = name != id and Path(name).suffix.lower() in SUFFIXES  # "a.jpg.png" must not share a file with "a.jpg"
    if "/".join(parts) != name or doubled:
        parts[-1] += f"-{hashlib.sha256(id.encode(errors='surrogatepass')).hexdigest()[:8]}"
    return output.joinpath(*parts[:-1], parts[-1] + suffix)


def picture_paths(output: Path, ids: Iterable[str], suffix: str = ".png") -> list[Path]:
    """Return where the pictures of several images go, no two of them the same on any file system: repeats are numbered.

    >>> [path.name for path in picture_paths(Path("out"), ["a.png", "a", "A", "b"])]
    ['a.png', 'a-2.png', 'A-3.png', 'b.png']
    """
    stems = (str(picture_path(output, id, suffix)).removesuffix(suffix) for id in ids)
    return [Path(f"{stem}{'' if number == 1 else f'-{number}'}{suffix}") for stem, number in numbered_names(stems)]


def _mended(part: str) -> str:
    """Return a part of a path as every file system takes it."""
    short = part.encode(errors="replace")[:LONGEST_PART].decode(errors="ignore")
    plain = FORBIDDEN.sub("_", short).lstrip().rstrip(". ") or "_"
    return f"_{plain}" if DEVICE.match(plain) else plain
