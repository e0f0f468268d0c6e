"""Pages made of sections: what a lesson shows, as parts that a page, a notebook or another page can hold.

A `Section` has an anchor, a title and blocks. There are six kinds of block:

- `Text`: a paragraph; words between backquotes are code;
- `Table`: cells of text under column names;
- `Images`: rows of small images, one label a row;
- `Picture`: a chart as SVG (see `sablier.report.section_charts`), a PNG or a GIF;
- `Exercise`: a question, the commands that answer it, and the answer, which the page hides until it is asked for;
- `Links`: a list of links to other pages.

`section_html` returns one section as HTML that any page with the shared stylesheet can embed. `SectionPage` is a whole page:
`page_html` returns it as one self-contained file, and `sablier.report.notebook` as a notebook.

>>> page = SectionPage("anomaly", "Lesson 1", "Fives", "en", (Section("data", "Data", (Text("Read `mnist`."),)),))
>>> "<code>mnist</code>" in page_html(page)
True
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markupsafe import Markup, escape

import sablier
from sablier.report.page_charts import inline_svg
from sablier.report.pages import environment, rendered
from sablier.report.pictures import bytes_uri, data_uri
from sablier.typing import Array

CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Args:
        text: plain text; what stands between backquotes is shown as code.
        spoken: whether the terminal prints it, too.
    """

    text: str
    spoken: bool = False

    @property
    def html(self) -> Markup:
        """The text with its code marked."""
        return _with_code(self.text)


@dataclass(frozen=True)
class Table:
    """A table of text, which the terminal prints, too.

    Args:
        columns: names of the columns.
        rows: cells; the first names the row.
        caption: what the table shows.
        numbers: whether all columns but the first are aligned to the right.
        folded: whether the page hides it until it is asked for.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    numbers: bool = True
    folded: bool = False


@dataclass(frozen=True, eq=False)
class Images:
    """Rows of small images of one size.

    Args:
        rows: name -> the images of the row, H,W,3 bytes each.
        heads: above the columns, such as the labels of the images; or nothing.
        caption: what the rows show.
    """

    rows: Mapping[str, Sequence[Array]]
    heads: Sequence[str] = ()
    caption: str = ""

    @property
    def columns(self) -> int:
        """The length of the longest row."""
        return max(map(len, self.rows.values()))

    @property
    def shown(self) -> list[tuple[str, list[str]]]:
        """The rows with each image as a data URI."""
        return [(name, [data_uri(image) for image in images]) for name, images in self.rows.items()]


@dataclass(frozen=True)
class Picture:
    """One picture.

    Args:
        data: SVG as `report.figures.to_svg` writes it, or a PNG or GIF file.
        alt: what is to be seen, for people who do not see it.
        caption: below the picture; or nothing.
    """

    data: bytes
    alt: str
    caption: str = ""

    @property
    def html(self) -> Markup:
        """The picture as a part of a page: a chart takes the colours of the page."""
        if b"<svg" in self.data[:500]:
            return inline_svg(self.data, self.alt)
        kind = "gif" if self.data.startswith(b"GIF8") else "png"
        return Markup('<img src="{}" alt="{}">').format(bytes_uri(kind, self.data), self.alt)


@dataclass(frozen=True)
class Exercise:
    """A question to answer by running commands.

    Args:
        question: as in `Text`.
        commands: command lines, without a prompt.
        answer: as in `Text`; hidden until it is asked for.
    """

    question: str
    commands: Sequence[str] = ()
    answer: str = ""

    @property
    def question_html(self) -> Markup:
        """The question with its code marked."""
        return _with_code(self.question)

    @property
    def answer_html(self) -> Markup:
        """The answer with its code marked."""
        return _with_code(self.answer)


@dataclass(frozen=True)
class Link:
    """One link, with a note beside it; without a target, its name alone."""

    name: str
    target: str
    note: str = ""

    @property
    def note_html(self) -> Markup:
        """The note with its code marked."""
        return _with_code(self.note)


@dataclass(frozen=True)
class Links:
    """A list of links to other pages."""

    links: Sequence[Link]


Block = Text | Table | Images | Picture | Exercise | Links


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Args:
        anchor: its id in the page: lower-case letters, digits and hyphens.
        title: its heading.
        blocks: what it shows, in order.
        answer: the word that opens the answers of its exercises.
    """

    anchor: str
    title: str
    blocks: Sequence[Block]
    answer: str = "Answer"

    def _repr_html_(self) -> str:
        """Show its blocks, without the paragraphs, in a notebook."""
        return str(_macros().alone(self, _kind, notebook_style()))


@dataclass(frozen=True)
class SectionPage:
    """A whole page.

    Args:
        name: of its file, without a suffix.
        title: on the browser's tab, and above the headline.
        headline: what came out, in a sentence.
        language: its code, such as "en".
        sections: in order.
        note: one paragraph below the headline; or nothing.
        tiles: names and values of the main figures.
        contents: the word above the list of sections.
        written_by: the last line of the page.
        code: Python that makes this page under the name `page`, for the notebook.
    """

    name: str
    title: str
    headline: str
    language: str
    sections: Sequence[Section]
    note: str = ""
    tiles: Sequence[tuple[str, str]] = ()
    contents: str = "Contents"
    written_by: str = field(default_factory=lambda: f"sablier {sablier.__version__}")
    code: str = ""

    def __getitem__(self, anchor: str) -> Section:
        """Return the section with an anchor."""
        return next(section for section in self.sections if section.anchor == anchor)


def section_html(section: Section) -> Markup:
    """Return one section as HTML, for a page that has the shared stylesheet."""
    return Markup(_macros().section(section, _kind))


def page_html(page: SectionPage) -> str:
    """Return a page as one self-contained HTML file."""
    content = {"title": page.title, "headline": page.headline, "tiles": page.tiles}
    return rendered("sections.html", page=page, kind=_kind, **content, **({"note": page.note} if page.note else {}))


@cache
def notebook_style() -> Markup:
    """Return the style of sections in a notebook, which has one of its own for the rest."""
    return Markup(environment().get_template("notebook.css").render())


def _with_code(text: str) -> Markup:
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))


def _macros() -> Any:
    return environment().get_template("section.html").module


def _kind(block: Block) -> str:
    return type(block).__name__.lower()
