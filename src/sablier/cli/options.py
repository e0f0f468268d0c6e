"""Options that several verbs share."""

from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

T = TypeVar("T")

SOURCE_HELP = (
    "A folder, an image, a CSV, .npy, .npz, IDX, CIFAR-binary, zip or tar file, or a named data set such as mnist or mnist:test. "
    r"'mnist\[label=5]' selects the images of that label, 'mnist:test\[label!=5]' all others."
)

ALPHA_HELP = "False-alarm rate: the share of good images that may be flagged."

TRUST = "sablier runs this file as a program: name only files that you trust."

BACKBONE_HELP = "The .pt2 or .onnx file of the backbone (feature network) that the detector was trained with. " + TRUST

GOOD_HELP = "Good images that were not used in training. " + SOURCE_HELP

Model = Annotated[Path, typer.Argument(help="A .sablier model file.", show_default=False)]
Source = Annotated[str, typer.Argument(help=SOURCE_HELP, show_default=False)]
Good = Annotated[str | None, typer.Option(help=GOOD_HELP, metavar="SOURCE", show_default=False)]
Bad = Annotated[str | None, typer.Option(help="Bad images (with defects).", metavar="SOURCE", show_default=False)]
Alpha = Annotated[float, typer.Option(help=ALPHA_HELP, metavar="RATE")]
RejectAlpha = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="For a triage: the false-alarm rate of images that are rejected, without a person. "
        "Others are sent to a person (--review-alpha) or pass.",
    ),
]
ReviewAlpha = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="For a triage: the false-alarm rate of images that are rejected or sent to a person. "
        "0.05 where only --reject-alpha is given.",
    ),
]
MinArea = Annotated[
    float,
    typer.Option(
        metavar="AREA",
        help="Leave smaller regions out of masks and regions.csv: in pixels of the original image, or in square millimetres "
        "with --mm-per-pixel. No verdict changes.",
    ),
]
MmPerPixel = Annotated[
    float | None, typer.Option(metavar="MM", help="The side of a pixel in millimetres; regions.csv then has millimetres.")
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Column of a table of scores that names the images; by default id, path, file or the like. Without one, rows are "
        "numbered.",
        show_default=False,
    ),
]
ScoreColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Column of a table of scores that holds them; by default score, anomaly_score, pred_score or the like.",
        show_default=False,
    ),
]
Fdr = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="False-discovery rate, instead of --alpha: the expected share of good images among the flagged ones. "
        "The whole source is one batch (Benjamini-Hochberg).",
    ),
]
AuditSample = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Write a random sample of N images that are not flagged to audit.csv, and the flagged ones to flagged.csv. "
        "Enter good or bad in the column verdict; `sablier audit` then estimates the miss rate.",
    ),
]
Ignore = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="For detectors: a mask of the size of the photos; what is not black is left out of training, score and map.",
    ),
]
Roi = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", show_default=False, help="The same the other way round: only pixels that are not black are judged."
    ),
]
LabelColumn = Annotated[
    str | None, typer.Option(help="Column of a CSV that holds the label: its name or number.", metavar="NAME")
]
Labels = Annotated[Path | None, typer.Option(help="A file with one label per image, in the order of the images.", metavar="FILE")]
Shape = Annotated[
    str | None,
    typer.Option(help="Height x width of the images in a CSV, if they are not square, such as 20x30.", metavar="HxW"),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Stop at the first unreadable image instead of skipping it. Stop if the images do not resemble the training images.",
    ),
]
Confidence = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="The confidence of the bound on good images among the flagged ones; it holds for every cut at once."
        + r" \[default: 0.9]",
    ),
]
Lot = Annotated[
    str | None,
    typer.Option(
        metavar="RULE",
        show_default=False,
        help=r"The lot of each image, in the form of --groups, such as 'regex:(lot\d+)': writes lots.csv, at least how many "
        "images of each lot are bad.",
    ),
]
LotConfidence = Annotated[
    float | None, typer.Option(metavar="RATE", help=r"With --lot: the confidence of the bound of each lot. \[default: 0.95]")
]
Simultaneous = Annotated[
    bool, typer.Option("--simultaneous", help="With --lot: the bounds of all lots hold at once (Bonferroni), so each is lower.")
]
Groups = Annotated[
    str | None,
    typer.Option(
        help="Which images are not independent of each other, such as several photos of one part: folder (each subfolder is a "
        r"group), column:NAME, column:TABLE.csv (columns id and group), or 'regex:(part\d+)' (what the pattern captures in "
        "the name). A group is never split, and counts once. Repeated images are grouped without this option.",
        metavar="RULE",
        show_default=False,
    ),
]
Backbone = Annotated[Path | None, typer.Option(help=BACKBONE_HELP, metavar="FILE", show_default=False)]
Backbones = Annotated[
    list[Path] | None,
    typer.Option("--backbone", help=BACKBONE_HELP + " May be repeated.", metavar="FILE", show_default=False),
]
LessonFolder = Annotated[Path, typer.Option("--output", "-o", help="Folder for the page.", metavar="FOLDER")]
RecipeSettings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one value of the recipe, as key=value. May be repeated.", metavar="KEY=VALUE"),
]


def within(least: int, most: int | None = None) -> Callable[[int | None], int | None]:
    """Return a check of an option that takes whole numbers from `least` on, up to `most` where that is given."""
    wanted = f"from {least} on" if most is None else f"from {least} to {most}"

    def checked(value: int | None) -> int | None:
        if value is not None and (value < least or (most is not None and value > most)):
            raise typer.BadParameter(f"expected a whole number {wanted}, got {value}.")
        return value

    return checked


Seeds = Annotated[int, typer.Option(help="Number of training runs to average.", metavar="N", callback=within(1))]


def default(value: object) -> str:
    """Return how a help text names a default that typer cannot know."""
    return rf" \[default: {value}]"


def seconds(text: str) -> float:
    """Return the seconds of a duration such as 90s, 5m or 1h.

    >>> seconds("1.5m")
    90.0
    """
    units = {"s": 1, "m": 60, "h": 3600}
    try:
        return float(text[:-1]) * units[text[-1:]]
    except (ValueError, KeyError):
        raise typer.BadParameter(f"expected a number and s, m or h, such as 5m, got {text!r}.", param_hint="--budget") from None


def taking(**makers: Callable[..., Any]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Return a decorator by which parameters of a verb are made from options that other verbs have too.

    Args:
        makers: for each such parameter a function of options: its own parameters take the place of that one on the command
            line, and what it returns is handed to the verb.
    """

    def decorator(verb: Callable[..., T]) -> Callable[..., T]:
        options: dict[str, Parameter] = {}
        for name, parameter in signature(verb).parameters.items():
            options |= signature(makers[name]).parameters if name in makers else {name: parameter}

        @wraps(verb)
        def taken(**values: Any) -> T:
            for name, make in makers.items():
                values[name] = make(**{option: values.pop(option) for option in signature(make).parameters})
            return verb(**values)

        shown = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in options.values()]
        taken.__signature__ = signature(verb).replace(parameters=shown)  # type: ignore[attr-defined]  # what typer reads
        taken.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
        return taken

    return decorator


def score_columns(id_column: IdColumn = None, score_column: ScoreColumn = None) -> dict[str, Any]:
    """Return the columns of a table of scores, as the workflows take them."""
    from sablier.workflows.score_tables import ScoreColumns

    return {"columns": None if id_column is None and score_column is None else ScoreColumns(id_column, score_column)}


def reading(
    label_column: LabelColumn = None, labels: Labels = None, shape: Shape = None, strict: Strict = False
) -> dict[str, Any]:
    """Return the options of `read_images`."""
    sides = None
    if shape is not None:
        try:
            sides = tuple(int(side) for side in shape.lower().split("x"))
        except ValueError:
            raise typer.BadParameter(f"expected height x width such as 20x30, got {shape!r}.", param_hint="--shape") from None
    number = label_column is not None and label_column.lstrip("-").isdigit()
    return {
        "label_column": int(str(label_column)) if number else label_column,
        "labels": labels,
        "shape": sides,
        "strict": strict,
    }


def bounds(
    confidence: Confidence = None,
    groups: Groups = None,
    lot: Lot = None,
    lot_confidence: LotConfidence = None,
    simultaneous: Simultaneous = False,
) -> dict[str, Any]:
    """Return what is bounded of a batch, as the workflow takes it."""
    given = {"confidence": confidence, "groups": groups, "lot": lot, "lot_confidence": lot_confidence}
    return {**{name: value for name, value in given.items() if value is not None}, "simultaneous": simultaneous}


def rates(
    alpha: float | None, fdr: float | None = None, reject_alpha: float | None = None, review_alpha: float | None = None
) -> dict[str, Any]:
    """Return the rate that images are flagged at, or the two rates of a triage, as the workflows take them."""
    if alpha is not None and fdr is not None:
        raise typer.BadParameter("expected --alpha or --fdr, got both.", param_hint="--fdr")
    if reject_alpha is None and review_alpha is None:
        return {"alpha": 0.05 if alpha is None else alpha, "fdr": fdr}
    if reject_alpha is None:
        raise typer.BadParameter("expected --reject-alpha as well: the two make a triage.", param_hint="--review-alpha")
    if alpha is not None or fdr is not None:
        other = "--alpha" if fdr is None else "--fdr"
        raise typer.BadParameter(f"expected --review-alpha beside it, got {other}.", param_hint="--reject-alpha")
    return {"alpha": 0.05 if review_alpha is None else review_alpha, "fdr": None, "reject_alpha": reject_alpha}


def number(text: str) -> float:
    """Return a number written as 0.3 or 8/255."""
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(f"expected a number such as 0.3 or 8/255, got {text!r}.") from error
