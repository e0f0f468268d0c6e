"""Who computes when: requests wait for a thread; those with one image each that wait for the same model are answered together.

A thread that is free takes all such requests at once, so a lone request never waits for others, and many share one step.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sablier.serve.problems import Problem

T = TypeVar("T")
MOST_TOGETHER = 64

Together = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass
class _Line:
    """Requests that wait to be answered together, and how many threads work on such ones."""

    waiting: list[tuple[Any, "asyncio.Future[Any]"]] = field(default_factory=list)
    working: int = 0


class Scheduler:
    """Computes in a few threads.

    Args:
        workers: how many threads.
        seconds: after which a request is given up.
        on_batch: called with how many requests were answered in one step.
    """

    def __init__(self, workers: int, seconds: float, on_batch: Callable[[int], None] = lambda count: None) -> None:
        self.workers, self.seconds, self.on_batch = workers, seconds, on_batch
        self.pool = ThreadPoolExecutor(workers, "compute")
        self.readers = ThreadPoolExecutor(1, "models")
        self._lines: dict[Any, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, compute: Callable[[Callable[[], None]], T]) -> T:
        """Compute in a thread; `compute` gets a function that raises an exception where nobody waits any more.

        Raises:
            Problem: if it takes too long.
        """
        given_up = False

        def check() -> None:
            if given_up:
                raise self._too_long()

        def unless_given_up() -> T:
            check()
            return compute(check)

        try:
            return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self.pool, unless_given_up), self.seconds)
        except TimeoutError:
            raise self._too_long() from None
        finally:
            given_up = True

    async def join(self, key: Any, together: Together, item: T) -> Any:
        """Return what `together` makes of an item, with others that came under the same key.

        Raises:
            Problem: if it takes too long.
        """
        line = self._lines.setdefault(key, _Line())
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        line.waiting.append((item, future))
        if line.working < self.workers:
            line.working += 1
            task = asyncio.create_task(self._work(key, line, together))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.wait_for(future, self.seconds)
        except TimeoutError:
            raise self._too_long() from None

    async def _work(self, key: Any, line: _Line, together: Together) -> None:
        """Answer what waits until nothing does."""
        try:
            while line.waiting:
                taken = line.waiting[:MOST_TOGETHER]
                del line.waiting[:MOST_TOGETHER]
                wanted = [(item, future) for item, future in taken if not future.done()]
                if wanted:
                    await self._answer(wanted, together)
        finally:
            line.working -= 1
            if not line.working and not line.waiting:
                self._lines.pop(key, None)

    async def _answer(self, wanted: list[tuple[Any, "asyncio.Future[Any]"]], together: Together) -> None:
        try:
            found = await asyncio.get_running_loop().run_in_executor(self.pool, together, [item for item, _ in wanted])
        except Exception as error:
            found = [error] * len(wanted)
        self.on_batch(len(wanted))
        for (_, future), answer in zip(wanted, found, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def close(self) -> None:
        """End the threads when they have finished what they do."""
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.readers.shutdown(wait=True, cancel_futures=True)

    def _too_long(self) -> Problem:
        return Problem(504, f"the answer took longer than {self.seconds:g} seconds. Send fewer images at a time.")
