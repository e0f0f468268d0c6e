"""A learning curve as a chart: the AUROC by the number of good training images."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sablier.report.figures import BLUE, MUTED, chart
from sablier.tasks.detection.learning_curve import LearningCurve


def learning_curve_figure(curve: LearningCurve) -> Figure:
    """Return the mean AUROC by the number of images with its interval, and each training as a dot."""
    return chart(lambda axes: _draw(axes, curve))


def _draw(axes: Axes, curve: LearningCurve) -> None:
    images = [point.images for point in curve.points]
    means = [point.image_auroc for point in curve.points]
    for point in curve.points:
        axes.plot([point.images] * len(point.aurocs), point.aurocs, ls="none", marker="o", ms=3, color=MUTED, alpha=0.7)
    reach = [[mean - point.interval[0], point.interval[1] - mean] for mean, point in zip(means, curve.points, strict=True)]
    axes.errorbar(images, means, yerr=list(zip(*reach, strict=True)), color=BLUE, marker="o", capsize=3)
    axes.set_xscale("log", base=2)
    axes.set(xlabel="good training images (log scale)", ylabel="AUROC of images", ylim=(min(0.5, *means) - 0.02, 1.02))
    axes.set_xticks(images, [f"{count:,}" for count in images])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_title(f"test images: {curve.judged}", fontsize=8.5, color=MUTED, loc="left", wrap=True)
