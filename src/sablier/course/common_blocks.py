"""Blocks that the pages of several lessons share: the layers of a network, curves of losses, and the frame of a page."""

from collections.abc import Mapping, Sequence
from typing import Any

import sablier
from sablier.course.language import Words
from sablier.report.curves import Line
from sablier.report.histories import loss_key, loss_series
from sablier.report.section_charts import lines_picture
from sablier.report.sections import Picture, Section, SectionPage, Table


def layers_table(layers: Sequence[tuple[str, str, str, int]], words: Words, caption: str = "") -> Table:
    """Return the layers of a network (`models.base.layer_table`) with the shapes of their outputs."""
    columns = [words("layer"), words("kind"), words("output_shape"), words("parameters")]
    return Table(
        columns,
        [[name, kind, shape, words.number(count)] for name, kind, shape, count in layers],
        caption or words("layers"),
    )


def losses_picture(histories: Sequence[Sequence[Mapping[str, Any]]], words: Words, alt: str) -> Picture:
    """Return the losses of one or several trainings by epoch, on training images and on held-out ones.

    Args:
        histories: the rows of each training.
    """
    lines = [
        Line(words(name), *loss_series(rows, key), dashed=name == "held_out_loss")
        for rows in histories
        for name, key in (("training_loss", loss_key(rows)), ("held_out_loss", "validation_loss"))
    ]
    return lines_picture([line for line in lines if line.x], words("epoch"), words("loss_log"), alt, log=True)


def page_of(
    words: Words,
    name: str,
    headline: str,
    sections: Sequence[Section],
    *,
    tiles: Sequence[tuple[str, str]] = (),
    code: str = "",
) -> SectionPage:
    """Return the page of a lesson, with the texts that all pages share.

    Args:
        words: of the lesson, which has the keys `page.title` and `page.note`.
        name: of the lesson.
        code: Python that makes the page under the name `page`, for the notebook.
    """
    return SectionPage(
        name=name,
        title=words("page.title"),
        headline=headline,
        language=words.language,
        sections=sections,
        note=words("page.note"),
        tiles=tiles,
        contents=words("contents"),
        written_by=words("written_by", version=sablier.__version__),
        code=code,
    )
