"""Helpers of the tests of watch: images that arrive, and a clock of one's own."""

import csv

from PIL import Image

from sablier.workflows.watch import watch

QUICK = 0.001


def put(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0]).save(path)
    return path


def fill(folder, images, prefix=""):
    for index, pixels in enumerate(images):
        put(folder / f"{prefix}{index:03}.png", pixels)


def rows(out):
    with (out / "watch.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ids(out):
    return [row["id"] for row in rows(out)]


def once(model, folder, out, **options):
    return watch(model, folder, out, once=True, every_seconds=QUICK, **options)


class Script:
    """A clock for a watch: does one thing in each pause between looks, and ends the watch after the last look."""

    def __init__(self, *actions):
        self.actions, self.pauses = list(actions), 0

    def sleep(self, seconds):
        if self.pauses < len(self.actions):
            self.actions[self.pauses]()
        self.pauses += 1

    def stopped(self):
        return self.pauses > len(self.actions)

    def watch(self, model, folder, out, **options):
        return watch(model, folder, out, every_seconds=QUICK, sleep=self.sleep, stopped=self.stopped, **options)


def nothing():
    pass
