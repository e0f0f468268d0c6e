"""The texts of the course in each language, from `texts/LANGUAGE.toml`, and how numbers are written in it.

A text is found by the name of its lesson and its key, and its placeholders are filled in:

>>> words = Words("anomaly", "fr")
>>> words("data.title"), words.number(1234.5, ",.1f")
('Les données', '1 234,5')
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sablier.errors import UnknownName

COMMON = "common"  # the texts that every lesson uses
SPACE = "\N{NARROW NO-BREAK SPACE}"
BEFORE_SIGN = re.compile(r" (?=[;:!?%])")
NUMBERS = {"fr": str.maketrans({".": ",", ",": SPACE, "%": f"{SPACE}%"})}  # languages that do not write numbers as English does


def list_languages() -> list[str]:
    """Return the codes of the languages that lessons are written in.

    >>> list_languages()
    ['en', 'fr']
    """
    folder = files(__package__) / "texts"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


@cache
def texts_of(language: str) -> Mapping[str, Any]:
    """Return all texts of a language, by lesson and section.

    Raises:
        UnknownName: for a language that no lesson is written in.
    """
    if language not in list_languages():
        raise UnknownName("language", language, list_languages())
    return tomllib.loads((files(__package__) / "texts" / f"{language}.toml").read_text(encoding="utf-8"))


class Words:
    """The texts of one lesson in one language.

    Args:
        lesson: the name of its command.
        language: such as "en".

    Raises:
        UnknownName: for a language that no lesson is written in.
    """

    def __init__(self, lesson: str, language: str) -> None:
        self.texts, self.language = texts_of(language), language
        self.lesson = lesson

    def __call__(self, key: str, **values: object) -> str:
        """Return a text of the lesson, or one that all lessons share, with its placeholders filled in.

        Args:
            key: "SECTION.NAME" in the table of the lesson, or a name in the table `common`.
        """
        found: Any = self.texts[self.lesson] if "." in key else self.texts[COMMON]
        for part in key.split("."):
            found = found[part]
        return _typeset(str(found).format(**values), self.language)

    def number(self, value: float, form: str = ",") -> str:
        """Return a number as the language writes it; `form` as for `format`."""
        return format(value, form).translate(NUMBERS.get(self.language, {}))


def _typeset(text: str, language: str) -> str:
    """Keep French signs of two parts with the word before them."""
    return BEFORE_SIGN.sub(SPACE, text) if language == "fr" else text
