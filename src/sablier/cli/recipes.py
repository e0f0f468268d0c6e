"""recipes: what `train --recipe` takes."""

import typer

from sablier.cli.panels import MODELS, add_verb
from sablier.cli.progress import console
from sablier.recipes.names import TIERS, recipe_seconds, recipe_words


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, recipes, "recipes", panel=MODELS)


def recipes() -> None:
    """List the recipes that `train --recipe` takes, what each one makes, and the minutes that each --tier takes."""
    words, (of, seconds) = recipe_words(), recipe_seconds()
    width = max(map(len, words))
    console.print(f"{'':<{width}}  {'minutes by tier':<27}", markup=False)
    console.print(f"{'recipe':<{width}}  {''.join(f'{tier:>6}' for tier in TIERS)}   what it makes", markup=False)
    for name, what in words.items():
        console.print(f"{name:<{width}}  {_minutes(seconds['images'].get(name, {}))}   {what}", markup=False, soft_wrap=True)
        for kind in seconds.keys() - {"images"}:
            if name in seconds[kind]:
                console.print(f"{'  ' + kind:<{width}}  {_minutes(seconds[kind][name])}", markup=False)
    images = " or ".join(of.values())
    console.print(f"\nMinutes of training on {images}, on two cores (-: not measured).", markup=False)
    console.print("Train prints an estimate of its own.")


def _minutes(of_tier: dict[str, float]) -> str:
    """Return the minutes of each tier, in columns; "-" where they were not measured."""
    return "".join(f"{_rounded(of_tier[tier] / 60) if tier in of_tier else '-':>6}" for tier in TIERS)


def _rounded(minutes: float) -> str:
    """Return minutes with one digit that counts, or as a whole number.

    >>> _rounded(0.03), _rounded(0.24), _rounded(2.6), _rounded(41.2)
    ('<0.1', '0.2', '3', '41')
    """
    if minutes < 0.1:
        return "<0.1"
    return f"{minutes:.1f}" if minutes < 1 else f"{minutes:.0f}"
