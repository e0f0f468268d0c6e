"""Unique names of images."""

import numpy as np

from sablier.typing import Array


def distinct_names(names: Array) -> Array:
    """Return N names without duplicates: a name that is taken gets a number.

    Sets that are joined may share names: arrays in memory have positions as names.

    >>> distinct_names(np.array(["a", "b", "a", "a (2)"])).tolist()
    ['a', 'b', 'a (3)', 'a (2)']
    """
    taken = set(names.tolist())
    if len(taken) == len(names):
        return names
    seen: set[str] = set()
    found: list[str] = []
    counts: dict[str, int] = {}
    for name in names.tolist():
        chosen = name
        if name in seen:
            number = counts.get(name, 2)
            while f"{name} ({number})" in taken:
                number += 1
            chosen, counts[name] = f"{name} ({number})", number + 1
        seen.add(chosen)
        taken.add(chosen)
        found.append(chosen)
    return np.array(found, str)
