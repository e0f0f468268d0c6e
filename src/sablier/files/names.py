"""Names of files as text that every table, page and terminal takes, and back again.

A name on disk may hold bytes that are no text, line ends, and codes that clear a terminal or turn the direction of writing.
`as_id` is applied once, where an image gets its id, and `as_name` where its file is opened again. `printable` is for text that
leads nowhere, such as messages.
"""

import re
from collections.abc import Iterable, Iterator

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
ESCAPED = re.compile(r"\\(?:\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})")


def printable(text: str) -> str:
    """Return text with control characters, and bytes that are no text, written out.

    >>> print(printable(f"a{chr(10)}b{chr(27)}[2J"), printable("caf" + chr(0xDCE9)))
    a\\nb\\x1b[2J caf\\udce9
    """
    return UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def printable_lines(text: str) -> str:
    """Return text of several lines with everything else written out that is not `printable`."""
    return "\n".join(map(printable, text.split("\n")))


def as_id(name: str) -> str:
    """Return the id of a file of this name: the name, with what is not `printable` and backslashes written out.

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
    """Yield each name with the number that keeps it apart from those before it: 1 for none, else 2, 3 ...

    Names that differ in case only count as the same, since some file systems take them so. What is made of a name and its number
    is "name-number"; where that is a name of its own, the number is left out. Time grows with the number of names alone.

    >>> list(numbered_names(["a", "A", "a-2", "a"]))
    [('a', 1), ('A', 2), ('a-2', 2), ('a', 3)]
    """
    taken: set[str] = set()
    last: dict[str, int] = {}
    for name in names:
        plain = name.casefold()
        number = last.get(plain, 0) + 1
        while (plain if number == 1 else f"{plain}-{number}") in taken:
            number += 1
        last[plain] = number
        taken.add(plain if number == 1 else f"{plain}-{number}")
        yield name, number
