"""What a shard says of itself: of which run it is a part. `merge` joins only the shards of one run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from os import PathLike
from pathlib import Path
from sys import maxsize
from typing import Any, Self

from sablier import __version__
from sablier.errors import ConfigError, OutputError
from sablier.files import write_whole
from sablier.images.formats.base import Portion
from sablier.images.sources import stream_portion
from sablier.workflows.tables import as_json

RECORD, TABLE = "shard.json", "scores.csv"


@dataclass(frozen=True)
class Run:
    """What all shards of a run have in common.

    Args:
        sablier: the version that scores.
        model_sha256: the checksum of the model file.
        name: the last part of the name of the source, whose folder may be another on another machine.
        chunk: how many places of the source are in a chunk, so many are scored at once.
        chunks: how many chunks the source has.
        images: how many images the source has, readable or not.
        ids_sha256: the checksum of their ids.
        shards: into how many shards the chunks are divided.
        reading: the options of `read_images`.
    """

    sablier: str
    model_sha256: str
    name: str
    chunk: int
    chunks: int
    images: int
    ids_sha256: str
    shards: int
    reading: dict[str, Any]

    @classmethod
    def of(cls, model: Path, source: str, chunk: int, shards: int, reading: Mapping[str, Any]) -> Self:
        """Return the run of a model on a source, in which no image file is opened.

        Raises:
            ImagesError: if there is no such source, or it is empty.
        """
        digest, images = hashlib.sha256(), 0

        def unwanted(id: str) -> bool:
            nonlocal images
            digest.update(f"{id}\n".encode(errors="surrogatepass"))
            images += 1
            return False

        chunks = sum(1 for _ in stream_portion(source, Portion(range(maxsize), unwanted), chunk=chunk, **reading))
        name, kept = source.rstrip("/").rpartition("/")[2], json.loads(json.dumps(dict(reading), default=str))
        return cls(__version__, sha256_of(model), name, chunk, chunks, images, digest.hexdigest(), shards, kept)

    def chunks_of(self, shard: int) -> range:
        """Return the chunks of a shard, counted from 1: successive ones, as many as in every other, or one more."""
        return range(self.chunks * (shard - 1) // self.shards, self.chunks * shard // self.shards)

    def difference(self, other: Self) -> str:
        """Return what another run has differently, in words; "" for the same run."""
        named = {
            "sablier": "version of sablier", "model_sha256": "model", "name": "source", "shards": "number of shards",
            "reading": "options of the source", "images": "number of images in the source", "ids_sha256": "images in the source",
        }  # fmt: skip
        for name, words in named.items():
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                return f"another {words} ({_shown(theirs)}, not {_shown(ours)})"
        return "" if self == other else "chunks of another size"


@dataclass(frozen=True)
class Shard:
    """One shard of a run.

    Args:
        number: from 1.
        model, source: where they were when it was scored.
        run: what it is a part of.
        finished: whether its table is complete.
        scored, unreadable: how many images the table has with scores, and with the reason why not.
        labelled: whether some have labels.
        table_sha256: the checksum of the table.
    """

    number: int
    model: str
    source: str
    run: Run
    finished: bool = False
    scored: int = 0
    unreadable: int = 0
    labelled: bool = False
    table_sha256: str = ""

    @property
    def name(self) -> str:
        """Which one it is: "3/16"."""
        return f"{self.number}/{self.run.shards}"

    @property
    def chunks(self) -> range:
        """The chunks that it has."""
        return self.run.chunks_of(self.number)

    def write(self, folder: Path) -> None:
        """Write it into its folder.

        Raises:
            OutputError: if it cannot be written.
        """
        write_whole(folder / RECORD, as_json(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the shard in a folder; None if there is none.

        Raises:
            OutputError: if it cannot be read.
        """
        try:
            document = json.loads((folder / RECORD).read_text("utf-8"))
            values = {field.name: document[field.name] for field in fields(cls)}
            return cls(**{**values, "run": Run(**values["run"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"{folder / RECORD}: expected what `sablier detect --shard` writes, got what cannot be read ({error!r}). "
                "Remove the folder, and score that shard again."
            ) from error


def read_shards(folders: Sequence[str | PathLike[str]]) -> list[tuple[Path, Shard]]:
    """Return the shards of a run with their folders, in the order of the shards.

    Raises:
        OutputError: if one is missing, unfinished, given twice, altered, or of another run.
        ConfigError: without a folder.
    """
    if not folders:
        raise ConfigError("expected the folders of all shards, got none.")
    found = [(folder, _finished(folder)) for folder in map(Path, folders)]
    first_folder, first = found[0]
    by_number: dict[int, Path] = {}
    for folder, shard in found:
        if difference := first.run.difference(shard.run):
            raise OutputError(
                f"expected the shards of one run, got {folder} with {difference}, unlike {first_folder}. Leave it out."
            )
        if shard.number in by_number:
            raise OutputError(
                f"expected each shard once, got {shard.name} in {by_number[shard.number]} and {folder}. Leave one out."
            )
        by_number[shard.number] = folder
    missing = [str(number) for number in range(1, first.run.shards + 1) if number not in by_number]
    if missing:
        of = f"of {first.run.shards}"
        which = f"shards {', '.join(missing)} {of} are" if len(missing) > 1 else f"shard {missing[0]} {of} is"
        raise OutputError(f"expected all {first.run.shards} shards, got {len(found)}: {which} missing. Score what is missing.")
    return sorted(found, key=lambda each: each[1].number)


def _finished(folder: Path) -> Shard:
    shard = Shard.read(folder)
    if shard is None:
        what = f"there is no {RECORD} in it" if folder.is_dir() else "there is no such folder"
        raise OutputError(f"expected a folder that `sablier detect --shard` wrote, got {folder}: {what}.")
    if not shard.finished:
        raise OutputError(f"shard {shard.name} in {folder} is not finished. Run its command again: it goes on where it stopped.")
    if not holds_table(folder, shard):
        raise OutputError(f"{folder / TABLE} was altered or removed since shard {shard.name} was scored. Run its command again.")
    return shard


def holds_table(folder: Path, shard: Shard) -> bool:
    """Return whether the table of a finished shard is there, and as it was written."""
    return (folder / TABLE).is_file() and sha256_of(folder / TABLE) == shard.table_sha256


def sha256_of(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shown(value: Any) -> str:
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)
