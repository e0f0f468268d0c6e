"""detect, audit: what a trained detector is used for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import DETECT, add_verb
from sablier.cli.progress import console, counting_progress, print_skipped

if TYPE_CHECKING:
    from sablier.tasks.detection.summary import DetectionSummary


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    add_verb(
        app,
        detect,
        "detect part.sablier new/ -o out/ --alpha 0.01",
        "detect part.sablier new/ -o out/ --fdr 0.1 --audit 50",
        r"detect part.sablier new/ -o out/ --lot 'regex:(lot\d+)'",
        "detect part.sablier new/ -o out/ --reject-alpha 0.01 --review-alpha 0.05",
        "detect part.sablier huge/ -o out-3/ --shard 3/16",
        panel=DETECT,
    )
    add_verb(app, audit, "audit out/ --reviewed out/flagged.csv", panel=DETECT)


@options.taking(bounds=options.bounds, reading=options.reading)
def detect(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for detections and regions (.csv and .json), photos, anomaly maps, masks and report.html.",
        ),
    ] = Path("detections"),
    alpha: Annotated[float | None, typer.Option(help=options.ALPHA_HELP + options.default(0.05), metavar="RATE")] = None,
    fdr: options.Fdr = None,
    reject_alpha: options.RejectAlpha = None,
    review_alpha: options.ReviewAlpha = None,
    min_area: options.MinArea = 0.0,
    mm_per_pixel: options.MmPerPixel = None,
    audit: options.AuditSample = None,
    report: Annotated[bool, typer.Option(help="Write anomaly maps, masks, regions and the report besides detections.")] = True,
    backbone: options.Backbone = None,
    shard: options.Shard = None,
    *,
    bounds: dict[str, Any],
    reading: dict[str, Any],
) -> None:
    """Flag anomalous images, and warn if the images as a whole have drifted from the calibration images."""
    from sablier.workflows.detect import detect as run

    if shard is not None:
        of_merge = {
            "--alpha": alpha, "--fdr": fdr, "--reject-alpha": reject_alpha, "--review-alpha": review_alpha,
            "--min-area": min_area, "--mm-per-pixel": mm_per_pixel, "--audit": audit, "--no-report": not report,
        }  # fmt: skip
        of_whole = {f"--{name.replace('_', '-')}": value for name, value in bounds.items()}
        _detect_shard(model, source, output, shard, backbone, reading, of_merge, of_whole)
        return
    rates = options.rates(alpha, fdr, reject_alpha, review_alpha)
    with counting_progress("scoring") as on_progress:
        summary = run(
            model, source, output, **rates, min_area=min_area, mm_per_pixel=mm_per_pixel, audit=audit, report=report,
            backbone=backbone, on_progress=on_progress, **bounds, **reading,
        )  # fmt: skip
    print_detections(summary, output, audit, report)


def _detect_shard(
    model: Path, source: str, output: Path, shard: str, backbone: Path | None, reading: dict[str, Any],
    of_merge: dict[str, Any], of_whole: dict[str, Any],
) -> None:  # fmt: skip
    """Score one shard. Options that only all shards together can follow are an error."""
    from sablier.workflows.detect_shard import detect_shard

    for given, advice in ((of_merge, "give it to `sablier merge`"), (of_whole, "it needs the whole source in one run")):
        for name in (name for name, value in given.items() if value not in (None, False, 0.0)):
            raise typer.BadParameter(f"expected no {name} beside it: {advice}.", param_hint="--shard")
    with counting_progress("scoring") as on_progress:
        done = detect_shard(model, source, output, options.shard(shard), backbone=backbone, on_progress=on_progress, **reading)
    console.print(f"Shard [bold]{done.name}[/bold] is scored: {done.scored:,} of the {done.run.images:,} images in the source.")
    if done.unreadable:
        console.print(f"{done.unreadable:,} could not be read; the column error of scores.csv says why.")
    elif not done.scored:
        console.print(f"The source has {done.run.chunks} chunk(s) of up to {done.run.chunk:,} images, which are never divided.")
    console.print(
        f"See {output / 'scores.csv'}. When all {done.run.shards} shards are scored: sablier merge FOLDERS -o OUTPUT",
        markup=False,
    )


def print_detections(summary: "DetectionSummary", output: Path, audit: int | None, report: bool) -> None:
    """Print a summary, and what was written of it."""
    if summary.undetermined:
        console.print(f"[bold]{summary.count}[/bold] images scored.")
    else:
        rate = "false-alarm" if summary.fdr is None else "false-discovery"
        is_are = "is" if summary.flagged == 1 else "are"
        console.print(f"[bold]{summary.flagged} of {summary.count}[/bold] images {is_are} flagged{summary.triage_words()}.")
        if others := ", ".join(f"{name} {count}" for name, count in summary.baseline_flagged.items()):
            console.print(f"At the same {rate} rate the baselines flag: {others}.")
    print_skipped(summary.skipped, summary.skipped_count, "listed in detections.json")
    console.print(summary.promise)
    _print_bounds(summary)
    if report and summary.mark_promise:
        console.print(summary.mark_promise)
    console.print(summary.drift_note(), style="bold" if summary.drift.alarmed else "")
    for note in summary.notes():
        console.print(note, style="bold")
    if audit is not None:
        if note := _small_sample(summary.count - summary.flagged, audit):
            console.print(note)
        console.print(f"Fill in the column verdict of {output / 'audit.csv'}, then: sablier audit {output}", markup=False)
    console.print(f"See {output / ('report.html' if report else 'detections.csv')}", markup=False)


def _print_bounds(summary: "DetectionSummary") -> None:
    """Print at most how many flagged images are good, and at least how many images of each lot are bad."""
    if bound := summary.bound.words():
        console.print(bound, markup=False)
    if summary.lots is not None:
        console.print("\n".join([*summary.lots.lines(), summary.lots.words()]), markup=False)


def _small_sample(not_flagged: int, audit: int) -> str:
    """Return that fewer images than asked for can be audited; "" where there are enough."""
    if not_flagged >= audit:
        return ""
    if not_flagged == 0:
        return "Every image is flagged; audit.csv is empty."
    which = "image was not flagged; it is" if not_flagged == 1 else "images were not flagged; all are"
    return f"{not_flagged} {which} in audit.csv."


def audit(
    folder: Annotated[
        Path, typer.Argument(help="The folder that detect --audit wrote, with audit.csv filled in.", show_default=False)
    ],
    reviewed: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="flagged.csv, filled in too: also estimates the share of all bad images that is missed."
        ),
    ] = None,
) -> None:
    """Estimate how many bad images detect missed, from a random sample of images not flagged that a person has reviewed."""
    from sablier.workflows.audit import audit as run

    console.print(run(folder, reviewed).words())
