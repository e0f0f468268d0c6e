"""Pages of the lessons, each written once for all tests, in seconds, from images that ship inside."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

QUICK = ["epochs=1", "threads=1", "dtype=float32"]
# Lesson -> arguments of its `run`.
BRIEF: dict[str, dict[str, Any]] = {
    "anomaly": {"data": "digits", "settings": QUICK},
    "letters": {"data": "glyphs", "epochs": 0, "settings": [*QUICK, "filters=2"]},
    "latent": {"tier": "tiny", "settings": [*QUICK, "width=2", "latent=4"]},
    "digits": {"data": "digits", "settings": [*QUICK, "batch_size=50"]},
}


@pytest.fixture(scope="session")
def brief() -> dict[str, dict[str, Any]]:
    """Arguments with which the `run` of each lesson takes seconds."""
    return BRIEF


@pytest.fixture(scope="session")
def lesson_page(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return the HTML of a lesson's page in English."""
    pages: dict[str, str] = {}

    def page(lesson: str) -> str:
        if lesson not in pages:
            written = import_module(f"sablier.course.{lesson}").run(tmp_path_factory.mktemp(lesson), **BRIEF[lesson])
            pages[lesson] = written.files[0].read_text(encoding="utf-8")
        return pages[lesson]

    return page
