"""The texts of the course: every language has the same, with the same placeholders."""

import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import sablier.course
from sablier.course.language import Words, list_languages, texts_of
from sablier.errors import UnknownName

OTHERS = [language for language in list_languages() if language != "en"]


BY_NAME = ("letters.methods", "letters.black", "index.lessons")  # tables whose keys are names of what they describe


def flat(texts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in texts.items():
        if isinstance(value, str):
            yield f"{prefix}{key}", value
        else:
            yield from flat(value, f"{prefix}{key}.")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_texts(language):
    english, other = dict(flat(texts_of("en"))), dict(flat(texts_of(language)))
    assert list(english) == list(other)
    assert {key: placeholders(text) for key, text in english.items()} == {key: placeholders(text) for key, text in other.items()}
    code = {key: re.findall(r"`[^`]+`", text) for key, text in english.items()}
    assert code == {key: re.findall(r"`[^`]+`", text) for key, text in other.items()}


@pytest.mark.parametrize("language", list_languages())
def test_no_text_is_empty_or_unused(language):
    texts = dict(flat(texts_of(language)))
    assert all(text.strip() == text and text for text in texts.values())
    source = "".join(path.read_text(encoding="utf-8") for path in Path(sablier.course.__file__).parent.glob("*.py"))
    named = [key for key in texts if key.rpartition(".")[0] not in BY_NAME]
    assert [key for key in named if key.rpartition(".")[2].removesuffix("_answer") not in source] == []


def test_numbers_are_written_as_the_language_does():
    assert Words("anomaly", "en").number(1234.5, ",.1f") == "1,234.5"
    assert Words("anomaly", "fr").number(1234.5, ",.1f") == "1\N{NARROW NO-BREAK SPACE}234,5"
    assert Words("anomaly", "fr").number(0.05, ".0%") == "5\N{NARROW NO-BREAK SPACE}%"


def test_an_unknown_language_is_said_with_those_there_are():
    with pytest.raises(UnknownName, match=r"unknown language 'de'.*Known: en, fr"):
        Words("anomaly", "de")
