"""How a command ends: what an error looks like, and the exit codes."""

import os
import sys
import warnings
from collections.abc import Callable

from sablier.errors import Interrupted, SablierError
from sablier.files.names import printable_lines

INTERRUPTED, USERS_TO_MEND = 130, 2


def run_to_end(command: Callable[[], object], no_memory: str) -> None:
    """Run a command; exit 2 for what the user can mend, 130 when interrupted. Any other error is a traceback, and exit 1.

    Args:
        command: the command; warnings that it raises are printed to standard error.
        no_memory: what to do where there is not enough memory.
    """
    warnings.showwarning = lambda message, *_args, **_kwargs: _tell(f"warning: {message}")
    try:
        try:
            command()
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
        _stop(f"there is not enough memory. {no_memory}", USERS_TO_MEND)


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
