"""The panels in which `sablier --help` groups the verbs, and how a verb is added to one."""

from collections.abc import Callable
from functools import partial
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

DETECT, EXPLORE, CLASSIFY = "Detect", "Explore", "Classify"
DENOISE, MODELS, COURSE = "Denoise and compress", "Models", "Course"


class Verb(TyperCommand):
    """A command whose flags and arguments show no type in its help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return its arguments and options."""
        return _plain(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands whose flags and arguments show no type in its help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return its options."""
        return _plain(super().get_params(ctx))


def add_verb(
    app: typer.Typer, verb: Callable[..., Any], *examples: str, panel: str | None = None, name: str | None = None
) -> None:
    """Add a verb to an app.

    Args:
        app: the program, or a group of verbs.
        verb: what runs; its docstring is its help.
        examples: command lines without "sablier", shown below the help.
        panel: where `sablier --help` lists it; None within a group.
        name: what one types, if not the name of the function.
    """
    epilog = "\n\n".join(f"Example: sablier {example}" for example in examples)
    app.command(name, cls=Verb, epilog=epilog, rich_help_panel=panel)(verb)


def _plain(params: list[Any]) -> list[Any]:
    for param in params:
        if isinstance(param, TyperOption) and param.is_flag:
            param.metavar = ""
        if isinstance(param, TyperArgument):  # some versions of Typer show <path>, <str> and {model}
            setattr(param, "display_type_rich", lambda ctx: "")  # noqa: B010
            setattr(param, "_usage_display_name", partial(_usage_name, param))  # noqa: B010
    return params


def _usage_name(argument: TyperArgument) -> str:
    """Return how an argument stands in the usage line."""
    name = str(argument.name).upper() + ("..." if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"
