"""Lesson 2: reconstruct letters, and denoise noisy ones. The network is the lesson's, the schedule the lesson's and sablier's."""

from collections.abc import Sequence
from pathlib import Path

from sablier.course.letters_page import letters_page
from sablier.course.letters_study import EPOCHS, study
from sablier.course.writing import PageWriter, Written
from sablier.workflows.outputs import writes
from sablier.workflows.training.forecast import OnProgress, unheard


@writes("course-letters")
def run(
    output: Path | None,
    *,
    data: str = "notmnist",
    epochs: int = EPOCHS,
    noise: float = 0.5,
    tier: str = "tiny",
    seeds: int = 1,
    settings: Sequence[str] = (),
    language: str = "en",
    notebook: bool = False,
    on_progress: OnProgress = unheard,
) -> Written:
    """Run the lesson and write its page.

    Args:
        output: a folder for letters.html; None writes nothing.
        data: a named set of letters.
        epochs: of the training that the lesson states: batches of 128, RMSProp; 0 leaves it out.
        noise: the standard deviation of the noise, before it is clipped to [0, 1].
        tier: of the recipe `autoencoder`, which compresses.
        seeds: how many trainings of each kind.
        settings: "key=value" changes to the recipe `course-conv`.
        language: of the page, "en" or "fr".
        notebook: whether letters.ipynb is written as well.

    Raises:
        UnknownName: for an unknown set, tier, setting or language.
        ConfigError: for a negative noise or number of epochs.
        OutputError: if a file that sablier has not written is in the way.
    """
    writer = PageWriter(output, "letters", language, notebook)
    lesson = study(
        data=data, epochs=epochs, noise=noise, tier=tier, seeds=seeds, settings=settings, on_progress=on_progress
    )  # fmt: skip
    return writer.write(letters_page(lesson, writer.words))
