"""Do shards, merged, give what one run gives: tables, cut, drift and promise?

A detector of one class judges images of all classes, which drift from it, at a false-discovery rate: in one run, and in shards.
Some shards are killed on the way and run again. "lost" are images of the source that the merged table lacks, "duplicated" those
that it has more than once, "equal" says whether the tables are the same byte for byte, and the other results the same numbers.
"""

import argparse
import csv
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from harness import Bench, print_table
from sablier.images.datasets import load_dataset
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.summary import DetectionSummary
from sablier.workflows.detect import detect
from sablier.workflows.detect_shard import PART_IMAGES, detect_shard
from sablier.workflows.merge import merge_shards
from sablier.workflows.training.detector import train_detector

KILLED_EVERY = 5  # shards


class Killed(BaseException):
    """What ends a run in its midst."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--normal", default="5", help="the label of the normal class")
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--fdr", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)


def main() -> None:
    bench = Bench("shards", __doc__ or "", add)
    args = bench.args
    source = f"{args.data}:{'test' if args.quick else 'all'}"
    training = load_dataset(args.data, "train").where(label=args.normal)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(action="ignore"):  # the other classes do not resemble it
        folder = Path(name)
        model = folder / "model.sablier"
        train_detector(training, make_recipe("detector", "tiny", [f"seed={args.seed}"])).save(model)
        whole = detect(model, source, folder / "whole", fdr=args.fdr, report=False)
        places = [folder / f"out-{number}" for number in range(1, args.shards + 1)]
        after = 0 if args.quick else PART_IMAGES
        kills = sum(scored(model, source, place, (number, args.shards), after) for number, place in enumerate(places, 1))
        merged = merge_shards(places, folder / "all", fdr=args.fdr, report=False)
        tables = [(folder / each / "detections.csv").read_bytes() for each in ("whole", "all")]
        expected, came = (Counter(row["id"] for row in csv.DictReader(table.decode().splitlines())) for table in tables)
    payload = {
        "data": args.data, "normal": args.normal, "images": whole.count, "shards": args.shards, "fdr": args.fdr, "kills": kills,
        "flagged": merged.flagged, "cut": merged.alpha, "drift_evidence": merged.drift.evidence,
        "drift_alarm": merged.drift.alarmed,
        "lost": sum((expected - came).values()), "duplicated": sum((came - expected).values()),
        "equal": tables[0] == tables[1] and numbers(whole) == numbers(merged),
    }  # fmt: skip
    print_table(["", ""], [[key, value] for key, value in payload.items()])
    bench.finish(f"{args.data}-{args.normal}", [args.seed], payload)


def scored(model: Path, source: str, place: Path, shard: tuple[int, int], after: int) -> int:
    """Score a shard; return how often its run was killed on the way, when more images than `after` were scored."""
    kills = 0

    def kill(count: int) -> None:
        nonlocal kills
        if count > after and shard[0] % KILLED_EVERY == 0 and not kills:
            kills += 1
            raise Killed

    try:
        detect_shard(model, source, place, shard, on_progress=kill)
    except Killed:
        detect_shard(model, source, place, shard)
    return kills


def numbers(summary: DetectionSummary) -> dict[str, Any]:
    """Return what a summary says, but for the bound, which shards do not state."""
    return {name: value for name, value in summary.to_json().items() if name != "bound"}


if __name__ == "__main__":
    main()
