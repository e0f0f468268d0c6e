"""Helpers of the tests of watch: images that arrive, and a clock of one's own."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from sablier.typing import Array
from sablier.workflows.watch import watch
from sablier.workflows.watcher import WatchSummary

QUICK = 0.001


def put(path: Path, pixels: Array) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0]).save(path)
    return path


def fill(folder: Path, images: Iterable[Array], prefix: str = "") -> None:
    for index, pixels in enumerate(images):
        put(folder / f"{prefix}{index:03}.png", pixels)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "watch.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ids(out: Path) -> list[str]:
    return [row["id"] for row in rows(out)]


def once(model: Path, folder: Path, out: Path, **options: Any) -> WatchSummary:
    return watch(model, folder, out, once=True, every_seconds=QUICK, **options)


class Script:
    """A clock for a watch: does one thing in each pause between looks, and ends the watch after the last look."""

    def __init__(self, *actions: Callable[[], object]) -> None:
        self.actions, self.pauses = list(actions), 0

    def sleep(self, seconds: float) -> None:
        if self.pauses < len(self.actions):
            self.actions[self.pauses]()
        self.pauses += 1

    def stopped(self) -> bool:
        return self.pauses > len(self.actions)

    def watch(self, model: Path, folder: Path, out: Path, **options: Any) -> WatchSummary:
        return watch(model, folder, out, every_seconds=QUICK, sleep=self.sleep, stopped=self.stopped, **options)


def nothing() -> None:
    pass
