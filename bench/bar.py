"""The bar of a claim, as text: what is printed is what is checked."""

import re
from fractions import Fraction
from operator import eq, ge, gt, le, lt
from typing import Any

COMPARISONS = {"<=": le, ">=": ge, "<": lt, ">": gt, "": eq}
ANSWERS = {"yes": True, "no": False}
ROUNDING = 1e-6  # of a bar in 255ths of the range, which pixels in float32 meet up to their rounding
ABOUT = (0.3, 2)  # times the number


class Note(str):
    """What stands in place of a bar where nothing is judged."""


def met(bar: str, value: Any) -> bool | None:
    """Return whether a value meets a bar; None for a `Note`.

    A bar is "<= 0.0080" (or >=, <, >), "0" (equal), "all" (a share of 1), "yes" or "no"; "above 0" is for the lower end of an
    interval, "about 0.10" is from 0.3 to 2 times that, and a number may be "8/255". Behind it words may follow: ">= 5 x",
    ">= 0.95, stretch 0.97". No bar is met by None, which is what could not be measured.

    Raises:
        ValueError: for a text that says none of these.

    >>> met("<= 0.0080", 0.0079), met(">= 0.95, stretch 0.97", 0.94), met("above 0", [0.1, 0.4]), met(Note("reported"), 3)
    (True, False, True, None)
    """
    if isinstance(bar, Note):
        return None
    if bar in ANSWERS:
        return value is ANSWERS[bar]
    if bar == "all":
        return bool(value == 1)
    found = re.fullmatch(r"(<=|>=|<|>|above |about |) ?(\d[\d.]*(?:/\d+)?)(?:$|,? [a-z].*)", bar)
    if found is None:
        raise ValueError(f"expected a bar such as <= 0.01 or Note(...), got {bar!r}.")
    kind, number = found[1], float(Fraction(found[2]))
    if value is None:
        return False
    if kind == "above ":
        return bool(value[0] > number)
    if kind == "about ":
        return bool(ABOUT[0] * number < value < ABOUT[1] * number)
    slack = ROUNDING if "/" in found[2] else 0
    return bool(COMPARISONS[kind](value, number - slack if kind in (">", ">=") else number + slack))
