"""Photos of 256 x 256: seconds of whole commands, photos a second, memory, bytes. Needs $SABLIER_DATA/industrial.

Each command is a process of its own, start of Python included. Photos a second are those of `detect --no-report` on PNG files
once it runs: a folder of many less one of few, the median of three, with the model of 48 photos in colour, which has five folds.
The 5,000 photos are toothbrushes, turned, mirrored, rolled to another place and made noisy: so they do not repeat each other.
"""

import os
import shutil
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness import Bench, idle, print_table, timed_command
from sablier.images.sources import read_images

INDUSTRIAL = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial"
NOISE = 3.0  # standard deviation, of 255
REPEATS, FEW = 3, 8  # how often the rate is measured, and the photos whose time is taken off


def main() -> None:
    bench = Bench("photo_speed", __doc__ or "")
    quick = bench.args.quick
    judged, many, options = (40, 60, ["--tier", "tiny"]) if quick else (300, 5000, [])
    key, folder = "photos", bench.workshop("photos")
    steps, brush = bench.partial(key), INDUSTRIAL / "toothbrush"

    def step(name: str, compute: Any) -> dict[str, Any]:
        return dict(steps.get(name, lambda: {**compute(), "idle": idle()}))

    small = step("48", partial(trained, folder / "48.sablier", brush, options))
    if not (folder / "48.sablier").exists():  # of an earlier run, whose folder is gone
        trained(folder / "48.sablier", brush, options)
    large = small if quick else step("715", partial(trained, folder / "715.sablier", INDUSTRIAL / "magnetic_tile", options))
    rate = step("rate", partial(rate_of, folder, judged, 1 if quick else REPEATS))
    report = step("report", partial(reported, folder, brush / "test"))
    huge = step("5000", partial(trained_on_variations, folder, many, options))
    payload = {
        "train_seconds_48": small["seconds"],
        "train_seconds_715": large["seconds"],
        "photos_per_second": rate["photos_per_second"],
        "report_seconds_42": report["seconds"],
        "train_seconds_5000": huge["seconds"],
        "peak_mb_5000": huge["peak_mb"],
        "model_mb": max(small["model_mb"], large["model_mb"], huge["model_mb"]),
        "idle": all(each["idle"] for each in (small, large, rate, report, huge)),
    }
    print_table(["figure", "value"], [[name, value] for name, value in payload.items()])
    bench.finish(key, [0], payload)
    shutil.rmtree(folder, ignore_errors=True)


def trained(model: Path, photos: Path, options: list[str]) -> dict[str, float]:
    """Train a model; return seconds, megabytes of memory and megabytes of the file."""
    seconds, peak = timed_command("train", photos, "-o", model, *options)
    return {"seconds": seconds, "peak_mb": peak, "model_mb": model.stat().st_size / 1e6}


def rate_of(folder: Path, count: int, repeats: int) -> dict[str, float]:
    """Return how many photos a second are judged, without a report, once the command runs."""
    for name, photos in (("few", FEW), ("many", count)):
        write_variations(folder / name, photos, "png")
    words = ("detect", folder / "48.sablier")
    taken = {
        name: statistics.median(
            timed_command(*words, folder / name, "-o", folder / f"{name}-out", "--no-report")[0] for _ in range(repeats)
        )
        for name in ("few", "many")
    }
    return {"photos_per_second": (count - FEW) / (taken["many"] - taken["few"])}


def reported(folder: Path, photos: Path) -> dict[str, float]:
    """Return how long a report on photos takes, as a whole command."""
    return {"seconds": timed_command("detect", folder / "48.sablier", photos, "-o", folder / "report")[0]}


def trained_on_variations(folder: Path, count: int, options: list[str]) -> dict[str, float]:
    """Train on so many photos made here, and remove them."""
    write_variations(folder / "made", count, "jpg")
    found = trained(folder / "made.sablier", folder / "made", options)
    shutil.rmtree(folder / "made")
    return found


def write_variations(folder: Path, count: int, suffix: str) -> None:
    """Write so many photos: toothbrushes turned, mirrored, rolled to another place and made noisy."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    originals, random = read_images(INDUSTRIAL / "toothbrush" / "train" / "good"), np.random.default_rng(0)
    pixels = [originals[index] for index in range(len(originals))]
    for index in range(count):
        photo = np.rot90(pixels[index % len(pixels)], int(random.integers(4)))[:: int(random.choice([-1, 1]))]
        photo = np.roll(photo, random.integers(256, size=2), axis=(0, 1)) + random.normal(0, NOISE, photo.shape)
        Image.fromarray(np.rint(photo).clip(0, 255).astype(np.uint8)).save(folder / f"{index:04}.{suffix}", quality=95)


if __name__ == "__main__":
    main()
