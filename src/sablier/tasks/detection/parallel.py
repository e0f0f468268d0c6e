"""Batches computed one per thread, for networks that are not trained."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

from sablier.transforms.batches import Batch

T = TypeVar("T")
Watcher = Callable[[int], object]

MOST_SHARED = 4_000_000  # pixels of a batch that one thread computes

_watchers: list[Watcher] = []


def in_parallel(compute: Callable[[Batch], T], batches: Iterable[Batch]) -> Iterator[T]:
    """Yield `compute` of each batch, in order; one batch per thread is faster than many threads per batch.

    Layers of a few dozen channels are too small to share among threads, which would wait for each other at every layer. As
    many batches as threads are held at once; large photos are computed one after the other, by all threads, to save memory. A
    single batch is computed by the caller's thread, since to start others takes longer than to score a small image.
    """
    threads, coming = torch.get_num_threads(), iter(batches)
    first = next(coming, None)
    if first is None:
        return
    if threads == 1 or first.x[:, 0].numel() > MOST_SHARED:
        batches = chain((first,), coming)
        del first
        for batch in batches:
            found = compute(batch)
            _note(len(batch.x))
            yield found
        return
    second = next(coming, None)
    if second is None:
        yield _alone(compute, first, threads)
        return
    try:
        # Otherwise NumPy would start as many threads again for each product.
        with _libraries().limit(limits=1), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[tuple[int, Future[T]]] = deque()
            for batch in chain((first, second), coming):
                waiting.append((len(batch.x), pool.submit(compute, batch)))
                if len(waiting) > threads:
                    yield _done(*waiting.popleft())
            while waiting:
                yield _done(*waiting.popleft())
    finally:
        torch.set_num_threads(threads)


@cache
def _libraries() -> ThreadpoolController:
    """Return the libraries with thread pools of their own; the search takes as long as a batch."""
    return ThreadpoolController()


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call `watcher` with the number of images of every batch that this process computes meanwhile."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def _alone(compute: Callable[[Batch], T], batch: Batch, threads: int) -> T:
    """Return `compute` of the batch by one thread, of `threads` that torch has otherwise."""
    torch.set_num_threads(1)
    try:
        found = compute(batch)
    finally:
        torch.set_num_threads(threads)
    _note(len(batch.x))
    return found


def _done(count: int, future: Future[T]) -> T:
    result = future.result()
    _note(count)
    return result


def _note(count: int) -> None:
    for watcher in _watchers:
        watcher(count)
