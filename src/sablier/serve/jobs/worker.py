"""The process of a job: `python -m sablier.serve.jobs.worker FOLDER`. It ends when its standard input does.

It lets other processes go first, works in the folder of its job, and tells of its progress in the events there.
"""

import _thread
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import Image

from sablier.errors import Interrupted, OutputError, SablierError
from sablier.files.locking import locked
from sablier.serve.jobs.events import add_event
from sablier.serve.jobs.kinds import KINDS, Places
from sablier.serve.jobs.outcome import OUTPUT, Outcome
from sablier.serve.jobs.record import Job
from sablier.training.progress import Progress

STOPPED = 130  # the exit code of a process that was told to stop
GRACE_SECONDS = 30.0  # in which a process must stop, else it ends without a checkpoint
NICE = 10
PROGRESS_SECONDS = 0.5  # between two events of progress of one stage, at least


class Teller:
    """Tells of progress in the events of a folder; as `on_progress` of a workflow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stage, self.told_at = "", 0.0

    def __call__(self, stage: str, progress: Progress) -> None:
        """Tell of the losses of an epoch at once, and of all else every half a second or when the stage changes."""
        if progress.row is not None:
            self.tell("epoch", {"stage": stage, "losses": dict(progress.row)})
        if stage == self.stage and time.monotonic() - self.told_at < PROGRESS_SECONDS:
            return
        self.stage, self.told_at = stage, time.monotonic()
        whole = progress.whole
        told = {"stage": stage, "share": progress.done / progress.total, "seconds_left": None, "work": None}
        if whole is not None:
            told |= {"share": whole.share, "seconds_left": whole.seconds_left, "work": whole.work}
        self.tell("progress", told)

    def tell(self, kind: str, content: dict[str, Any]) -> None:
        """Add an event; that there is no space left for it is no reason to end the work."""
        with suppress(OSError):
            add_event(self.folder, kind, content)


def work(folder: Path) -> int:
    """Do the job of a folder, and return the exit code: 0 if there is an outcome, even a failure."""
    try:
        with _alone(folder):
            if Outcome.load(folder) is None:  # otherwise an earlier process of the job ended well after its server was killed
                _outcome(folder, Job.load(folder)).save(folder)
    except (KeyboardInterrupt, Interrupted):
        return STOPPED
    return 0


def _outcome(folder: Path, job: Job) -> Outcome:
    tell = Teller(folder)
    warnings.showwarning = lambda message, *_args, **_kwargs: tell.tell("warning", {"text": str(message)})
    if job.most_pixels is not None:
        Image.MAX_IMAGE_PIXELS = job.most_pixels
    try:
        kind = KINDS[job.kind].model_validate(job.arguments)
        places = Places({name: Path(source) for name, source in job.sources.items()}, Path(OUTPUT))
        return Outcome(result=kind.run(places, tell))
    except Interrupted:
        raise
    except SablierError as error:
        return Outcome(error=str(error))
    except Exception as error:
        traceback.print_exc()
        return Outcome(error=f"the job ended by a fault, {type(error).__name__}: {error}. The log of the job has more.")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until an earlier process of the job has ended, which its server left behind when it was killed."""
    end = time.monotonic() + 2 * GRACE_SECONDS
    while True:
        lock = locked(folder)
        try:
            lock.__enter__()
            break
        except OutputError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _stop_with_input() -> None:
    """Wait for the end of standard input, then interrupt the main thread, and end the process if that does not help."""
    while os.read(0, 1):
        pass
    _thread.interrupt_main()
    time.sleep(GRACE_SECONDS)
    os._exit(STOPPED)


def main() -> None:
    """Do the job whose folder the command line names."""
    folder = Path(sys.argv[1]).resolve()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may have let the server ignore them
        signal.signal(number, signal.default_int_handler)
    if hasattr(os, "nice"):
        os.nice(NICE)
    try:
        threading.Thread(target=_stop_with_input, daemon=True).start()
        os.chdir(folder)
        code = work(folder)
    except KeyboardInterrupt:
        code = STOPPED
    sys.exit(code)


if __name__ == "__main__":
    main()
