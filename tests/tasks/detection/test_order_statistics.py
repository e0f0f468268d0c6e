"""Medians and quantiles without `torch.median` and `torch.quantile` are the same."""

import pytest
import torch

from sablier.tasks.detection.order_statistics import median, quantile


@pytest.mark.parametrize("count", [1, 2, 3, 10, 101, 784])
def test_they_are_those_of_torch(count):
    rows = torch.randn(7, count, generator=torch.Generator().manual_seed(count))
    rows[:3] = rows[:3].round()  # equal values
    assert torch.equal(median(rows), rows.median(dim=1).values)
    for share in (0.0, 0.1, 0.5, 0.9, 0.99, 1.0):
        torch.testing.assert_close(quantile(rows, share), torch.quantile(rows, share, dim=1))
