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
    "A folder, an image, a CSV, .npy, .npz, IDX, CIFAR-binary, zip or tar file, or a named set such as mnist or mnist:test. "
    r"'mnist\[label=5]' takes the images with that label, 'mnist:test\[label!=5]' the others."
)

ALPHA_HELP = "The false-alarm rate: the share of good images that may be flagged."

TRUST = "It is a program and is run: name only files that you trust."

BACKBONE_HELP = "The .pt2 or .onnx file of the feature network that a detector was trained with (train --backbone). " + TRUST

GOOD_HELP = "Images known to be good, unseen in training. " + SOURCE_HELP

Model = Annotated[Path, typer.Argument(help="A .sablier model file.", show_default=False)]
Source = Annotated[str, typer.Argument(help=SOURCE_HELP, show_default=False)]
Good = Annotated[str | None, typer.Option(help=GOOD_HELP, show_default=False)]
Bad = Annotated[str | None, typer.Option(help="Images known to be bad.", show_default=False)]
Alpha = Annotated[float, typer.Option(help=ALPHA_HELP)]
LabelColumn = Annotated[str | None, typer.Option(help="The column of a CSV that holds the label: its name or number.")]
Labels = Annotated[Path | None, typer.Option(help="A file with one label per image, in the images' order.")]
Shape = Annotated[str | None, typer.Option(help="Height x width of the images of a CSV that are not square, e.g. 20x30.")]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Stop at the first unreadable image instead of skipping it; and where images do not look like those that the model "
        "learnt from.",
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        help="Images that are not independent of each other, such as shots of one part: folder (each subfolder is a group), "
        r"column:NAME, column:TABLE.csv (columns id and group), or 'regex:(part\d+)' (what the pattern captures in the "
        "name). No split divides a group, and each counts once. Repeats of an image are found without it.",
        metavar="RULE",
        show_default=False,
    ),
]
Backbone = Annotated[Path | None, typer.Option(help=BACKBONE_HELP, metavar="FILE", show_default=False)]
Backbones = Annotated[
    list[Path] | None, typer.Option("--backbone", help=BACKBONE_HELP + " Again for more.", metavar="FILE", show_default=False)
]
LessonFolder = Annotated[Path, typer.Option("--output", "-o", help="A folder for the pictures.")]
Seeds = Annotated[int, typer.Option(help="How many trainings the figures are a mean of.", min=1)]
RecipeSettings = Annotated[
    list[str] | None, typer.Option("--set", help="Change a value of the recipe, as key=value.", metavar="KEY=VALUE")
]


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


def number(text: str) -> float:
    """Return a number written as 0.3 or 8/255."""
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(f"expected a number such as 0.3 or 8/255, got {text!r}.") from error
