"""Lesson 3: codes of letters and faces, and what can be done with them. The lesson prints no figures."""

from collections.abc import Sequence
from pathlib import Path

from sablier.course.latent_page import latent_page
from sablier.course.latent_study import study
from sablier.course.writing import PageWriter, Written
from sablier.workflows.outputs import writes
from sablier.workflows.training.forecast import OnProgress, unheard


@writes("course-latent")
def run(
    output: Path | None,
    *,
    tier: str = "small",
    settings: Sequence[str] = (),
    language: str = "en",
    notebook: bool = False,
    on_progress: OnProgress = unheard,
) -> Written:
    """Run the lesson and write its page.

    Args:
        output: a folder for latent.html; None writes nothing.
        tier: of the recipe `autoencoder`.
        settings: "key=value" changes to it.
        language: of the page, "en" or "fr".
        notebook: whether latent.ipynb is written as well.

    Raises:
        UnknownName: for an unknown tier, setting or language.
        OutputError: if a file that sablier has not written is in the way.
    """
    writer = PageWriter(output, "latent", language, notebook)
    return writer.write(latent_page(study(tier=tier, settings=settings, on_progress=on_progress), writer.words))
