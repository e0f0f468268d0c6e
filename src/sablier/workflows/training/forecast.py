"""The forecast of the training time: expected seconds of each stage, corrected by the measured ones."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sablier.images.preprocess import Preprocess
from sablier.training.progress import Progress, Whole

OnProgress = Callable[[str, Progress], None]

SURE = 0.25  # of a stage: after this share, only its own speed counts for the rest
WEIGHT_OF_EXPECTED = 0.1  # of the expected total: the weight of the expectation against finished stages of other kinds
SMOOTHED_SECONDS = 3.0  # the displayed time follows changes within a few times this
PARTS = 1000  # in which a training within another reports its share
OVERDUE = 0.1  # of the elapsed time, the remaining time of a stage that is overdue and reports nothing


def unheard(stage: str, progress: Progress) -> None:
    """Do nothing. As `on_progress`, this also switches the forecast off."""


@dataclass(frozen=True)
class Stage:
    """A part of the work.

    Args:
        name: what is done, in words.
        seconds: the expected time of the whole stage.
        kind: stages of one kind correct each other's expected time.
        done: the share that an earlier run has done.
    """

    name: str
    seconds: float
    kind: str = ""
    done: float = 0.0

    @property
    def expected(self) -> float:
        """The expected seconds of what remains."""
        return self.seconds * (1 - self.done)


class Forecast:
    """Reports progress and remaining time, before the work starts and whenever a stage reports.

    Args:
        on_progress: the callback; if it is `unheard`, nothing is estimated or reported.
        clock: a clock in seconds.

    >>> told = []
    >>> forecast = Forecast(lambda stage, progress: told.append(round(progress.whole.seconds_left)))
    >>> forecast.expect("3 images", lambda: [Stage("fold 1 of 2", 30, "net"), Stage("fold 2 of 2", 30, "net")])
    >>> told
    [60]
    """

    def __init__(self, on_progress: OnProgress, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock, self._work = on_progress, clock, ""
        self._stages: dict[str, Stage] = {}
        self._taken: dict[str, float] = {}
        self._running: _Running | None = None
        self._share, self._started, self._told_at, self._end = 0.0, 0.0, 0.0, 0.0

    def expect(self, work: str, stages: Callable[[], Sequence[Stage]]) -> None:
        """Set the work, in words, and its stages with their expected times, and report them."""
        if self._tell is unheard:
            return
        self._work, self._stages = work, {stage.name: stage for stage in stages()}
        self._started = self._told_at = self._clock()
        self._end = self._started + sum(stage.expected for stage in self._stages.values())
        self._report(next(iter(self._ahead())).name, Progress(0, 1))

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[Progress], None]]:
        """Run a stage; yields a function that takes its progress."""
        if self._tell is unheard:
            yield lambda progress: None
            return
        self._running = _Running(self._stages.get(name, Stage(name, 0.0)), self._clock())
        self._report(name, Progress(0, 1))
        yield lambda progress: self._progressed(name, progress)
        self._taken[name] = self._clock() - self._running.since
        self._running = None
        self._report(name, Progress(1, 1))

    @staticmethod
    def tally(progressed: Callable[[Progress], None], total: int) -> Callable[[int], None]:
        """Return a function that takes increments of a count up to about `total` and reports them."""
        done = 0

        def add(count: int) -> None:
            nonlocal done
            done = min(total, done + count)
            progressed(Progress(done, total))

        return add

    def beat(self) -> None:
        """Report the remaining time again, during a stage that reports no progress."""
        if self._tell is not unheard and self._running is not None:
            self._report(self._running.stage.name, Progress(round(self._running.share * PARTS), PARTS))

    def within(self, progressed: Callable[[Progress], None]) -> OnProgress:
        """Return a function that takes the progress of a complete training that is one stage of this work."""

        def tell(_: str, progress: Progress) -> None:
            if progress.whole is not None:
                progressed(Progress(round(progress.whole.share * PARTS), PARTS))

        return unheard if self._tell is unheard else tell

    def _progressed(self, name: str, progress: Progress) -> None:
        if self._running is not None:
            self._running.share = progress.done / progress.total
        self._report(name, progress)

    def _report(self, name: str, progress: Progress) -> None:
        whole = self._whole() if self._stages else None
        self._tell(name, replace(progress, whole=whole))

    def _whole(self) -> Whole:
        now = self._clock()
        target = now + self._seconds_left(now)
        self._end += (target - self._end) * min(1.0, (now - self._told_at) / SMOOTHED_SECONDS)
        self._told_at = now
        done = not self._ahead()
        left = 0.0 if done else max(0.0, self._end - now)
        passed = now - self._started
        self._share = 1.0 if done else max(self._share, passed / (passed + left) if passed + left else 0.0)
        return Whole(self._work, self._share, left)

    def _ahead(self) -> list[Stage]:
        """Return the stages that are not finished."""
        return [stage for stage in self._stages.values() if stage.name not in self._taken and stage.done < 1]

    def _seconds_left(self, now: float) -> float:
        ahead = self._ahead()
        paces = {stage.kind: self._pace(stage.kind) for stage in ahead}
        running, own = self._running, 0.0
        if running is not None:
            own = running.seconds_left(now, paces.get(running.stage.kind, 1.0))
            ahead = [stage for stage in ahead if stage.name != running.stage.name]
            paces[running.stage.kind] = running.pace(now, paces.get(running.stage.kind, 1.0))
        return own + sum(stage.expected * paces[stage.kind] for stage in ahead)

    def _pace(self, kind: str) -> float:
        """Return how many times longer than expected stages of a kind take, estimated from finished ones."""
        finished = [stage for name, stage in self._stages.items() if name in self._taken]
        alike = [stage for stage in finished if stage.kind == kind and stage.expected]
        # A short stage of another kind must not decide: it is weighted by its share of the whole.
        prior = 0.0 if alike else WEIGHT_OF_EXPECTED * sum(stage.expected for stage in self._stages.values())
        expected = prior + sum(stage.expected for stage in alike or finished)
        taken = prior + sum(self._taken[stage.name] for stage in alike or finished)
        return taken / expected if expected else 1.0


class _Running:
    """The running stage: its start and its progress."""

    def __init__(self, stage: Stage, now: float) -> None:
        self.stage, self.since, self.share = stage, now, stage.done

    @property
    def sure(self) -> float:
        """How much its own speed counts, from 0 to 1."""
        return min(1.0, (self.share - self.stage.done) / SURE)

    def seconds_left(self, now: float, pace: float) -> float:
        """Return the remaining seconds: by the pace of others, and increasingly by its own speed."""
        passed, hoped = now - self.since, pace * self.stage.seconds * (1 - self.share)
        if not self.sure:
            return max(hoped - passed, OVERDUE * passed)
        return hoped + self.sure * (passed / (self.share - self.stage.done) * (1 - self.share) - hoped)

    def pace(self, now: float, others: float) -> float:
        """Return how many times longer than expected it takes, as far as it shows."""
        if not self.stage.expected:
            return others
        own = (now - self.since + self.seconds_left(now, others)) / self.stage.expected
        return others + self.sure * (own - others)


def counted_work(images: int, preprocess: Preprocess, nouns: str = "images") -> str:
    """Return the number and the size of training images in words.

    >>> counted_work(1437, Preprocess(height=8, width=8, channels=1))
    '1,437 images of 8 x 8'
    """
    return f"{images:,} {nouns} of {preprocess.height} x {preprocess.width}"
