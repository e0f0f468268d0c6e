"""No function is longer than a screen, and no file than a sitting: what grows beyond is split where that reads well."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "sablier"
LINES_OF_A_FUNCTION, LINES_OF_A_FILE = 60, 350  # from "def" to the last line, docstring included


def lengths(file: Path) -> dict[str, int]:
    """Return how many lines a file has, and each function and method in it."""
    text, name = file.read_text(encoding="utf-8"), file.relative_to(SOURCE).as_posix()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = {f"{name} {node.name}": (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    return {name: len(text.splitlines()), **found}


def test_functions_and_files_are_short():
    found = {name: lines for file in sorted(SOURCE.rglob("*.py")) for name, lines in lengths(file).items()}
    limits = {name: LINES_OF_A_FUNCTION if " " in name else LINES_OF_A_FILE for name in found}
    assert len(found) > 1000
    assert {name: lines for name, lines in found.items() if lines > limits[name]} == {}
