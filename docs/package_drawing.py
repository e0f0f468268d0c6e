"""The drawing of the packages of sablier in docs/architecture.md, made from what their files import."""

import ast
import re
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sablier.report.figures import BLUE, GREY, INK, MUTED
from sablier.typing import Array

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sablier"
ORDER = re.compile(r"```text\n(typing < .*?)```", re.DOTALL)
INCHES = (8.0, 7.2)
PLACE = (0.15, 0.02, 0.78, 0.84)  # of the squares: left, bottom, width and height, as shares of the picture


def packages() -> list[str]:
    """Return the packages in the order in which they may import each other, as docs/architecture.md states it."""
    found = ORDER.search((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert found is not None
    return re.findall(r"\w+", found[1])


def imports_of_packages() -> set[tuple[str, str]]:
    """Return each pair of packages of which the first imports the second."""
    known = set(packages())
    found = set()
    for file in sorted(SOURCE.rglob("*.py")):
        own = file.relative_to(SOURCE).parts[0].removesuffix(".py")
        names = {name.split(".")[1] for name in _imports(file) if name.startswith("sablier.")}
        found |= {(own, other) for other in (names & known) - {own} if own in known}
    return found


def drawing() -> Figure:
    """Draw a square for each package that another imports: rows import columns. All lie below the diagonal."""
    names, pairs = packages(), imports_of_packages()
    figure = Figure(INCHES)
    axes = figure.add_axes(PLACE)
    for row, own in enumerate(names):
        filled = [(column, BLUE) for column, other in enumerate(names) if (own, other) in pairs]
        for column, colour in [*filled, (row, GREY)]:
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="white", linewidth=2))
        axes.plot([0, row], [row + 0.5] * 2, color=MUTED, linewidth=0.4, zorder=0)
        axes.plot([row + 0.5] * 2, [row, len(names)], color=MUTED, linewidth=0.4, zorder=0)
    centres = [place + 0.5 for place in range(len(names))]
    axes.set(xlim=(0, len(names)), ylim=(len(names), 0))
    axes.set_xticks(centres, names, rotation=55, ha="left", rotation_mode="anchor", fontsize=9, color=INK)
    axes.set_yticks(centres, names, fontsize=9, color=INK)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def drawn_pairs(picture: Array) -> set[tuple[str, str]]:
    """Return the pairs that a drawing shows, from the colours in the middle of its squares.

    Args:
        picture: H,W,3 bytes.
    """
    names, (height, width) = packages(), picture.shape[:2]
    left, bottom, wide, high = PLACE
    found = set()
    for row, own in enumerate(names):
        for column, other in enumerate(names):
            x = (left + wide * (column + 0.5) / len(names)) * width
            y = (1 - bottom - high + high * (row + 0.5) / len(names)) * height
            square = picture[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].astype(int)
            if row != column and np.abs(square - np.array(to_rgb(BLUE)) * 255).max() < 3:
                found.add((own, other))
    return found


def _imports(file: Path) -> set[str]:
    """Return the dotted names that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
