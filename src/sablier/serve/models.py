"""The models that a server serves: read when they are first asked for, and again when their files are replaced."""

import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from sablier.errors import ConfigError, ModelFileError, nearest
from sablier.modelfile import ModelFile
from sablier.monitoring import DriftAlarm
from sablier.serve.problems import Problem
from sablier.tasks.detection.detect import TASK as DETECT
from sablier.tasks.detection.judge import Judge
from sablier.tasks.known_images import KnownImages
from sablier.tasks.known_part import known_images_in
from sablier.workflows.exported_files import SUFFIX as EXPORTED
from sablier.workflows.judges import open_judge

SUFFIXES = (".sablier", EXPORTED)
NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)
Stamp = tuple[int, int, int]


@dataclass
class ServedModel:
    """A model as it was read.

    Args:
        name: by which requests name it.
        path: its file.
        file: what the file contains.
        judge: what judges images; None for a model of another task.
        checksum: the SHA-256 of the file, in hexadecimal.
        bytes: the size of the file.
        drift: the alarm on all images that were judged since the model was read; None without a judge.
        known: the images that trained or calibrated it; None without a judge.
        states: what verbs have made of the file, by the name of the verb.
    """

    name: str
    path: Path
    file: ModelFile
    judge: Judge | None
    checksum: str
    bytes: int
    drift: DriftAlarm | None
    known: KnownImages | None
    states: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Models:
    """Finds models by name.

    Args:
        places: model files, and folders of them, in which files may come and go.

    Raises:
        ConfigError: if there is no such file, none at all, two of one name, or a name that cannot be in an address.
        ModelFileError: if a file that is named is none.
    """

    def __init__(self, places: Iterable[Path]) -> None:
        self.places = tuple(places)
        self._read: dict[str, tuple[Stamp, ServedModel]] = {}
        self._failed: dict[str, Stamp] = {}
        self._lock = threading.Lock()
        for place in self.places:
            if not place.is_dir() and not place.is_file():
                raise ConfigError(f"expected a model file or a folder of them, and {place} does not exist.")
            if place.is_file() and place.suffix not in SUFFIXES:
                raise ConfigError(f"expected a file that ends in {' or '.join(SUFFIXES)}, got {place}.")
        self._paths(strict=True)

    def read_named(self) -> None:
        """Read the files that were named, so that the first request does not wait for them."""
        for place in self.places:
            if place.is_file():
                self.get(place.stem)

    def names(self) -> list[str]:
        """Return the names of all models, in order."""
        return sorted(self._paths())

    def current(self, name: str) -> ServedModel | None:
        """Return a model that was read, if its file is still the same; else None.

        Raises:
            Problem: if there is no model of that name.
        """
        before = self._read.get(name)
        return before[1] if before is not None and not self._is_new(name, _stamp(self._path_of(name))) else None

    def get(self, name: str) -> ServedModel:
        """Return a model; one whose file was replaced is read again, and if that fails, stays as it was.

        Raises:
            Problem: if there is no model of that name.
            ModelFileError: if its file is not whole, and never was.
        """
        path = self._path_of(name)
        with self._lock:
            before, stamp = self._read.get(name), _stamp(path)
            if before is not None and not self._is_new(name, stamp):
                return before[1]
            if stamp is None:
                raise Problem(404, f"the file of the model {name!r} has gone.")
            try:
                model = _read(name, path)
            except (ModelFileError, OSError):
                if before is None:
                    raise
                self._failed[name] = stamp
                return before[1]
            self._failed.pop(name, None)
            self._read[name] = (stamp, model)
            return model

    def _is_new(self, name: str, stamp: Stamp | None) -> bool:
        """Return whether a file is neither the one that was read, nor one that could not be read, nor gone."""
        return stamp not in (None, self._read[name][0], self._failed.get(name))

    def _path_of(self, name: str) -> Path:
        """Return the file of a model, which need not be there any more if it was named when the server started.

        Raises:
            Problem: if there is none.
        """
        if NAME.fullmatch(name):
            for place in self.places:
                if place.is_dir():
                    found = next((path for suffix in SUFFIXES if (path := place / f"{name}{suffix}").is_file()), None)
                else:
                    found = place if place.stem == name else None
                if found is not None:
                    return found
        raise Problem(404, f"there is no model {name[:100]!r}.{nearest(name, self._paths())} See /v1/models.")

    def loaded(self) -> list[ServedModel]:
        """Return the models that were read."""
        return [model for _, model in list(self._read.values())]

    def problems(self) -> dict[str, str]:
        """Return why the present file of a model could not be read, by the name of the model, which is served as it was."""
        return {name: "its file was replaced by one that cannot be read" for name in self._failed if name in self._read}

    def _paths(self, strict: bool = False) -> dict[str, Path]:
        """Return the files of all models, by name; with `strict` an error if names are not usable, or there is none."""
        found: dict[str, Path] = {}
        for place in self.places:
            files = sorted(path for path in place.iterdir() if path.suffix in SUFFIXES) if place.is_dir() else [place]
            for path in files:
                if NAME.fullmatch(path.stem) and path.stem not in found:
                    found[path.stem] = path
                elif strict and path.stem in found:
                    raise ConfigError(f"expected models of different names, got {found[path.stem]} and {path}. Rename one.")
                elif strict:
                    raise ConfigError(f"expected a name of letters, digits, '.', '-' and '_' for {path}. Rename it.")
        return found


def _stamp(path: Path) -> Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(name: str, path: Path) -> ServedModel:
    data = path.read_bytes()
    file, judge = open_judge(path) if path.suffix.lower() == EXPORTED else (ModelFile.load(path), None)
    if judge is None and file.task == DETECT:
        file, judge = open_judge(path)
    return ServedModel(
        name, path, file, judge, sha256(data).hexdigest(), len(data),
        None if judge is None else DriftAlarm.of(judge.calibration), None if judge is None else known_images_in(file),
    )  # fmt: skip
