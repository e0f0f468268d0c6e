"""Results in sentences: headlines, what chance explains, comparisons."""

from collections.abc import Sequence
from math import ceil, floor, log10

from sablier.calibration import (
    ANOMALY,
    ASSUMPTION,
    NORMAL,
    PASS,
    REJECT,
    REVIEW,
    Calibration,
    images_needed,
    percent,
    simultaneous_band,
)
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.names import TIERS
from sablier.tasks.classification.classify import UNLIKE
from sablier.tasks.detection.evaluate import EvaluationResult, MethodRow
from sablier.tasks.detection.members import MEMBERS
from sablier.tasks.detection.rates import Rate
from sablier.tasks.detection.summary import DetectionSummary
from sablier.typing import Array

VERDICTS = {NORMAL: "not flagged", ANOMALY: "flagged", REJECT: "rejected", REVIEW: "to review", PASS: "passed"}
METHOD_NAMES = {"sablier": "sablier", "pca": "PCA", "knn": "kNN"}
TOO_FEW_FOR_NONE = (
    f"Fewer than {images_needed(UNLIKE)} images were held out in training: too few to find images of none of the classes."
)


def counted(count: int, noun: str = "image") -> str:
    """Return a number with its noun.

    >>> counted(1), counted(12000, "good image")
    ('1 image', '12,000 good images')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a time for people.

    >>> duration(0.4), duration(75), duration(7300)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, whole = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {whole} s" if minutes else f"{whole} s"
    return f"{minutes // 60} h {minutes % 60} min"


def detection_headline(summary: DetectionSummary) -> str:
    """Return how many of the images are flagged, or that there is no verdict."""
    images = counted(summary.count)
    if not summary.count:
        return "No image was scored"
    if summary.undetermined:
        return f"No verdict on {images}: too few calibrate for {percent(summary.alpha if summary.fdr is None else summary.fdr)}"
    if summary.count == 1:
        return "The image is flagged" if summary.flagged else "The image is not flagged"
    if not summary.flagged:
        return f"None of the {images} is flagged"
    return f"{summary.flagged:,} of {images} {'is' if summary.flagged == 1 else 'are'} flagged{summary.triage_words()}"


def detection_note(summary: DetectionSummary, calibration: Calibration) -> str:
    """Return what the headline means: how many flags chance explains, or what there is instead of verdicts."""
    if not summary.count:
        return "The source held no image that could be read."
    if summary.undetermined:
        return undetermined_note(calibration, "false-alarm rate" if summary.fdr is None else "false-discovery rate")
    if summary.fdr is not None:
        ours = f": about {summary.fdr * summary.flagged:.2g} of these {summary.flagged:,}" if summary.flagged else ""
        return f"On average over batches, at most {percent(summary.fdr)} of the flagged images are good ones{ours}."
    if summary.count == 1:
        return f"A good image is flagged with a probability of about {percent(summary.alpha)}."
    low, high = chance_flags(summary, calibration)
    span = f"{low:,} to {high:,}" if low != high else f"{low:,}"
    chance = f"If all {counted(summary.count)} were good, {span} would be flagged by chance (with a probability of 95%)."
    if summary.flagged > high:
        return f"{chance} {summary.flagged:,} is more than chance explains."
    if summary.flagged:
        return f"{chance} {summary.flagged:,} is no more than that: check the images before you reject any."
    return chance


def bound_note(summary: DetectionSummary) -> str:
    """Return at most how many of the flagged images are good and what that assumes; "" if nothing is flagged."""
    found = summary.bound.words()
    return found if not found or summary.bound.reason else f"{found} {ASSUMPTION}"


def why_flagged(frame: str, member: str, regions: bool) -> list[str]:
    """Return notes on a flagged image: on its whole frame, and that no region has a high anomaly map.

    Args:
        frame: what is unusual in the whole frame, in a sentence, or "".
        member: what contributes most to its score.
        regions: whether its anomaly map is high anywhere.
    """
    found = [frame] if frame else []
    if not regions:
        found.append(
            f"No single region is anomalous: the image as a whole has a high score, most of all from the member {member}."
        )
    return found


def chance_flags(summary: DetectionSummary, calibration: Calibration) -> tuple[int, int]:
    """Return how many flags there would be, 95 % of the time, if every image was good."""
    return simultaneous_band(summary.alpha, calibration.groups, summary.count, splits=1, level=0.95)


def undetermined_note(calibration: Calibration, rate: str = "false-alarm rate") -> str:
    """Return what there is instead of verdicts, and the smallest rate, rounded up, that would give some."""
    if not calibration.count:
        return "The images are still ranked by anomaly score, highest first. Verdicts need images that calibrate the model."
    smallest = 1 / (calibration.groups + 1)
    unit = 10.0 ** (floor(log10(smallest)) - 1)
    return (
        "The images are still ranked by anomaly score, highest first. "
        f"Verdicts are possible at a {rate} of {percent(ceil(smallest / unit - 1e-9) * unit)} or more."
    )


def flagging_rule(alpha: float, fdr: float | None = None, reject_alpha: float | None = None) -> str:
    """Return when an image is flagged.

    >>> flagging_rule(0.05)
    'An image is flagged when its p-value is at most the false-alarm rate, 5%.'
    """
    if reject_alpha is not None:
        return (
            f"An image is rejected when its p-value is at most {percent(reject_alpha)}, and sent to a person when it is at most "
            f"{percent(alpha)}, the false-alarm rates of rejection and of review."
        )
    if fdr is None:
        return f"An image is flagged when its p-value is at most the false-alarm rate, {percent(alpha)}."
    found = f"{alpha:.2g} for this batch" if alpha else "none for this batch, so that nothing is flagged"
    return (
        "An image is flagged when its p-value is at most the largest number p for which the share of images with such "
        f"p-values, times the false-discovery rate of {percent(fdr)}, is at least p (Benjamini and Hochberg 1995): {found}."
    )


def evaluation_headline(result: EvaluationResult) -> str:
    """Return how many bad and good images a detector flags."""
    ours = result.rows[0]
    if result.undetermined:
        return f"No verdicts at {percent(result.good.alpha)}; AUROC {ours.auroc:.3f}"
    found = ours.missed.count - ours.missed.hits
    return (
        f"{found:,} of {counted(ours.missed.count, 'bad image')} and "
        f"{ours.false_alarms.hits:,} of {counted(ours.false_alarms.count, 'good image')} are flagged"
    )


def comparison_note(rows: Sequence[MethodRow]) -> str:
    """Return the AUROC beside that of the better baseline, and whether their intervals overlap."""
    ours, best = rows[0], max(rows[1:], key=lambda row: row.auroc)
    name = METHOD_NAMES.get(best.method, best.method)
    overlap = ours.auroc_interval[0] <= best.auroc_interval[1] and best.auroc_interval[0] <= ours.auroc_interval[1]
    doubt = " The intervals overlap: more images are needed to decide." if overlap else ""
    if f"{ours.auroc:.3f}" == f"{best.auroc:.3f}":
        return f"sablier and {name} rank these images equally well (AUROC {ours.auroc:.3f})."
    if ours.auroc > best.auroc:
        claim = f"sablier ranks these images better than {name}, the better baseline"
        return f"{claim} (AUROC {ours.auroc:.3f} against {best.auroc:.3f}).{doubt}"
    claim = f"{name}, a baseline, ranks these images better than sablier"
    return f"{claim} (AUROC {best.auroc:.3f} against {ours.auroc:.3f}).{doubt}"


def rate_with_interval(rate: Rate) -> tuple[str, str]:
    """Return a rate with the counts behind it and, apart, its interval."""
    low, high = rate.interval
    return f"{percent(rate.value)} ({rate.hits:,} of {rate.count:,})", f"{percent(low)} to {percent(high)}"


def preprocess_note(preprocess: Preprocess) -> str:
    """Return the preprocessing of every image."""
    if preprocess.dtype == "float32":
        values = f"values from {preprocess.black:g} to {preprocess.white:g}"
    else:
        values = f"{preprocess.dtype.removeprefix('uint')}-bit values, {preprocess.white:g} is white"
    return f"{preprocess.describe()}; {values}"


def tier_note(file: ModelFile) -> str:
    """Return the tier of a detector, and what a higher one usually gains; "" where the file does not note it."""
    recipe, side = file.provenance.recipe, max(file.preprocess.height, file.preprocess.width)
    tier, size, photo_side = (recipe.get(key) for key in ("tier", "size", "photo_side"))
    if tier not in TIERS or not isinstance(size, int) or not isinstance(photo_side, int):
        return ""
    if tier == TIERS[-1]:
        return f"{tier}, the highest"
    if side <= photo_side:
        return f"{tier}; a higher tier trains its networks for longer, and usually gains a little AUROC"
    if side < size:
        return f"{tier}, for photos of up to {size:,} pixels a side: a higher tier would use no more pixels of these"
    return f"{tier}, which reduces photos to {size:,} pixels a side; a higher tier keeps more pixels, and finds smaller defects"


def fusion_note(members: int, crossed: bool) -> str:
    """Return how the statistics of the members become one score.

    Args:
        members: how many there are.
        crossed: whether the statistics were standardised on training images, for want of others.
    """
    where = "the normal images of the fold" if crossed else "normal images that were held out"
    standardised = f"corrected for covariates, such as the amount of edges, and standardised on {where}"
    if members == 1:
        return f"The statistic is {standardised}."
    return f"The statistic of each member is {standardised}; the score is the weighted sum (fusion)."


def map_note(kinds: Sequence[str]) -> str:
    """Return what anomaly maps show: what each member with an anomaly map measures.

    >>> map_note(["transformations", "closed-form"])
    'The squared error of the best mixture of training images at each pixel, blurred'
    """
    return "; ".join(MEMBERS[kind].map_shows for kind in kinds if MEMBERS[kind].map_shows).capitalize()


def filtered_note(filtered: int, images: int) -> str:
    """Return what the contamination filter did with training images that may not belong.

    >>> filtered_note(1, 200)[:73]
    '1 of 200 training images may not belong among the others and was excluded'
    """
    one = filtered == 1
    return (
        f"{filtered:,} of {counted(images, 'training image')} may not belong among the others and {'was' if one else 'were'} "
        "excluded from training (contamination filter). "
        f"{'It' if one else 'They'} still calibrate{'s' if one else ''} the model, so that its guarantee holds."
    )


def none_note(unlike: Array | None) -> str:
    """Return how many images probably belong to none of the classes; `unlike` is None where nothing is known of that.

    >>> import numpy as np
    >>> none_note(np.array([True, False]))
    '1 image probably belongs to none of the classes (p-value at most 1%).'
    """
    if unlike is None:
        return TOO_FEW_FOR_NONE
    count = int(unlike.sum())
    return (
        f"{counted(count)} probably belong{'s' if count == 1 else ''} to none of the classes (p-value at most {percent(UNLIKE)})."
    )
