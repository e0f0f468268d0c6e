"""Fooling images, a row for each way and a column for each class."""

import numpy as np
from matplotlib.figure import Figure

from sablier.report.figures import Sheet, to_png
from sablier.report.pictures import as_rgb
from sablier.report.words import counted, none_note
from sablier.tasks.classification.fool import FoolResult

MOST_CLASSES = 20  # beside each other; further ones are in the tables alone


def fool_sheet(result: FoolResult) -> bytes:
    """Return `fool_figure` as PNG."""
    return to_png(fool_figure(result))


def fool_figure(result: FoolResult) -> Figure:
    """Return the images with their class, its probability, their p-value, and the probability that the judge gives."""
    groups, captions = [], []
    for row, (way, column) in zip(result.to_table(), np.ndindex(result.fooled.shape), strict=True):
        if column >= MOST_CLASSES:
            continue
        groups.append((as_rgb(result.images[way, column] / 255),))
        lines = [
            f"{row['class']} by {row['way']}",
            f"probability {_percent(row['probability'])}",
            f"p-value {row['p_value']:.3f}",
        ]
        if "judge_class" in row:
            other = "" if row["judge_class"] == row["class"] else f", predicts {row['judge_class']}"
            lines.append(f"judge {row['judge_probability']:.0%}{other}")
        captions.append("\n".join(lines))
    columns = min(MOST_CLASSES, len(result.classes))
    return Sheet(groups, captions, columns, side=1.2, title=fool_headline(result)).figure()


def fool_headline(result: FoolResult) -> str:
    """Return how many images fool the classifier, and how many p-values or the judge expose, in a line each."""
    fooled = int(result.fooled.sum())
    verb = "has" if fooled == 1 else "have"
    lines = [
        f"{fooled:,} of {counted(len(result))} {verb} a probability of at least {_percent(result.sure)}.",
        none_note(result.unlike),
    ]
    if result.judge_agrees is not None:
        lines.append(f"The judge (a second classifier) predicts the same class for {int(result.judge_agrees.sum()):,}.")
    return "\n".join(lines)


def _percent(share: float) -> str:
    """Return a share that may be close to 1, which it is not rounded up to.

    >>> _percent(0.9990), _percent(0.99999), _percent(0.5)
    ('99.90%', '99.99%', '50.00%')
    """
    return f"{np.floor(1e4 * share + 1e-6) / 100:.2f}%"
