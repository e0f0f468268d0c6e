"""All lessons, one after another, into one folder with an index page."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path

from sablier.course.common_blocks import page_of
from sablier.course.language import Words
from sablier.course.writing import PageWriter, Written
from sablier.errors import ImagesError, UnknownName
from sablier.recipes.names import TIERS
from sablier.report.sections import Link, Links, Section, SectionPage, Text
from sablier.training.progress import Progress
from sablier.workflows.outputs import writes
from sablier.workflows.training.forecast import OnProgress, unheard

LESSONS = ("anomaly", "letters", "latent", "digits", "cifar", "gan")  # modules of this package, in the order of the course
# Sets that come with the installation, in place of those that a lesson reads.
OFFLINE = {"anomaly": "digits", "letters": "glyphs", "digits": "digits", "cifar": "digits", "gan": "digits"}
INDEX = "index"


@dataclass(frozen=True)
class LessonRow:
    """How the run of one lesson went.

    Args:
        lesson: its name.
        minutes: that it took.
        announced: the minutes that were announced before it started; None where none were.
        problem: why it could not run; "" where it did.
    """

    lesson: str
    minutes: float
    announced: float | None
    problem: str = ""


@dataclass(frozen=True)
class Course:
    """The index page, and how each lesson went."""

    written: Written
    rows: tuple[LessonRow, ...]


@writes("course-all", adds=True)
def run_all(
    output: Path | None,
    *,
    tier: str = "small",
    offline: bool = False,
    language: str = "en",
    notebook: bool = False,
    on_lesson: Callable[[str], None] = lambda lesson: None,
    on_progress: OnProgress = unheard,
) -> Course:
    """Run every lesson into a folder of its own, then write an index page. A lesson without its data is named, not run.

    Args:
        output: a folder for index.html and a folder for each lesson; None writes nothing.
        tier: of the lessons that have tiers.
        offline: use images that come with the installation in place of public sets.
        language, notebook: as for each lesson.
        on_lesson: called with the name of each lesson before it runs.

    Raises:
        UnknownName: for an unknown tier or language.
        OutputError: if a file that sablier has not written is in the way.
    """
    if tier not in TIERS:
        raise UnknownName("tier", tier, TIERS)
    writer = PageWriter(output, INDEX, language)
    options = {"tier": tier, "language": language, "notebook": notebook}
    rows = []
    for lesson in LESSONS:
        on_lesson(lesson)
        data = {"data": OFFLINE[lesson]} if offline and lesson in OFFLINE else {}
        rows.append(_row(lesson, output and output / lesson, {**options, **data}, on_progress))
    return Course(writer.write(_index(rows, output, tier, writer.words)), tuple(rows))


def _row(lesson: str, output: Path | None, options: dict[str, object], on_progress: OnProgress) -> LessonRow:
    """Run one lesson with those of the options that it takes."""
    run = import_module(f"sablier.course.{lesson}").run
    taken = {name: value for name, value in options.items() if name in signature(run).parameters}
    watch = _Announced(on_progress)
    problem = ""
    try:
        run(output, **taken, on_progress=watch)
    except ImagesError as error:
        problem = str(error)
    announced = None if watch.announced is None else watch.announced / 60
    return LessonRow(lesson, (time.monotonic() - watch.started) / 60, announced, problem)


class _Announced:
    """Passes progress on, and notes how many seconds were announced first."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.tell, self.started = on_progress, time.monotonic()
        self.announced: float | None = None

    def __call__(self, stage: str, progress: Progress) -> None:
        if self.announced is None and progress.whole is not None:
            self.announced = time.monotonic() - self.started + progress.whole.seconds_left
        self.tell(stage, progress)


def _index(rows: list[LessonRow], output: Path | None, tier: str, words: Words) -> SectionPage:
    links = []
    for row in rows:
        page = f"{row.lesson}/{row.lesson}.html"
        target = "" if row.problem else page if output is None or (output / page).exists() else f"{row.lesson}/"
        note = row.problem or words(
            "lessons.note", command=f"sablier course {row.lesson}", minutes=words.number(row.minutes, ".1f")
        )
        links.append(Link(words(f"lessons.{row.lesson}"), target, note))
    section = Section("lessons", words("lessons.title"), [Text(words("lessons.text", tier=tier)), Links(links)])
    return page_of(words, INDEX, words("page.headline"), [section])
