"""The table of the steps of the course is true: each page holds the section that a row names, and each command exists."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from page_checks import anchors_of

from sablier.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "course-steps.md"
ROW = re.compile(r"^\| (lesson \d[^|]*) \| ([^|]+) \| `([^`]+)` \| (\w+)\.html#([\w-]+) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))
LESSONS = sorted({lesson for _, _, _, lesson, _ in ROWS})


def test_the_table_is_read_whole():
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| lesson")]
    assert len(ROWS) == len(lines) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_the_page_holds_each_step(lesson, lesson_page):
    wanted = {anchor for _, _, _, name, anchor in ROWS if name == lesson}
    assert wanted - set(anchors_of(lesson_page(lesson))) == set()


@pytest.mark.parametrize("line", sorted({row[2] for row in ROWS}))
def test_the_commands_exist(line):
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("test", words)
