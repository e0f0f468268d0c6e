"""File names as text that is safe in tables, pages and terminals, and back.

A name on disk may contain bytes that are no text, line ends, and control codes of terminals or of writing direction. `as_id`
is applied once, where an image gets its id, and `as_name` where its file is opened. `printable` is for other text, such as
messages.
"""

import re
from collections.abc import Iterable, Iterator

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
ESCAPED = re.compile(r"\\(?:\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})")


def printable(text: str) -> str:
    """Return text with control characters, and bytes that are no text, escaped.

    >>> print(printable(f"a{chr(10)}b{chr(27)}[2J"), printable("caf" + chr(0xDCE9)))
    a\\nb\\x1b[2J caf\\udce9
    """
    return UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def printable_lines(text: str) -> str:
    """Return text of several lines, escaped except for the line ends."""
    return "\n".join(map(printable, text.split("\n")))


def as_id(name: str) -> str:
    """Return the id of a file with this name: the name, with what is not `printable` and backslashes escaped.

    >>> as_id("line 1/a.png"), as_id("caf" + chr(0xDCE9) + ".png") == "caf" + chr(92) + "udce9.png"
    ('line 1/a.png', True)
    """
    return printable(name.replace("\\", "\\\\"))


def as_name(id: str) -> str:
    """Return the name that `as_id` made an id of.

    >>> as_name(as_id("caf" + chr(0xDCE9))) == "caf" + chr(0xDCE9)
    True
    """
    return ESCAPED.sub(lambda match: match[0].encode().decode("unicode_escape"), id)


def numbered_names(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield each name with the number that distinguishes it from earlier ones: 1 for none, else 2, 3 ...

    Names that differ in case only count as equal, as on some file systems. The caller makes "name-number" of them; a number
    is skipped if that is a name of its own. The time is linear in the number of names.

    >>> list(numbered_names(["a", "A", "a-2", "a"]))
    [('a', 1), ('A', 2), ('a-2', 2), ('a', 3)]
    """
    number_of = Numbering()
    for name in names:
        yield name, number_of(name)


class Numbering:
    """Gives names that come one after another the numbers of `numbered_names`."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def __call__(self, name: str) -> int:
        """Return the number of the next name."""
        plain = name.casefold()
        number = self._last.get(plain, 0) + 1
        while (plain if number == 1 else f"{plain}-{number}") in self._taken:
            number += 1
        self._last[plain] = number
        self._taken.add(plain if number == 1 else f"{plain}-{number}")
        return number
