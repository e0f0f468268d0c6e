"""One self-contained HTML file: pictures first, then the numbers, then what they come from. Nothing is fetched, no script."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from sablier.calibration import Calibration, percent
from sablier.images.grouping import counted
from sablier.modelfile import JUDGE, ModelFile
from sablier.report import words
from sablier.report.cards import Section, cards_of
from sablier.report.figures import BLUE, GREY, ScoreGroup
from sablier.report.page_charts import bound_chart, loss_charts, p_values_chart, roc_chart, scores_chart
from sablier.report.pages import rendered
from sablier.report.pictures import SMALL, anomaly_key
from sablier.report.plot import binned, evaluation_groups
from sablier.report.review_page import detection_review, evaluation_review
from sablier.report.settings import OWN_MEMBER, as_text, settings_in_use
from sablier.tasks.detection.evaluate import EvaluationResult, KindRow, MethodRow, PixelRow
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.members import MEMBERS
from sablier.tasks.detection.shift import LEAST_EFFECT
from sablier.tasks.detection.summary import DetectionSummary, edges_around
from sablier.typing import Array

MOST_SKIPPED = 200
MOST_LOTS = 100
WIDE = 1.8  # width over height from which the pictures of a card lie below one another
SECTIONS = (
    ("farthest", "Farthest from the calibration images", "In all measures above together."),
    ("typical", "Typical images", "An even sample of all images."),
)


def detection_report(
    file: ModelFile,
    detector: Judge,
    summary: DetectionSummary,
    title: str,
    rows: Sequence[Mapping[str, Any]] = (),
    groups: Sequence[Any] = (),
) -> str:
    """Return the page on images whose truth is not known: which are flagged, and what the guarantee is.

    Args:
        file: what the detector was loaded from, for where it comes from.
        detector: what scored the images.
        summary: its detections.
        title: which images were scored by which model; shown above the headline and on the browser's tab.
        rows: the images to judge, as `detection_review` takes them, whose pictures lie beside the page.
        groups: flagged images whose defects look alike, each with its `number`, `count` and `picture`.
    """
    calibration = detector.calibration
    sections = [Section(heading, note, cards_of(getattr(summary, name))) for name, heading, note in SECTIONS]
    return _page(
        file, detector,
        title=title,
        headline=words.detection_headline(summary),
        note=words.detection_note(summary, calibration),
        promise=summary.promise,
        mark_promise=summary.mark_promise,
        decided=not summary.undetermined,
        drift=summary.drift,
        bound=words.bound_note(summary),
        lots=summary.lots,
        notes=summary.notes(),
        drift_words=summary.drift_note(),
        changes=summary.shift.changes(),
        rule=words.flagging_rule(summary.alpha, summary.fdr, summary.reject_alpha),
        tiles=_detection_tiles(calibration, summary),
        sections=[section for section in sections if section.cards],
        charts=_detection_charts(calibration, summary),
        flagged=_flagged(summary),
        groups=groups,
        review=detection_review(
            rows, 0.0 if summary.undetermined else summary.alpha, summary.flagged, not summary.undetermined,
            _smallest_p(calibration), file.preprocess.kept,
        ) if rows else None,
        methods=[],
        kinds=[],
        alphas=[],
        without_mask=[],
        comparison="",
        skipped=[(item.id, item.reason) for item in summary.skipped[:MOST_SKIPPED]],
        skipped_count=summary.skipped_count,
    )  # fmt: skip


def evaluation_report(
    file: ModelFile, detector: Judge, result: EvaluationResult, title: str, rows: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Return the page on images known to be good or bad: misses and false alarms, compared with the baselines.

    Args:
        file, detector, title: as for `detection_report`.
        result: the measured detector.
        rows: the images to judge, as `evaluation_review` takes them, whose pictures lie beside the page.
    """
    calibration, alpha, ours = detector.calibration, result.good.alpha, result.rows[0]
    tiles = [("good images", f"{len(result.good):,}"), ("bad images", f"{len(result.bad):,}"), ("AUROC", f"{ours.auroc:.3f}")]
    if result.pixels is not None:
        tiles += [("pixel AUROC", f"{result.pixels.auroc:.3f}"), ("AUPRO", f"{result.pixels.aupro:.3f}")]
    edges = edges_around(calibration)
    groups = [_calibration_group(calibration, edges), *evaluation_groups(result, edges)]
    skipped = [*result.good.skipped, *result.bad.skipped]
    return _page(
        file, detector,
        title=title,
        headline=words.evaluation_headline(result),
        note=words.undetermined_note(calibration) if result.undetermined else words.comparison_note(result.rows),
        promise=calibration.promise(alpha),
        mark_promise=result.good.mark_promise,
        decided=not result.undetermined,
        drift=None,
        notes=result.notes,
        drift_words="",
        bound="",
        lots=None,
        changes=[],
        rule=words.flagging_rule(alpha),
        tiles=tiles + _promise_tiles(calibration, "false-alarm rate", alpha),
        sections=[],
        charts=[scores_chart(edges, groups, calibration.threshold(alpha)), roc_chart(result)],
        flagged=[],
        groups=[],
        methods=_method_rows(result),
        review=evaluation_review(
            rows, _smallest_p(calibration), file.preprocess.kept, not result.undetermined, len(result.good) + len(result.bad)
        ) if rows else None,
        kinds=_kind_rows(result),
        alphas=_alpha_rows(result),
        without_mask=[(item.id, item.reason) for item in result.without_mask],
        comparison=words.comparison_note(result.rows) if result.undetermined else "",
        skipped=[(item.id, item.reason) for item in skipped[:MOST_SKIPPED]],
        skipped_count=len(skipped),
    )  # fmt: skip


def _detection_tiles(calibration: Calibration, summary: DetectionSummary) -> list[tuple[str, str]]:
    """Return the figures at the top of the page on a batch."""
    tiles = [("images", f"{summary.count:,}")]
    if not summary.undetermined:
        tiles.append(("flagged", f"{summary.flagged:,}"))
    if summary.reject_alpha is not None and not summary.undetermined:
        tiles += [("rejected", f"{summary.rejected:,}"), ("to review", f"{summary.flagged - summary.rejected:,}")]
    rate = ("false-alarm rate", summary.alpha) if summary.fdr is None else ("false-discovery rate", summary.fdr)
    tiles += _promise_tiles(calibration, *rate)
    return [*tiles, ("unreadable", f"{summary.skipped_count:,}")] if summary.skipped_count else tiles


def _detection_charts(calibration: Calibration, summary: DetectionSummary) -> list[Markup]:
    """Return the charts of a batch: its scores, its p-values, and the bound where there is one."""
    if not summary.count:
        return []
    scored = [_calibration_group(calibration, summary.edges), ScoreGroup("images scored", summary.histogram, BLUE)]
    charts = [scores_chart(summary.edges, scored, summary.threshold), p_values_chart(summary)]
    return charts if summary.bound.reason else [*charts, bound_chart(summary.bound)]


def _page(file: ModelFile, detector: Judge, **content: Any) -> str:
    """Fill the template with `content` and with the facts on the model that both reports show."""
    preprocess, provenance = file.preprocess, file.provenance
    kinds, crossed, networks = detector.member_kinds, detector.calibration.crossed, detector.network_facts()
    trained = [kind for kind in kinds if MEMBERS[kind].objective is not None]
    return rendered(
        "report.html",
        **content,
        anomaly_key=anomaly_key(),
        pixelated=max(preprocess.height, preprocess.width) <= SMALL,
        wide=preprocess.width / preprocess.height > WIDE,
        shape=(preprocess.width, preprocess.height),
        crossed=crossed,
        calibration=detector.calibration,
        smallest_p=f"{_smallest_p(detector.calibration):.3g}",
        trained_on=counted(provenance.images, provenance.groups or provenance.images),
        provenance=provenance,
        preprocess=words.preprocess_note(preprocess),
        tier=words.tier_note(file),
        computed=_computed(file, trained),
        trained=trained,
        filtered=words.filtered_note(len(provenance.filtered), provenance.images) if provenance.filtered else "",
        recipe=_recipe(file),
        losses=loss_charts(file),
        damaged=_is_damaged(file),
        folds=detector.scorer_count,
        members=[(kind, networks[kind].words if kind in networks else "no network", MEMBERS[kind].sees) for kind in kinds],
        fused=words.fusion_note(len(kinds), crossed),
        map_note=words.map_note(kinds),
        layers=[(kind, *facts.size, facts.layers) for kind, facts in networks.items()],
        most_skipped=MOST_SKIPPED,
        most_lots=MOST_LOTS,
        least_effect=LEAST_EFFECT,
        scores_from=_scores_from(file),
    )


def _scores_from(file: ModelFile) -> list[tuple[str, str]]:
    """Return which columns of tables another tool's scores come from; nothing for a detector."""
    if file.task != JUDGE:
        return []
    config = file.parts["calibration"].config
    direction = "lower is more anomalous" if config["lower_is_worse"] else "higher is more anomalous"
    named = f"named by the column {config['id_column']}" if config["id_column"] else "numbered by rows"
    return [("scores", f"in the column {config['score_column']}; {direction}"), ("images", named)]


def _recipe(file: ModelFile) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the values of the recipe: those of the whole, then those of each network under its name."""
    groups = settings_in_use(file.provenance.recipe)
    return [(name, [(key, as_text(value)) for key, value in values.items()]) for name, values in groups.items() if values]


def _is_damaged(file: ModelFile) -> bool:
    """Return whether the network that reconstructs was trained on corrupted images."""
    objective = file.provenance.recipe.get("objective")
    reconstructs = OWN_MEMBER in file.provenance.recipe.get("members", [])
    return reconstructs and isinstance(objective, dict) and any(objective.get(key) for key in ("noise", "mask"))


def _smallest_p(calibration: Calibration) -> float:
    return 1 / (calibration.groups + 1)


def _promise_tiles(calibration: Calibration, name: str, rate: float) -> list[tuple[str, str]]:
    return [(name, percent(rate)), ("calibrated on", calibration.size)]


def _calibration_group(calibration: Calibration, edges: Array) -> ScoreGroup:
    return ScoreGroup("calibration images (good)", binned(np.concatenate(calibration.folds), edges), GREY, filled=True)


def _flagged(summary: DetectionSummary) -> list[tuple[str, str]]:
    """Return how many images each method flags, ours first."""
    counts = {"sablier": summary.flagged, **summary.baseline_flagged}
    if summary.undetermined or not summary.count or not summary.baseline_flagged:
        return []
    return [
        (words.METHOD_NAMES.get(name, name), f"{count:,} of {summary.count:,} ({percent(count / summary.count)})")
        for name, count in counts.items()
    ]


def _method_rows(result: EvaluationResult) -> list[tuple[str, tuple[str, str], tuple[str, str], tuple[str, str]]]:
    """Return (method, AUROC, false alarms, misses), each measure with the interval apart."""
    none = ("no verdict", "")
    return [
        (
            words.METHOD_NAMES.get(row.method, row.method),
            (f"{row.auroc:.3f}", f"{row.auroc_interval[0]:.3f} to {row.auroc_interval[1]:.3f}"),
            none if result.undetermined else words.rate_with_interval(row.false_alarms),
            none if result.undetermined else words.rate_with_interval(row.missed),
        )
        for row in result.rows
    ]


def _alpha_rows(result: EvaluationResult) -> list[tuple[str, bool, tuple[str, str], tuple[str, str]]]:
    """Return (alpha, whether it is that of the evaluation, false alarms, misses), each rate with the interval apart."""
    none = ("no verdict", "")
    return [
        (
            percent(row.alpha),
            row.alpha == result.good.alpha,
            words.rate_with_interval(row.false_alarms) if row.decided else none,
            words.rate_with_interval(row.missed) if row.decided else none,
        )
        for row in result.by_alpha
    ]


def _kind_rows(result: EvaluationResult) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return (kind, measures as (what, value, aside)) for each kind of bad image, where there are several, and for all."""
    if len(result.kinds) < 2 and result.pixels is None and not result.without_mask:
        return []
    several: list[tuple[str, MethodRow | KindRow, PixelRow | None]] = []
    if len(result.kinds) > 1:
        several += [(row.kind, row, row.pixels) for row in result.kinds]
    found = []
    for kind, row, pixels in [*several, ("all", result.rows[0], result.pixels)]:
        low, high = row.auroc_interval
        missed = ("no verdict", "") if result.undetermined else words.rate_with_interval(row.missed)
        cells = [("AUROC", f"{row.auroc:.3f}", f"{low:.3f} to {high:.3f}"), ("bad images missed", *missed)]
        if pixels is not None:
            defects = f"{words.counted(pixels.regions, 'defect')} in {words.counted(pixels.images)}"
            cells += [("pixel AUROC", f"{pixels.auroc:.3f}", ""), ("AUPRO", f"{pixels.aupro:.3f}", defects)]
        elif result.pixels is not None:
            cells += [("pixel AUROC", "no masks", ""), ("AUPRO", "no masks", "")]
        found.append((kind, cells))
    return found


def _computed(file: ModelFile, trained: Collection[str]) -> str:
    """Return how long training took, and on what; `trained` are the members whose network was."""
    histories = list(file.histories.values())
    times = [history.get("seconds") for history in histories]
    seconds = sum(time for time in times if isinstance(time, int | float))
    if not histories:
        return "not recorded" if trained else "none: it has no network of its own to train"
    first = histories[0]
    threads = first.get("threads")
    on = f"{first.get('device', 'cpu')}, {first.get('dtype', 'float32')}"
    return f"{words.duration(seconds)} on {on}" + (f", {words.counted(threads, 'thread')}" if isinstance(threads, int) else "")
