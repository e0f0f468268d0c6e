"""Lesson 1: train on one digit and detect the others. Network and budget are the lesson's, the schedule is sablier's."""

from collections.abc import Sequence
from pathlib import Path

from sablier.course.anomaly_page import anomaly_page
from sablier.course.anomaly_study import study
from sablier.course.writing import PageWriter, Written
from sablier.workflows.outputs import writes
from sablier.workflows.training.forecast import OnProgress, unheard


@writes("course-anomaly")
def run(
    output: Path | None,
    *,
    data: str = "mnist",
    normal: str = "5",
    seeds: int = 1,
    settings: Sequence[str] = (),
    language: str = "en",
    notebook: bool = False,
    on_progress: OnProgress = unheard,
) -> Written:
    """Run the lesson and write its page.

    Args:
        output: a folder for anomaly.html; None writes nothing.
        data: a named set with labels.
        normal: the label of the normal images.
        seeds: how many trainings, each with a split of its own.
        settings: "key=value" changes to the recipe `course-dense`.
        language: of the page, "en" or "fr".
        notebook: whether anomaly.ipynb is written as well.

    Raises:
        UnknownName: for an unknown set, setting or language.
        TooFewImages: if too few images have the label `normal`.
        OutputError: if a file that sablier has not written is in the way.
    """
    writer = PageWriter(output, "anomaly", language, notebook)
    lesson = study(data=data, normal=normal, seeds=seeds, settings=settings, on_progress=on_progress)
    return writer.write(anomaly_page(lesson, writer.words))
