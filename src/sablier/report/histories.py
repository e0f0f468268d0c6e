"""What a model file keeps of how its networks learnt, put in order for tables and charts."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def rows_by_kind(histories: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[Mapping[str, Any]]]]:
    """Return the rows of each history in a model file, whatever else was kept, by the kind of network they are of.

    >>> rows_by_kind({"fold-0/restoration": {"rows": []}, "fold-1/restoration": {"rows": []}, "net": {"rows": []}})
    {'restoration': {'fold-0/restoration': [], 'fold-1/restoration': []}, '': {'net': []}}
    """
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for name, history in histories.items():
        rows = history.get("rows")
        if isinstance(rows, list):
            kind = name.partition("/")[2]
            found.setdefault(kind, {})[name] = [row for row in rows if isinstance(row, Mapping)]
    return found


def loss_key(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return which value compares with that of held-out images: the error, where the loss has other parts, else the loss.

    >>> loss_key([{"loss": 0.3, "error": 0.1}]), loss_key([{"loss": 0.3}])
    ('error', 'loss')
    """
    return "error" if any("error" in row for row in rows) else "loss"


def loss_series(rows: Rows, key: str, by: str = "epoch") -> tuple[list[float], list[float]]:
    """Return the epochs, or the values of another column, that recorded a drawable value of `key`, and the values."""
    pairs = [(row.get(by), row.get(key)) for row in rows]
    kept = [(a, b) for a, b in pairs if isinstance(a, int | float) and isinstance(b, int | float) and isfinite(b) and b > 0]
    return [float(a) for a, _ in kept], [float(b) for _, b in kept]
