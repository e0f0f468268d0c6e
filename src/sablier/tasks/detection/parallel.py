"""Batches computed a batch a thread, for networks that are not trained."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

from sablier.transforms.batches import Batch

T = TypeVar("T")


def in_parallel(compute: Callable[[Batch], T], batches: Iterable[Batch]) -> Iterator[T]:
    """Yield what `compute` makes of each batch, in order; a batch a thread, which beats many threads a batch.

    Layers of a few dozen channels are too small to share among threads: waiting for each other at every layer costs more
    than it gains. As many batches as there are threads are held at once.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield from map(compute, batches)
        return
    try:
        # NumPy's products would each start as many threads again.
        with threadpool_limits(1), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[T]] = deque()
            for batch in batches:
                waiting.append(pool.submit(compute, batch))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        torch.set_num_threads(threads)
