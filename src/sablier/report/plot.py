"""`plot(result)`: the picture of a result."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sablier.calibration import is_flagged
from sablier.errors import ConfigError
from sablier.modelfile import ModelFile
from sablier.report.figures import (
    BLUE,
    CHART_INCHES,
    ORANGE,
    ScoreGroup,
    Sheet,
    chart,
    draw_losses,
    draw_roc,
    draw_scores,
    loss_figure,
    reconstruction_sheet,
    result_sheet,
    styled,
)
from sablier.report.pictures import as_rgb
from sablier.tasks.denoise import DenoisingResult
from sablier.tasks.detection.evaluate import EvaluationResult
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary
from sablier.tasks.latent.reconstruct import ReconstructionSummary
from sablier.training.loop import History
from sablier.typing import Array

MOST_ON_A_SHEET = 12
BINS = 60
MOST_OF_A_SIDE = 240  # pixels of an image that a sheet shows: its middle, never scaled, since that would change the noise
SHOWN_SPREADS = 6.0  # of what was removed, from black to white; grey is nothing


def plot(result: object) -> Figure:
    """Draw a result.

    Args:
        result: a DetectionResult (with pictures: the images with the highest scores, their reconstructions and anomaly maps;
            without: the histogram of its scores), a DetectionSummary, an EvaluationResult, a DenoisingResult (noisy images,
            denoised ones, and the removed noise), a ReconstructionSummary (images, reconstructions, the differences), a
            History, or a ModelFile (its histories).

    Returns:
        A matplotlib figure; notebooks show it, `figure.savefig(path)` keeps it.

    Raises:
        ConfigError: for anything else.
    """
    match result:
        case DetectionResult(images=None):
            return _plot_scores(result)
        case DetectionResult():
            return _plot_sheet(result)
        case DetectionSummary():
            return _plot_summary(result)
        case EvaluationResult():
            return _plot_evaluation(result)
        case DenoisingResult():
            return denoising_sheet(before_and_after(result, MOST_ON_A_SHEET)).figure()
        case ReconstructionSummary():
            return reconstruction_sheet(result).figure()
        case History():
            return chart(lambda axes: draw_losses(axes, {"training": result.rows}))
        case ModelFile():
            return loss_figure(result.histories)
    known = "a DetectionResult, DetectionSummary, EvaluationResult, DenoisingResult, ReconstructionSummary, History or ModelFile"
    raise ConfigError(f"expected {known} to plot, got {type(result).__name__}.")


def evaluation_groups(result: EvaluationResult, edges: Array) -> list[ScoreGroup]:
    """Return the histograms of the scores of good and bad images, what lies beyond the edges in the outer bins."""
    return [
        ScoreGroup("good images", binned(result.good.scores, edges), BLUE),
        ScoreGroup("bad images", binned(result.bad.scores, edges), ORANGE, filled=True),
    ]


def binned(scores: Array, edges: Array) -> Array:
    """Return how many scores fall in each bin; the outer bins take what lies beyond."""
    return np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0]


def even_edges(scores: Array) -> Array:
    """Return the edges of bins that hold all the scores."""
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 0.0)
    margin = 0.05 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, BINS + 1)


def before_and_after(result: DenoisingResult, most: int) -> list[tuple[str, tuple[Array, ...]]]:
    """Return a caption and the middles of three pictures for each of the first images: noisy, denoised, removed noise.

    What was removed is shown around grey, its contrast raised so that black and white are three standard deviations away.
    """
    found: list[tuple[str, tuple[Array, ...]]] = []
    for index, row in enumerate(result.to_table()[:most]):
        black, white = result.value_ranges[index]
        noisy, cleaned = (
            (_middle(pixels[index]).astype(np.float32) - black) / (white - black) for pixels in (result.noisy, result.cleaned)
        )
        removed = noisy - cleaned
        own = level_in_own_numbers(row)
        caption = f"{row['id']}\nnoise {row['level']:.3g}" + (f", {own}" if own else "")
        spread = max(SHOWN_SPREADS * float(np.sqrt(np.mean(removed**2))), 1e-6)
        found.append((caption, (as_rgb(noisy), as_rgb(cleaned), as_rgb(0.5 + removed / spread))))
    return found


def denoising_sheet(shown: Sequence[tuple[str, tuple[Array, ...]]]) -> Sheet:
    """Return what `before_and_after` gives as a sheet; small images among large ones show as squares, on white."""
    sides = np.max([pictures[0].shape[:2] for _, pictures in shown], axis=0)
    groups = []
    for _, pictures in shown:
        height, width = pictures[0].shape[:2]
        times = int(min(sides[0] // height, sides[1] // width))
        short = [(0, int(sides[0] - times * height)), (0, int(sides[1] - times * width)), (0, 0)]
        large = (picture.repeat(times, axis=0).repeat(times, axis=1) for picture in pictures)
        groups.append([np.pad(picture, short, constant_values=255) for picture in large])
    return Sheet(groups, [caption for caption, _ in shown], side=1.6)


def level_in_own_numbers(row: Mapping[str, Any]) -> str:
    """Return the noise level of a row of a DenoisingResult in the image's own numbers; "" where it is a share of the pixels.

    >>> level_in_own_numbers({"own_level": 15712.2, "black": 0.0, "white": 65535.0})
    '15700 of 65535'
    """
    if row["own_level"] is None:
        return ""
    return f"{float(format(row['own_level'], '.3g')):g} of {row['white'] - row['black']:g}"


def _middle(image: Array) -> Array:
    top, left = (max(0, (side - MOST_OF_A_SIDE) // 2) for side in image.shape[:2])
    return image[top : top + MOST_OF_A_SIDE, left : left + MOST_OF_A_SIDE]


def _plot_scores(result: DetectionResult) -> Figure:
    edges = even_edges(result.scores)
    flagged = is_flagged(result.verdicts)
    groups = [
        ScoreGroup("not flagged", binned(result.scores[~flagged], edges), BLUE),
        ScoreGroup("flagged", binned(result.scores[flagged], edges), ORANGE, filled=True),
    ]
    return chart(lambda axes: draw_scores(axes, edges, groups))


def _plot_sheet(result: DetectionResult) -> Figure:
    return result_sheet(result, np.argsort(-result.scores, kind="stable")[:MOST_ON_A_SHEET].tolist()).figure()


@styled
def _plot_summary(summary: DetectionSummary) -> Figure:
    sheet = result_sheet(summary.worst, range(min(len(summary.worst), MOST_ON_A_SHEET // 2)))
    (width, height), (_, above) = sheet.inches, CHART_INCHES
    figure = Figure((max(width, CHART_INCHES[0]), height + above), layout="constrained")
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[above, height])
    group = ScoreGroup("images scored", summary.histogram, BLUE)
    draw_scores(parts[0, 0].add_subplot(), summary.edges, [group], summary.threshold)
    sheet.draw(parts[1, 0])
    return figure


@styled
def _plot_evaluation(result: EvaluationResult) -> Figure:
    figure = Figure((2 * CHART_INCHES[0], CHART_INCHES[1] + 0.8), layout="constrained")
    parts = figure.subfigures(1, 2, squeeze=False)
    edges = even_edges(np.concatenate([result.good.scores, result.bad.scores]))
    draw_scores(parts[0, 0].add_subplot(), edges, evaluation_groups(result, edges))
    draw_roc(parts[0, 1].add_subplot(), result.rows, not result.undetermined)
    return figure
