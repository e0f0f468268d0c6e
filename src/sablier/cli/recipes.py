"""recipes: what `train --recipe` takes."""

import typer

from sablier.cli.panels import MODELS, add_verb
from sablier.cli.progress import console
from sablier.recipes.names import recipe_words


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, recipes, "recipes", panel=MODELS)


def recipes() -> None:
    """List the recipes that `train --recipe` takes, and what each one makes."""
    words = recipe_words()
    width = max(map(len, words))
    for name, what in words.items():
        console.print(f"{name:<{width}}  {what}", markup=False, soft_wrap=True)
