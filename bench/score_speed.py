"""Scoring: the whole command on 10,000 images in an IDX file, and the peak memory of long streams. Needs nothing but sablier.

The images are drawn here (glyphs, 28 x 28) and repeated; the detector is trained on one letter. The command is
`sablier detect MODEL FILE -o OUT --no-report`, timed as a whole process, start of Python included.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from harness import Bench, print_table, timed_command
from sablier.images.glyphs import glyphs
from sablier.recipes.make import make_recipe
from sablier.workflows.training.train import train


def write_idx(path: Path, pixels: np.ndarray, count: int) -> None:
    """Write `count` images to an IDX file, repeating `pixels`, a block at a time."""
    with path.open("wb") as file:
        file.write(bytes([0, 0, 8, 3]) + b"".join(int(size).to_bytes(4, "big") for size in (count, *pixels.shape[1:3])))
        for start in range(0, count, len(pixels)):
            file.write(pixels[: count - start].tobytes())


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--first-only", action="store_true", help="time the 10,000 images only, without the long streams")


def main() -> None:
    bench = Bench("score_speed", __doc__ or "", add)
    counts = [1_000, 20_000, 50_000] if bench.args.quick else [10_000, 200_000, 1_000_000]
    if bench.args.first_only:
        counts = counts[:1]
    repeats = 1 if bench.args.quick else 5
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        letters = glyphs(10_000, seed=1).array[..., 0]
        train("glyphs[label=A]", place / "a.sablier", make_recipe("detector", "tiny" if bench.args.quick else "base"))
        found = []
        for index, count in enumerate(counts):
            write_idx(place / "images-idx3-ubyte", letters, count)
            times = repeats if index == 0 else 1
            words = ("detect", place / "a.sablier", place / "images-idx3-ubyte", "-o", place / "out", "--no-report")
            runs = [timed_command(*words) for _ in range(times)]
            found.append((count, statistics.median(run[0] for run in runs), max(run[1] for run in runs)))
            print(f"{count:,} images: {found[-1][1]:.1f} s, {found[-1][2]:.0f} MB", flush=True)
    print_table(["images", "seconds", "peak MB", "images/s"], [[f"{n:,}", s, m, f"{n / s:,.0f}"] for n, s, m in found])
    names = ("10k", "200k", "1m")
    payload: dict[str, Any] = {"data": "glyphs", "images": counts}
    payload |= {f"seconds_{name}": seconds for name, (_, seconds, _) in zip(names, found, strict=False)}
    payload |= {f"peak_mb_{name}": peak for name, (_, _, peak) in zip(names, found, strict=False)}
    bench.finish("glyphs-10k" if bench.args.first_only else "glyphs", [0], payload)


if __name__ == "__main__":
    main()
