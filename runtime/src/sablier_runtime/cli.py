"""`sablier-judge`: the command."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from sablier.cli.ending import run_to_end
from sablier.files.names import printable_lines
from sablier.tasks.detection.summary import DetectionSummary
from sablier_runtime import __version__
from sablier_runtime.judge import judge

EXAMPLES = """\
examples:
  sablier-judge part.onnx new/ -o out/ --alpha 0.01
  sablier-judge part.onnx new/ -o out/ --fdr 0.1
  sablier-judge part.onnx new/ -o out/ --alpha 0.05 --reject-alpha 0.01 --threads 2
"""
SKIPPED_SHOWN = 10


def run() -> None:
    """Run the command line; exit 2 for what the user can mend, 1 for what we must, 130 when interrupted."""
    run_to_end(partial(main, sys.argv[1:]), "Judge fewer images, or smaller ones.")


def main(arguments: Sequence[str]) -> None:
    """Judge the images that the arguments name, and print what was found."""
    given = _parser().parse_args(arguments)
    progress = _progress()
    summary = judge(
        given.model, given.source, given.output, alpha=given.alpha, fdr=given.fdr, reject_alpha=given.reject_alpha,
        strict=given.strict, threads=given.threads, on_progress=progress,
    )  # fmt: skip
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(printable_lines("\n".join(_lines(summary, given.output))))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sablier-judge",
        description="Flag anomalous images at a guaranteed false-alarm rate, with a detector that `sablier export` wrote.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="an .onnx file that `sablier export` wrote")
    parser.add_argument(
        "source", metavar="SOURCE", help="a folder of images, an image, a .npy, .npz, CSV, IDX, zip or tar file of images"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="folder for detections.csv and detections.json"
    )
    rates = parser.add_mutually_exclusive_group()
    rates.add_argument(
        "--alpha", type=float, default=0.05, metavar="RATE",
        help="false-alarm rate: the share of good images that may be flagged (default: 0.05)",
    )  # fmt: skip
    rates.add_argument(
        "--fdr", type=float, metavar="RATE",
        help="false-discovery rate: the expected share of good images among the flagged ones; the whole source is one batch",
    )  # fmt: skip
    parser.add_argument(
        "--reject-alpha", type=float, metavar="RATE",
        help="for a triage: the smaller false-alarm rate of images that are rejected; others up to --alpha are sent to a person",
    )  # fmt: skip
    parser.add_argument(
        "--strict", action="store_true",
        help="stop at the first unreadable image, and if the images do not resemble the training images",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, metavar="N", help="threads that run the model (default: as many as cores)")
    parser.add_argument("--version", action="version", version=f"sablier-runtime {__version__}")
    return parser


def _progress() -> Callable[[int], None]:
    """Return what prints the number of scored images: over itself on a terminal, else a line for each chunk."""
    ending = "\r" if sys.stderr.isatty() else "\n"
    return lambda count: print(f"scoring: {count:,} images", end=ending, file=sys.stderr, flush=True)


def _lines(summary: DetectionSummary, output: Path) -> list[str]:
    """Return what is printed of a run."""
    if summary.undetermined:
        found = [f"{summary.count:,} images scored."]
    else:
        is_are = "is" if summary.flagged == 1 else "are"
        found = [f"{summary.flagged:,} of {summary.count:,} images {is_are} flagged{summary.triage_words()}."]
    found += [f"skipped {item.id}: {item.reason}" for item in summary.skipped[:SKIPPED_SHOWN]]
    if summary.skipped_count > SKIPPED_SHOWN:
        found.append(f"... and {summary.skipped_count - SKIPPED_SHOWN} more, listed in detections.json")
    notes = summary.bound.words(), summary.drift_note(), *summary.notes()
    return [*found, summary.promise, *filter(None, notes), f"See {output / 'detections.csv'}"]
