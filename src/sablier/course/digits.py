"""Lesson 4: classifiers of digits, from one weight to the maps of a convolutional network, beside the lesson's figures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sablier.course.digits_page import digits_page
from sablier.course.digits_study import CONVOLUTIONAL, study
from sablier.course.writing import PageWriter, Written
from sablier.workflows.mistakes import write_mistakes
from sablier.workflows.outputs import writes
from sablier.workflows.training.forecast import OnProgress, unheard


@writes("course-digits")
def run(
    output: Path | None,
    *,
    data: str = "mnist",
    seeds: int = 1,
    settings: Sequence[str] = (),
    language: str = "en",
    notebook: bool = False,
    on_progress: OnProgress = unheard,
) -> Written:
    """Run the lesson and write its page.

    Args:
        output: a folder for digits.html and mistakes/, which `mistakes` writes for the convolutional network and the test
            images; None writes nothing.
        data: a named set with labels.
        seeds: how many trainings of each length.
        settings: "key=value" changes to the recipes `course-softmax` and `course-cnn`; epochs is the longer of the two
            lengths.
        language: of the page, "en" or "fr".
        notebook: whether digits.ipynb is written as well.

    Raises:
        ImagesError: for a set without labels.
        UnknownName: for an unknown set, setting or language.
        OutputError: if a file that sablier has not written is in the way.
    """
    writer = PageWriter(output, "digits", language, notebook)
    lesson = study(data=data, seeds=seeds, settings=settings, on_progress=on_progress)
    if output is not None:
        title, nobody = f"the {CONVOLUTIONAL} net on {lesson.tests.source}", np.zeros(len(lesson.tests), int)
        folder = output / "mistakes"
        write_mistakes(folder, lesson.mistakes, lesson.tests, lesson.preprocess, [lesson.model], nobody, title)
    return writer.write(digits_page(lesson, writer.words))
