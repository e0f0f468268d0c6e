"""What a run made: names and checksums, in a file that `sha256sum -c` reads too.

The next run of the same verb removes what the list names, if nobody has changed it, and nothing else. What a person has changed
is kept under a new name. A line is written before its file gets its place, so that a kill leaves nothing unknown.
"""

import hashlib
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from threading import Lock

from sablier.errors import OutputWarning
from sablier.files.whole import watching, write_whole

LINE = re.compile(r"([0-9a-f]{64})  (.+)")


@contextmanager
def listed(folder: Path, verb: str) -> Iterator[None]:
    """List what is written below a folder meanwhile, and at the end remove what an earlier run listed and this one did not make.

    Args:
        folder: there, and locked by this process.
        verb: whose runs follow each other.

    Warns:
        OutputWarning: for each file that a person had changed, and that was kept under a new name.
    """
    manifest = Manifest(folder, verb)
    with watching(manifest.note):
        yield
    manifest.close()


class Manifest:
    """The list of what one verb made in a folder."""

    def __init__(self, folder: Path, verb: str) -> None:
        self.folder, self.path = folder.resolve(), folder / f".{verb}.sha256"
        self.before = _read(self.path)
        # What another verb made there, and nobody has changed, may be replaced too.
        self.known: dict[str, set[bytes]] = {}
        for path in folder.glob(".*.sha256"):
            for name, digests in _read(path).items():
                self.known.setdefault(name, set()).update(digests)
        self.made: dict[str, bytes] = {}
        self.lock = Lock()

    def note(self, place: Path, present: Path) -> None:
        """List a file that is about to get its place; what a person has put or changed there is given another one first."""
        place = place.parent.resolve() / place.name
        if not place.is_relative_to(self.folder) or place == self.folder / self.path.name:
            return
        name = place.relative_to(self.folder).as_posix()
        digest = _digest(present)
        with self.lock:
            if name not in self.made and place.exists() and _digest(place) not in self.known.get(name, ()):
                _keep(place)
            self.made[name] = digest
            with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(_line(name, digest))

    def close(self) -> None:
        """Remove or keep what is there of earlier runs, and write the list of this one."""
        for name, digests in self.before.items():
            place = self.folder / name
            if name in self.made or not place.is_file() or not place.parent.resolve().is_relative_to(self.folder):
                continue
            if _digest(place) in digests:
                place.unlink(missing_ok=True)
                _remove_empty(place.parent, self.folder)
            else:
                _keep(place)
        text = "".join(_line(name, digest) for name, digest in self.made.items())
        write_whole(self.path, text.encode(errors="backslashreplace"))


def _line(name: str, digest: bytes) -> str:
    return f"{digest.hex()}  {name}\n"


def _read(path: Path) -> dict[str, set[bytes]]:
    """Return the names of a list, all of them below its folder, with the checksums they are listed with."""
    found: dict[str, set[bytes]] = {}
    with suppress(FileNotFoundError):
        for line in path.read_text("utf-8", errors="replace").splitlines():
            match = LINE.fullmatch(line)
            if match and not match[2].startswith("/") and ".." not in PurePosixPath(match[2]).parts:
                found.setdefault(match[2], set()).add(bytes.fromhex(match[1]))
    return found


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _keep(place: Path) -> None:
    """Give a file a name of its own, and say so."""
    number = 1
    while (kept := place.with_stem(f"{place.stem}-kept{'' if number == 1 else f'-{number}'}")).exists():
        number += 1
    place.rename(kept)
    warnings.warn(f"{place} is not as sablier wrote it. It is kept as {kept}.", OutputWarning, stacklevel=2)


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and those around it, below `top`, that hold nothing any more."""
    with suppress(OSError):
        while folder != top:
            folder.rmdir()
            folder = folder.parent
