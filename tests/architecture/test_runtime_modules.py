"""The modules that sablier-runtime shares with sablier: the list is complete, and they need NumPy and Pillow alone."""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SOURCE, RUNTIME = ROOT / "src" / "sablier", ROOT / "runtime"
ALLOWED = {"numpy", "PIL", "sablier_runtime"}


@cache
def build_hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("runtime_build_hook", RUNTIME / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listed() -> list[str]:
    return (RUNTIME / "shared_modules.txt").read_text(encoding="utf-8").split()


def run_when_imported(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes of a module that run when it is imported: none in functions, none for type checkers."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def imported_by(text: str) -> set[str]:
    """Return the dotted names that a module imports when it is imported."""
    names: set[str] = set()
    for node in run_when_imported(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "an import relative to its package"
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def module_of(name: str) -> str | None:
    """Return the file of sablier that a dotted name is, if it is one."""
    place = SOURCE.joinpath(*name.split(".")[1:])
    found = [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
    return found[0].relative_to(SOURCE).as_posix() if found else None


def is_only_a_docstring(name: str) -> bool:
    """Return whether a module has nothing to import; the wheel has an empty `__init__.py` in the place of such a one."""
    return len(ast.parse((SOURCE / name).read_text(encoding="utf-8")).body) <= 1


def strays(texts: dict[str, str], known: set[str]) -> set[str]:
    """Return what the modules import that is neither listed nor allowed."""
    found = set()
    for name, text in texts.items():
        for wanted in imported_by(text):
            root = wanted.partition(".")[0]
            module = module_of(wanted) if root == "sablier" else None
            if module is not None and module not in known and not is_only_a_docstring(module) and module != "__init__.py":
                found.add(f"{name} imports {wanted}")
            if root not in ALLOWED | {"sablier"} | sys.stdlib_module_names:
                found.add(f"{name} imports {wanted}")
    return found


def test_the_list_of_shared_modules_is_closed_and_needs_numpy_and_pillow_alone():
    files = {name: SOURCE / name for name in listed()}
    files |= {path.name: path for path in (RUNTIME / "src").rglob("*.py")}
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    assert strays(texts, set(listed())) == set()
    assert listed() == sorted(set(listed()))


def test_the_check_sees_what_is_missing():
    known = {"errors.py"}
    assert strays({"a": "from sablier.images.imageset import ImageSet"}, known) == {"a imports sablier.images.imageset"}
    assert strays({"a": "class A:\n    import torch"}, known) == {"a imports torch"}
    assert strays({"a": "def f():\n    import torch\nfrom sablier.errors import ImagesError\nimport re"}, known) == set()


def test_names_of_shared_modules_are_rewritten_and_nothing_else_is():
    packed = build_hook().packed_modules()
    assert "from sablier_runtime.core.errors import" in packed["core/images/imageset.py"]
    assert "from sablier_runtime.core.errors import" in packed["__init__.py"]
    assert 'LOCK = ".sablier.lock"' in packed["core/files/locking.py"]
    assert "sablier train IMAGES" not in packed["core/errors.py"]
    assert packed["core/tasks/detection/__init__.py"] == packed["py.typed"] == ""


def test_the_installed_copy_is_that_of_the_source():
    spec = importlib.util.find_spec("sablier_runtime")
    if spec is None:
        pytest.skip("sablier-runtime is not installed")
    folder = Path(spec.origin).parent
    installed = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    packed = {name: text for name, text in build_hook().packed_modules().items() if name.endswith(".py")}
    changed = sorted(name for name in packed.keys() | installed.keys() if packed.get(name) != installed.get(name))
    assert changed == [], "the installed sablier-runtime is older than its source: run make setup"


def test_a_source_of_the_runtime_passes_the_limits_of_length():
    functions = [
        (path.name, node.name, node.end_lineno - node.lineno + 1)
        for path in [*(RUNTIME / "src").rglob("*.py"), RUNTIME / "hatch_build.py"]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    assert [each for each in functions if each[2] > 60] == []
