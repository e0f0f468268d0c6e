"""The paths of pictures made of images: below the output folder, whatever the id, and never over the image."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from sablier.files.names import numbered_names
from sablier.images.decoding import SUFFIXES

LONGEST_PART = 150  # bytes of one name; file systems allow 255, and unfinished files have longer names
LONGEST_PATH = 1000  # bytes below the output; systems allow 4096 in all, some of them 1024
ENDINGS = (".png", ".npy")  # of pictures: no folder of pictures may have such a name
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
# On Windows these names open a device.
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def picture_path(output: Path, id: str, suffix: str = ".png") -> Path:
    """Return the path of the picture of an image: its id with its folders, below `output`, ending in `suffix`.

    Another ending stays part of the name, so that "a.jpg" and "a.png" do not share a file. An id that is not a relative path
    on every system is replaced by a valid one with a digest. So is an id whose folder could be the name of a picture. Of a
    path that is too deep, only the last name is kept.

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
    """Return the paths of pictures of several images, distinct on every file system: repeats get a number.

    >>> [path.name for path in picture_paths(Path("out"), ["a.png", "a", "A", "b"])]
    ['a.png', 'a-2.png', 'A-3.png', 'b.png']
    """
    stems = (str(picture_path(output, id, suffix)).removesuffix(suffix) for id in ids)
    return [Path(f"{stem}{'' if number == 1 else f'-{number}'}{suffix}") for stem, number in numbered_names(stems)]


def _mended(part: str) -> str:
    """Return a part of a path in a form that every file system takes."""
    short = part.encode(errors="replace")[:LONGEST_PART].decode(errors="ignore")
    plain = FORBIDDEN.sub("_", short).lstrip().rstrip(". ") or "_"
    return f"_{plain}" if DEVICE.match(plain) else plain
