"""The manifest: names and checksums of the files of a run, in a file that `sha256sum -c` can read.

The next run of the same command removes listed files that are unchanged, and nothing else. A changed file is kept under a
new name. A file is listed before it gets its name, so that a kill leaves no unlisted file.
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
    """List the files that are written below a folder meanwhile; at the end, remove those of an earlier run only.

    Args:
        folder: exists, and is locked by this process.
        verb: the name of the command; its runs follow each other.

    Warns:
        OutputWarning: for each changed file that was kept under a new name.
    """
    manifest = Manifest(folder, verb)
    with watching(manifest.note):
        yield
    manifest.close()


class Manifest:
    """The list of the files that one command made in a folder."""

    def __init__(self, folder: Path, verb: str) -> None:
        self.folder, self.path = folder.resolve(), folder / f".{verb}.sha256"
        self.before = _read(self.path)
        # Unchanged files of another command may be replaced, too.
        self.known: dict[str, set[bytes]] = {}
        for path in folder.glob(".*.sha256"):
            for name, digests in _read(path).items():
                self.known.setdefault(name, set()).update(digests)
        self.made: dict[str, bytes] = {}
        self.lock = Lock()

    def note(self, place: Path, present: Path) -> None:
        """List a file that is about to get its name; a file of the user's in its place is renamed first."""
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
        """Remove or keep the files of earlier runs, and write the list of this one."""
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
    """Return the names of a list, all of them below its folder, with their listed checksums."""
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
    """Rename a file, and warn."""
    number = 1
    while (kept := place.with_stem(f"{place.stem}-kept{'' if number == 1 else f'-{number}'}")).exists():
        number += 1
    place.rename(kept)
    warnings.warn(f"{place} is not as sablier wrote it. It is kept as {kept}.", OutputWarning, stacklevel=2)


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and its parents, below `top`, if they are empty."""
    with suppress(OSError):
        while folder != top:
            folder.rmdir()
            folder = folder.parent
