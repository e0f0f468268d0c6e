"""Batches are computed in order, one per thread; a single one by the caller's thread."""

from threading import get_ident

import pytest
import torch

from sablier.tasks.detection.parallel import in_parallel, watching
from sablier.transforms.batches import Batch


@pytest.mark.parametrize(("given", "count"), [(1, 1), (2, 1), (2, 5)])
def test_each_batch_is_computed_by_one_thread_and_counted(threads, given, count):
    threads(given)
    seen: list[int] = []
    with watching(seen.append):
        found = list(
            in_parallel(
                lambda batch: (float(batch.x.mean()), torch.get_num_threads(), get_ident()),
                (Batch(torch.full((2, 1, 4, 4), float(number))) for number in range(count)),
            )
        )
    assert [mean for mean, _, _ in found] == list(range(count))
    assert {own for _, own, _ in found} == {1}
    assert seen == [2] * count
    assert (found[0][2] == get_ident()) == (given == 1 or count == 1)
    assert torch.get_num_threads() == given


def test_after_an_error_torch_has_its_threads_again(threads):
    threads(2)

    def fail(batch):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(in_parallel(fail, [Batch(torch.zeros(1, 1, 2, 2))]))
    assert torch.get_num_threads() == 2


def test_nothing_is_made_of_no_batches():
    assert list(in_parallel(lambda batch: batch, [])) == []
