"""The names that a command may use of recipes, found without loading torch, so that a mistyped one is told at once."""

import ast
import json
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from sablier.errors import UnknownName
from sablier.recipes import library

DEFAULT = "detector"
TIERS = ("tiny", "small", "base", "large")
# Files whose source declares what can be set: fields of configurations, and options of models.
MINUTES = Path(__file__).with_name("minutes.json")  # written by bench/recipe_minutes.py
DECLARED_IN = ("recipes/*.py", "training/config.py", "training/objectives/*.py", "models/*.py")


def list_recipes() -> list[str]:
    """Return the names of all recipes, the default first.

    >>> list_recipes()[:2]
    ['detector', 'autoencoder']
    """
    names = [module.name.replace("_", "-") for module in pkgutil.iter_modules(library.__path__)]
    return sorted(names, key=lambda name: (name != DEFAULT, name))


def recipe_words() -> dict[str, str]:
    """Return what each recipe makes, in one sentence: the first line of its file.

    >>> recipe_words()["codec"]
    'Learned compression, lossy and lossless.'
    """
    files = {file.stem.replace("_", "-"): file for folder in library.__path__ for file in Path(folder).glob("*.py")}
    documented = {name: ast.get_docstring(ast.parse(files[name].read_text(encoding="utf-8"))) for name in list_recipes()}
    return {name: (text or "").split("\n")[0] for name, text in documented.items()}


def recipe_seconds() -> tuple[dict[str, str], dict[str, dict[str, dict[str, float]]]]:
    """Return what was trained on, by kind of images, and the seconds by kind, recipe and tier, from bench/recipe_minutes.py.

    >>> of, seconds = recipe_seconds()
    >>> of["images"], sorted(seconds["images"]["detector"]) == sorted(TIERS)
    ('5,000 images of 28 x 28', True)
    """
    measured = json.loads(MINUTES.read_text(encoding="utf-8"))
    return measured["of"], measured["seconds"]


def check_names(recipe: str, tier: str = "base", settings: Iterable[str] = ()) -> None:
    """See that a recipe and a tier exist, and that some recipe takes each key of "key=value" settings.

    Whether this recipe takes a key is seen when it is made.

    Raises:
        UnknownName: naming the nearest.
    """
    if recipe not in list_recipes():
        raise UnknownName("recipe", recipe, list_recipes())
    if tier not in TIERS:
        raise UnknownName("tier", tier, TIERS)
    for setting in settings:
        key = setting.partition("=")[0].strip().replace("-", "_").rpartition(".")[2]
        if key not in settable_names():
            raise UnknownName("setting", key, settable_names())


@cache
def settable_names() -> frozenset[str]:
    """Return the name of every field of a configuration and of every option of a model, read from the source.

    >>> {"epochs", "latent", "folds", "noise"} <= settable_names()
    True
    """
    root = Path(__file__).parent.parent
    files = [file for pattern in DECLARED_IN for file in root.glob(pattern)]
    return frozenset(name for file in files for name in _declared(ast.parse(file.read_text(encoding="utf-8"))))


def _declared(tree: ast.Module) -> Iterator[str]:
    """Yield the annotated fields of the dataclasses of a file, and the options of the models it registers."""
    for node in tree.body:
        marked = isinstance(node, ast.ClassDef | ast.FunctionDef) and {ast.unparse(mark) for mark in node.decorator_list}
        if isinstance(node, ast.ClassDef) and marked and any(mark.startswith("dataclass") for mark in marked):
            declared = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            yield from (ast.unparse(item.target) for item in declared if "ClassVar" not in ast.unparse(item.annotation))
        if isinstance(node, ast.FunctionDef) and marked and "register" in marked:
            yield from (argument.arg for argument in node.args.kwonlyargs)
