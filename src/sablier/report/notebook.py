"""A page of sections as a notebook, which runs from top to bottom: the text in cells, and cells of Python that show the rest.

The cells hold what the page holds, so the notebook can be read before it is run.
"""

from typing import Any

from sablier.errors import ConfigError
from sablier.files.kinds import LONGEST_HEADER, Kind
from sablier.report.sections import Exercise, Section, SectionPage, Text

NOTEBOOK = Kind(
    "a notebook written by sablier",
    lambda data: data.lstrip().startswith(b"{") and b'"cells"' in data and b"sablier" in data,
    "lesson.ipynb",
    LONGEST_HEADER,
)
INSTALL = 'python -m pip install "sablier[course]"'


def check_notebooks() -> None:
    """Check that notebooks can be written.

    Raises:
        ConfigError: if the extra `course` is not installed.
    """
    try:
        import nbformat  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"expected the package nbformat, which writes notebooks; it is not installed. Run: {INSTALL}"
        ) from error


def notebook_text(page: SectionPage) -> str:
    """Return a page as the text of an .ipynb file; `page.code` makes the page when it is run."""
    from nbformat import v4, writes

    cells = [
        v4.new_markdown_cell("\n\n".join(part for part in (f"# {page.headline}", page.title, page.note) if part)),
        v4.new_code_cell(page.code),
    ]
    for section in page.sections:
        cells += _cells(section)
    cells.append(v4.new_markdown_cell(page.written_by))
    for number, cell in enumerate(cells):
        cell["id"] = f"{page.name}-{number}"  # the same page gives the same file
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return str(writes(v4.new_notebook(cells=cells, metadata={**kernel, "language_info": {"name": "python"}})))


def _cells(section: Section) -> list[Any]:
    """Return the cells of one section: its text, what it shows, and its exercises."""
    from nbformat import v4

    paragraphs = [block.text for block in section.blocks if isinstance(block, Text)]
    cells = [v4.new_markdown_cell("\n\n".join([f"## {section.title}", *paragraphs]))]
    if any(not isinstance(block, Text | Exercise) for block in section.blocks):
        shown = v4.new_output("display_data", {"text/html": section._repr_html_(), "text/plain": section.title})
        cells.append(v4.new_code_cell(f'page["{section.anchor}"]', outputs=[shown]))
    cells += [v4.new_markdown_cell(_exercise(block, section.answer)) for block in section.blocks if isinstance(block, Exercise)]
    return cells


def _exercise(exercise: Exercise, answer: str) -> str:
    parts = [exercise.question]
    if exercise.commands:
        parts.append("\n".join(["```sh", *exercise.commands, "```"]))
    if exercise.answer:
        parts.append(f"<details><summary>{answer}</summary>\n\n{exercise.answer}\n\n</details>")
    return "\n\n".join(parts)
