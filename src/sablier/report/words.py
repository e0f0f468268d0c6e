"""What a result says, in sentences: headlines, what chance explains, who is better."""

from collections.abc import Sequence
from math import ceil, floor, log10

from sablier.calibration import Calibration, images_needed, percent, simultaneous_band
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.names import TIERS
from sablier.tasks.classification.classify import UNLIKE
from sablier.tasks.detection.detect import DetectionResult
from sablier.tasks.detection.evaluate import EvaluationResult, MethodRow, Rate
from sablier.tasks.detection.members import MEMBERS
from sablier.tasks.detection.summary import DetectionSummary

METHOD_NAMES = {"sablier": "sablier", "pca": "PCA", "knn": "kNN"}
TOO_FEW_FOR_NONE = (
    f"Fewer than {images_needed(UNLIKE)} images were held out in training, too few for a p-value to say: none of the classes."
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


def detection_headline(summary: DetectionSummary, calibration: Calibration) -> str:
    """Return the verdict on all the images; it claims that some do not belong only where chance does not explain them."""
    images = counted(summary.count)
    if not summary.count:
        return "No image was judged"
    if summary.undetermined:
        return f"No verdict on {images}: too few calibrate for {percent(summary.alpha if summary.fdr is None else summary.fdr)}"
    if summary.count == 1:
        return "The image does not belong" if summary.flagged else "The image belongs: it is not flagged"
    if not summary.flagged:
        return f"None of the {images} is flagged"
    one = summary.flagged == 1
    if summary.fdr is None and summary.flagged > chance_flags(summary, calibration)[1]:
        return f"{summary.flagged:,} of {images} {'does' if one else 'do'} not belong"
    return f"{summary.flagged:,} of {images} {'is' if one else 'are'} flagged"


def detection_note(summary: DetectionSummary, calibration: Calibration) -> str:
    """Return what the headline means: what chance alone would flag, or what there is in place of verdicts."""
    if not summary.count:
        return "The source held no image that could be read."
    if summary.undetermined:
        return undetermined_note(calibration, "false-alarm rate" if summary.fdr is None else "false-discovery rate")
    if summary.fdr is not None:
        ours = f": about {summary.fdr * summary.flagged:.2g} of these {summary.flagged:,}" if summary.flagged else ""
        return f"Up to {percent(summary.fdr)} of those flagged may be good ones, on average over batches{ours}."
    if summary.count == 1:
        return f"A good image is flagged with a chance of about {percent(summary.alpha)}."
    low, high = chance_flags(summary, calibration)
    span = f"{low:,} to {high:,}" if low != high else f"{low:,}"
    chance = f"If all {counted(summary.count)} were good, {span} would be flagged by chance alone (95% of the time)."
    if summary.flagged > high:
        return f"{chance} {summary.flagged:,} is more than chance explains."
    if summary.flagged:
        return f"{chance} {summary.flagged:,} is no more than that, so look at the pictures before you throw anything away."
    return chance


def why_flagged(result: DetectionResult, index: int) -> list[str]:
    """Return what is to be known of a flagged image beside its pictures: of its whole frame, and of heat that there is not."""
    found = []
    if result.frames is not None and result.frames[index]:
        found.append(str(result.frames[index]))
    if result.heatmaps is not None and result.members is not None and result.heatmaps[index].max() < 1:
        member = result.members[index]
        found.append(f"No single place stands out: the image as a whole is strange, most of all to the member {member}.")
    return found


def chance_flags(summary: DetectionSummary, calibration: Calibration) -> tuple[int, int]:
    """Return how many flags there would be, 95 % of the time, if every image was good."""
    return simultaneous_band(summary.alpha, calibration.groups, summary.count, splits=1, level=0.95)


def undetermined_note(calibration: Calibration, rate: str = "false-alarm rate") -> str:
    """Return what there is in place of verdicts, and the smallest rate, rounded up, that would give some."""
    smallest = 1 / (calibration.groups + 1)
    unit = 10.0 ** (floor(log10(smallest)) - 1)
    return (
        "The images are ranked all the same, strangest first. "
        f"There would be verdicts at a {rate} of {percent(ceil(smallest / unit - 1e-9) * unit)} or more."
    )


def flagging_rule(alpha: float, fdr: float | None = None) -> str:
    """Return when an image is flagged.

    >>> flagging_rule(0.05)
    'An image is flagged when its p-value is at most the false-alarm rate, 5%.'
    """
    if fdr is None:
        return f"An image is flagged when its p-value is at most the false-alarm rate, {percent(alpha)}."
    found = f"{alpha:.2g} for this batch" if alpha else "none for this batch, so that nothing is flagged"
    return (
        "An image is flagged when its p-value is at most the largest number p for which the share of images with such "
        f"p-values, times the false-discovery rate of {percent(fdr)}, is at least p (Benjamini and Hochberg 1995): {found}."
    )


def evaluation_headline(result: EvaluationResult) -> str:
    """Return what a detector finds and what it flags wrongly."""
    ours = result.rows[0]
    if result.undetermined:
        return f"No verdicts at {percent(result.good.alpha)}; ranks bad above good with an AUROC of {ours.auroc:.3f}"
    found = ours.missed.count - ours.missed.hits
    return (
        f"Finds {found:,} of {counted(ours.missed.count, 'bad image')}, "
        f"flags {ours.false_alarms.hits:,} of {counted(ours.false_alarms.count, 'good one')}"
    )


def comparison_note(rows: Sequence[MethodRow]) -> str:
    """Return how ours ranks bad above good beside the better baseline, and whether the images tell them apart."""
    ours, best = rows[0], max(rows[1:], key=lambda row: row.auroc)
    name = METHOD_NAMES.get(best.method, best.method)
    overlap = ours.auroc_interval[0] <= best.auroc_interval[1] and best.auroc_interval[0] <= ours.auroc_interval[1]
    doubt = " The intervals overlap: more images would be needed to be sure." if overlap else ""
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
    """Return what is done to every image before the model sees it."""
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
        return f"{tier}; a higher one trains its networks for longer, and usually ranks bad images a little better"
    if side < size:
        return f"{tier}, which takes photos of up to {size:,} pixels a side: a higher one would see no more of these"
    return f"{tier}, which reduces photos to {size:,} pixels a side; a higher one sees more of them, and finds smaller defects"


def fusion_note(members: int, crossed: bool) -> str:
    """Return how what the members see becomes one score.

    Args:
        members: how many there are.
        crossed: whether they were measured on the images they learnt from, for want of others.
    """
    where = "the normal images of the fold" if crossed else "normal images that were held out"
    standardised = f"corrected by what is usual for an image with as many edges, and standardised on {where}"
    if members == 1:
        return f"What it sees is {standardised}."
    return f"What each sees is {standardised}; the score is the weighted sum."


def heat_note(kinds: Sequence[str]) -> str:
    """Return what heat is: what each member that can tell where sees there.

    >>> heat_note(["transformations", "closed-form"])
    'The squared error of the best mixture of training images at each pixel, blurred'
    """
    return "; ".join(MEMBERS[kind].heat_is for kind in kinds if MEMBERS[kind].heat_is).capitalize()


def suspects_note(suspects: int, images: int) -> str:
    """Return what was done with training images that may not belong.

    >>> suspects_note(1, 200)[:62]
    '1 of 200 training images may not belong among the others: a su'
    """
    return (
        f"{suspects:,} of {counted(images, 'training image')} may not belong among the others: a suspicion, not a verdict. "
        f"{'It' if suspects == 1 else 'They'} taught the model nothing, but still calibrate it, so that its promise holds."
    )
