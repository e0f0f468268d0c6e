"""A digest of the code that a bench runs, by which docs/BENCHMARKS.md tells whether a figure is older than its code.

The digest covers the script and every module of bench/ and of sablier that it imports, directly or not, also inside functions;
of a package that a registry or a list of files names, every module. Comments, docstrings and empty lines do not count.
"""

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "sablier"
ANY_COMMAND = "sablier.cli.main"  # what a bench runs that starts the program
STARTS_THE_PROGRAM = re.compile(r"\btimed_command\b|\bsablier\.cli\b|\bimport sablier\b")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
UNRELATED = {"harness"}  # writes files and prints; it computes no figure


def code_digest(script: str, root: Path = ROOT) -> str:
    """Return 12 hexadecimal digits of the code that `bench/SCRIPT.py` runs."""
    digest = hashlib.sha256()
    for name, file in sorted(modules_of(script, root).items()):
        digest.update(f"{name}\n{_bare(file)}\n".encode())
    return digest.hexdigest()[:12]


def modules_of(script: str, root: Path = ROOT) -> dict[str, Path]:
    """Return the file of each module that a script of bench/ imports, itself included."""
    found: dict[str, Path] = {}
    waiting = [script]
    while waiting:
        name = waiting.pop()
        file = _file(name, root)
        if name in found or name in UNRELATED or file is None:
            continue
        found[name] = file
        waiting += _imported(file, name if file.name == "__init__.py" else name.rpartition(".")[0], root)
    return found


def imported(text: str, package: str, root: Path) -> Iterator[str]:
    """Yield the dotted names of modules that a text imports or names, packages above them included."""
    public = _public(root)
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
            names += [public[alias.name] for alias in node.names if base == PACKAGE and alias.name in public]
            names += [each for name in names[1:] for each in _modules_in(name, root)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(f"{PACKAGE}."):
            names = [node.value, *_modules_in(node.value, root)]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: count + 1]) for count in range(len(parts)))


def bare(text: str) -> str:
    """Return code without comments, docstrings and empty lines.

    >>> bare('def f():\\n    "Doc."\\n\\n    return 1  # one')
    'def f():\\n    return 1'
    """
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, False):
            first = node.body[0]
            lines[first.lineno - 1 : first.end_lineno] = [""] * ((first.end_lineno or 0) - first.lineno + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


@cache
def _imported(file: Path, package: str, root: Path) -> list[str]:
    text = file.read_text(encoding="utf-8")
    starts = file.parent.name == "bench" and STARTS_THE_PROGRAM.search(text)
    return sorted({*imported(text, package, root), *([ANY_COMMAND] if starts else [])})


@cache
def _bare(file: Path) -> str:
    return bare(file.read_text(encoding="utf-8"))


def _file(name: str, root: Path) -> Path | None:
    parts = name.split(".")
    place = root / ("src" if parts[0] == PACKAGE else "bench") / "/".join(parts)
    return next((file for file in (place.parent / f"{place.name}.py", place / "__init__.py") if file.is_file()), None)


def _modules_in(name: str, root: Path) -> list[str]:
    """Return the modules directly in a package; none of anything else."""
    folder = root / "src" / Path(*name.split("."))
    inside = name.split(".")[0] == PACKAGE and (folder / "__init__.py").is_file()
    return [f"{name}.{file.stem}" for file in sorted(folder.glob("*.py")) if file.stem != "__init__"] if inside else []


@cache
def _public(root: Path) -> dict[str, str]:
    """Return the module of each public name."""
    stub = root / "src" / PACKAGE / "__init__.pyi"
    text = stub.read_text(encoding="utf-8") if stub.is_file() else ""
    return {name: module for module, name in re.findall(r"^from ([\w.]+) import (\w+) as \2$", text, re.MULTILINE)}
