"""`sablier`: the entry point, the list of verbs, and what an error looks like."""

import sys
from typing import Annotated

import typer

from sablier import __version__
from sablier.cli import (
    calibrate,
    classify,
    combine,
    compare,
    compress,
    course,
    data,
    denoise,
    detect,
    embed,
    evaluate,
    export,
    fool,
    inspect,
    judge,
    map,
    merge,
    mistakes,
    recipes,
    reconstruct,
    robustness,
    sample,
    serve,
    train,
    update,
    watch,
)
from sablier.cli.ending import USERS_TO_MEND, run_to_end
from sablier.cli.panels import Group
from sablier.errors import nearest

app = typer.Typer(
    name="sablier",
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: [bold]sablier train good/ -o part.sablier[/bold], then "
    "[bold]sablier detect part.sablier new/ -o out/[/bold]",
)


@app.callback(invoke_without_command=True)
def sablier(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Detect anomalous images at a guaranteed false-alarm rate; explore, classify, denoise, compress and generate images."""
    if version:
        typer.echo(f"sablier {__version__}")
        raise typer.Exit


# The order of the help: panel by panel.
detect.add_to(app)
merge.add_to(app)
calibrate.add_to(app)
judge.add_to(app)
evaluate.add_to(app)
update.add_to(app)
watch.add_to(app)
embed.add_to(app)
map.add_to(app)
reconstruct.add_to(app)
combine.add_to(app)
sample.add_to(app)
classify.add_to(app)
mistakes.add_to(app)
robustness.add_to(app)
fool.add_to(app)
denoise.add_to(app)
compress.add_to(app)
train.add_to(app)
recipes.add_to(app)
compare.add_to(app)
export.add_to(app)
serve.add_to(app)
inspect.add_to(app)
data.add_to(app)
course.add_to(app)


def run() -> None:
    """Run the command line; `run_to_end` states the exit codes."""
    verbs = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    verbs += [group.name or "" for group in app.registered_groups]
    words = [word for word in sys.argv[1:2] if not word.startswith("-")]
    if words and words[0] not in verbs:
        print(f"error: there is no verb {words[0]!r}.{nearest(words[0], verbs)} See: sablier --help", file=sys.stderr)
        sys.exit(USERS_TO_MEND)
    run_to_end(app, "Use a smaller --set size=..., or fewer images.")
