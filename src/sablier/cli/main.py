"""`sablier`: the entry point, the list of verbs, and what an error looks like."""

import os
import sys
import warnings
from typing import Annotated

import typer

from sablier import __version__
from sablier.cli import (
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
    map,
    mistakes,
    recipes,
    reconstruct,
    robustness,
    sample,
    train,
    update,
    watch,
)
from sablier.cli.panels import Group
from sablier.errors import Interrupted, SablierError, nearest
from sablier.files.names import printable_lines

INTERRUPTED, USERS_TO_MEND, OURS_TO_MEND = 130, 2, 1

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
inspect.add_to(app)
data.add_to(app)
course.add_to(app)


def run() -> None:
    """Run the command line; exit 2 for what the user can mend, 1 for what we must, 130 when interrupted."""
    warnings.showwarning = lambda message, *_args, **_kwargs: _tell(f"warning: {message}")
    verbs = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    verbs += [group.name or "" for group in app.registered_groups]
    words = [word for word in sys.argv[1:2] if not word.startswith("-")]
    if words and words[0] not in verbs:
        print(f"error: there is no verb {words[0]!r}.{nearest(words[0], verbs)} See: sablier --help", file=sys.stderr)
        sys.exit(USERS_TO_MEND)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except Interrupted as error:
        _stop(error, INTERRUPTED)
    except SablierError as error:
        _stop(error, USERS_TO_MEND)
    except KeyboardInterrupt:
        _stop("stopped.", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone (`sablier data list | head`): nothing is wrong.
        _leave_stdout()
    except OSError as error:
        if error.filename is not None or not _stdout_is_full():
            raise
        _leave_stdout()
        _stop(f"standard output cannot be written: {error.strerror or error}. Files that were written are kept.", USERS_TO_MEND)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in ("allocate memory", "out of memory")):
            raise
        _stop("there is not enough memory. Use a smaller --set size=..., or fewer images.", USERS_TO_MEND)


def _stdout_is_full() -> bool:
    """Return whether nothing can be printed any more: a line end cannot."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"\n")
    except (OSError, ValueError):
        return True
    return False


def _leave_stdout() -> None:
    """Send what is left to print nowhere, so that the end of the process does not fail on it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(message: object, code: int) -> None:
    _tell(f"error: {message}")
    sys.exit(code)


def _tell(message: str) -> None:
    print(printable_lines(message), file=sys.stderr)
