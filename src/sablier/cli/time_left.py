"""What verbs that train print: how long all of it will take, then how far it is and how much time is left."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sablier.cli.progress import aside

if TYPE_CHECKING:
    from sablier.training.progress import Progress

LINE_SECONDS = 5.0  # between plain lines, at least
LINE_SHARE = 0.1  # of the work, between plain lines, at least
SURE_SECONDS = 1.0  # of a stage by itself, before its own speed tells how much time is left


class OnProgress(Protocol):
    """Takes the stage of the work and how far it is."""

    def __call__(self, stage: str, progress: "Progress") -> None: ...


class Shown(NamedTuple):
    """What there is to say: of all the work where that is known, else of its stage.

    Args:
        stage: what is being done, in words.
        share: how much is done, from 0 to 1; None where nobody knows.
        left: about how many seconds the rest takes; None where nobody knows.
        announced: how long all of it will take, where that has just become known; "" otherwise.
        losses: those of the last epoch that ended, in words; "" where none are told.
    """

    stage: str
    share: float | None
    left: float | None
    announced: str = ""
    losses: str = ""

    @property
    def time_left(self) -> str:
        """How much time is left, in words; "" where nobody knows."""
        return "" if self.left is None else f"{about(self.left)} left"

    @property
    def aside(self) -> str:
        """The time left and the losses, in words."""
        return ", ".join(part for part in (self.time_left, self.losses) if part)


class TimeLeft:
    """Says what there is to show of the progress of a training.

    Args:
        note: what is said of the work besides, such as its tier.
        clock: seconds that pass.
        losses: whether the losses of each epoch are told.
    """

    def __init__(self, note: str = "", clock: Callable[[], float] = time.monotonic, losses: bool = False) -> None:
        self.note, self.clock, self.tells_losses = note, clock, losses
        self.losses = ""
        self.stage, self.work = "", ""
        self.since: tuple[float, float] = 0.0, 0.0  # when the stage was first told of, and the share then done

    def shown(self, stage: str, progress: "Progress") -> Shown:
        """Return what to show after a stage has told of its progress."""
        if self.tells_losses and progress.row is not None:
            self.losses = losses_in_words(progress.row)
        return self._timed(stage, progress)._replace(losses=self.losses)

    def _timed(self, stage: str, progress: "Progress") -> Shown:
        if progress.whole is not None:
            whole = progress.whole
            new = whole.work != self.work and whole.share < 1
            self.work = "" if whole.share == 1 else whole.work
            announced = f"{about(whole.seconds_left)} for {whole.work}{self.note and f'; {self.note}'}" if new else ""
            return Shown(stage, whole.share, whole.seconds_left, announced)
        share, now = progress.done / progress.total, self.clock()
        if stage != self.stage:
            self.stage, self.since = stage, (now, share)
        passed, done = now - self.since[0], share - self.since[1]
        left = passed / done * (1 - share) if done > 0 and passed > SURE_SECONDS else None
        return Shown(stage, share if share or progress.total > 1 else None, left)


def about(seconds: float) -> str:
    """Return a time as exactly as anyone knows one that is to come.

    >>> about(0.2), about(23.4), about(95), about(4000)
    ('about 1 s', 'about 23 s', 'about 1 min 40 s', 'about 1 h 7 min')
    """
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    if seconds < 600:
        minutes, tens = divmod(round(seconds / 10), 6)
        return f"about {minutes} min {tens}0 s" if tens else f"about {minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"about {hours} h {minutes} min" if hours else f"about {minutes} min"


def losses_in_words(row: Mapping[str, float]) -> str:
    """Return the losses of an epoch in words.

    >>> losses_in_words({"epoch": 3, "loss": 0.01234, "validation_loss": 0.015})
    'epoch 3: loss 0.0123, held-out images 0.015'
    """
    held = f", held-out images {row['validation_loss']:.3g}" if "validation_loss" in row else ""
    return f"epoch {row['epoch']:.0f}: loss {row['loss']:.3g}{held}"


@contextmanager
def training_progress(note: str = "", clock: Callable[[], float] = time.monotonic, losses: bool = False) -> Iterator[OnProgress]:
    """Say how long a training will take, then show how far it is: a bar on a terminal, a few lines otherwise.

    Args:
        note: what is said of the work besides, such as its tier.
        clock: seconds that pass.
        losses: whether the losses of each epoch are told.
    """
    if not sys.stderr.isatty():
        yield _Lines(TimeLeft(note, clock, losses))
        return
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[left]}"))
    with Bar(*columns, console=aside, transient=True) as bar:
        time_left, task = TimeLeft(note, clock, losses), bar.add_task("", total=None, left="")

        def show(stage: str, progress: "Progress") -> None:
            shown = time_left.shown(stage, progress)
            if shown.announced:
                aside.print(shown.announced, markup=False)
            total = None if shown.share is None else 1.0
            bar.update(task, description=stage, completed=shown.share or 0.0, total=total, left=shown.aside)

        yield show


class _Lines:
    """Prints what is announced, and from then on a line at most every few seconds and every tenth of the work."""

    def __init__(self, time_left: TimeLeft) -> None:
        self.time_left = time_left
        self.spoke = time_left.clock()
        self.stage, self.share = "", 0.0

    def __call__(self, stage: str, progress: "Progress") -> None:
        shown = self.time_left.shown(stage, progress)
        if shown.announced:
            self._say(shown.announced, shown)
        elif progress.whole is None and stage != self.stage:
            self._say(f"{stage} ...", shown)
        elif shown.share is not None and self._due(shown.share):
            self._say(f"{shown.share:.0%}{shown.aside and f', {shown.aside}'}: {stage}", shown)

    def _due(self, share: float) -> bool:
        return share - self.share >= LINE_SHARE and self.time_left.clock() - self.spoke >= LINE_SECONDS

    def _say(self, line: str, shown: Shown) -> None:
        self.spoke, self.stage, self.share = self.time_left.clock(), shown.stage, shown.share or 0.0
        print(line, file=sys.stderr, flush=True)
