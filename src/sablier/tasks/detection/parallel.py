"""Batches computed a batch a thread, for networks that are not trained."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

from sablier.transforms.batches import Batch

T = TypeVar("T")
Watcher = Callable[[int], object]

_watchers: list[Watcher] = []


def in_parallel(compute: Callable[[Batch], T], batches: Iterable[Batch]) -> Iterator[T]:
    """Yield what `compute` makes of each batch, in order; a batch a thread, which beats many threads a batch.

    Layers of a few dozen channels are too small to share among threads: waiting for each other at every layer costs more
    than it gains. As many batches as there are threads are held at once.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        for batch in batches:
            found = compute(batch)
            _note(len(batch.x))
            yield found
        return
    try:
        # NumPy's products would each start as many threads again.
        with _libraries().limit(limits=1), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[tuple[int, Future[T]]] = deque()
            for batch in batches:
                waiting.append((len(batch.x), pool.submit(compute, batch)))
                if len(waiting) > threads:
                    yield _done(*waiting.popleft())
            while waiting:
                yield _done(*waiting.popleft())
    finally:
        torch.set_num_threads(threads)


@cache
def _libraries() -> ThreadpoolController:
    """Return the libraries with threads of their own; to look for them takes as long as a batch."""
    return ThreadpoolController()


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call `watcher` meanwhile with the number of images of every batch that this process has computed."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def _done(count: int, future: Future[T]) -> T:
    result = future.result()
    _note(count)
    return result


def _note(count: int) -> None:
    for watcher in _watchers:
        watcher(count)
