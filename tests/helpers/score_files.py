"""Tables of scores as another tool would write them."""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np

PYOD = Path(__file__).parents[1] / "data" / "pyod"  # examples/pyod_scores.py wrote these


def write_table(path: Path, **columns: Iterable[object]) -> Path:
    """Write a table of columns of equal length."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(zip(*columns.values(), strict=True))
    return path


def write_scores(path: Path, count: int, seed: int, bad: int = 0, shift: float = 8.0) -> Path:
    """Write normal scores, the last `bad` of which are shifted."""
    scores = np.random.default_rng(seed).normal(size=count)
    scores[count - bad :] += shift
    return write_table(path, id=[f"{seed}-{place}.png" for place in range(count)], score=scores)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
