"""Fooling images, a row for each way and a column for each class."""

import numpy as np
from matplotlib.figure import Figure

from sablier.report.figures import Sheet, to_png
from sablier.report.pictures import as_rgb
from sablier.report.words import TOO_FEW_FOR_NONE, counted
from sablier.tasks.classification.fool import FoolResult

MOST_CLASSES = 20  # beside each other; further ones are in the tables alone


def fool_sheet(result: FoolResult) -> bytes:
    """Return `fool_figure` as PNG."""
    return to_png(fool_figure(result))


def fool_figure(result: FoolResult) -> Figure:
    """Return the images with their class, how sure the classifier is, their p-value, and how sure another one is."""
    groups, captions = [], []
    for row, (way, column) in zip(result.to_table(), np.ndindex(result.fooled.shape), strict=True):
        if column >= MOST_CLASSES:
            continue
        groups.append((as_rgb(result.images[way, column] / 255),))
        lines = [f"{row['class']} by {row['way']}", f"{_percent(row['probability'])} sure", f"p-value {row['p_value']:.3f}"]
        if "judge_class" in row:
            other = "" if row["judge_class"] == row["class"] else f", sees {row['judge_class']}"
            lines.append(f"judge {row['judge_probability']:.0%}{other}")
        captions.append("\n".join(lines))
    columns = min(MOST_CLASSES, len(result.classes))
    return Sheet(groups, captions, columns, side=1.2, title=fool_headline(result)).figure()


def fool_headline(result: FoolResult) -> str:
    """Return how many images fool the classifier, and what would have told, in a line each."""
    lines = [
        f"The classifier is at least {_percent(result.sure)} sure of {int(result.fooled.sum()):,} of {counted(len(result))}.",
        TOO_FEW_FOR_NONE if result.unlike is None else f"The p-value of {result.unlike.sum():,} says: none of the classes.",
    ]
    if result.judge_agrees is not None:
        lines.append(f"The judge, another net, sees the same class in {int(result.judge_agrees.sum()):,}.")
    return "\n".join(lines)


def _percent(share: float) -> str:
    """Return a share that may be close to 1, which it is not rounded up to.

    >>> _percent(0.9990), _percent(0.99999), _percent(0.5)
    ('99.90%', '99.99%', '50.00%')
    """
    return f"{np.floor(1e4 * share + 1e-6) / 100:.2f}%"
