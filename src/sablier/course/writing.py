"""How a lesson writes its page: what is checked before it runs, and the files.

A lesson is a module with a function `run`, decorated with `writes`, that begins with `PageWriter` and ends with its `write`:

    writer = PageWriter(output, "anomaly", language, notebook)     # refuses what cannot be written, before any work
    lesson = study(...)                                            # a frozen dataclass of results
    return writer.write(anomaly_page(lesson, writer.words))        # FOLDER/anomaly.html, and FOLDER/anomaly.ipynb if asked

The function that makes the page is in a module of its own (`anomaly_page.py`): results and `Words` in, a
`report.sections.SectionPage` out, and no other work. Its texts are in `texts/en.toml` and `texts/fr.toml`, in a table of the
lesson's name. `common_blocks.py` holds blocks that several lessons use. The terminal prints the tables and the spoken
paragraphs of the same page (`cli/lesson_page.py`).
"""

from dataclasses import dataclass
from pathlib import Path

from sablier.course.language import Words
from sablier.files import write_text
from sablier.files.kinds import PAGE, check_replaces
from sablier.report.notebook import NOTEBOOK, check_notebooks, notebook_text
from sablier.report.sections import SectionPage, page_html


@dataclass(frozen=True)
class Written:
    """The page of a lesson, and the files that hold it; none where nothing was to be written."""

    page: SectionPage
    files: tuple[Path, ...]


class PageWriter:
    """Writes the page of a lesson into a folder.

    Args:
        folder: where; None writes nothing.
        name: of the lesson and its files.
        language: of the page.
        notebook: whether a notebook is written as well.

    Raises:
        UnknownName: for a language that no lesson is written in.
        OutputError: if a file is in the way that sablier has not written.
        ConfigError: if the package that writes notebooks is not installed.
    """

    def __init__(self, folder: Path | None, name: str, language: str = "en", notebook: bool = False) -> None:
        self.words = Words(name, language)
        self.page = None if folder is None else folder / f"{name}.html"
        self.notebook = None if folder is None or not notebook else folder / f"{name}.ipynb"
        if self.page is not None:
            check_replaces(self.page, PAGE)
        if self.notebook is not None:
            check_notebooks()
            check_replaces(self.notebook, NOTEBOOK)

    def write(self, page: SectionPage) -> Written:
        """Write the page, and the notebook if there is to be one."""
        if self.page is not None:
            write_text(self.page, page_html(page))
        if self.notebook is not None:
            write_text(self.notebook, notebook_text(page))
        return Written(page, tuple(path for path in (self.page, self.notebook) if path is not None))
