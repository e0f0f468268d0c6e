"""Linear systems are solved by products of matrices as exactly as by elimination, up to the smallest eigenvalue that is named."""

import pytest
import torch

from sablier.tasks.detection.positive_definite import by_products, solve


@pytest.mark.parametrize(("count", "least"), [(1, 1.0), (1, 0.5), (2, 0.9), (10, 0.03), (40, 0.0074), (40, 1e-4)])
def test_products_solve_as_elimination_does(count, least):
    generator = torch.Generator().manual_seed(count)
    axes = torch.linalg.qr(torch.randn(6, count, count, dtype=torch.float64, generator=generator))[0]
    sizes = least + (1 - least) * torch.rand(6, count, dtype=torch.float64, generator=generator)
    sizes[:, 0] = least
    matrices = (axes * sizes[:, None]) @ axes.transpose(1, 2)
    right = torch.randn(6, count, dtype=torch.float64, generator=generator)
    expected = (axes @ ((axes.transpose(1, 2) @ right[:, :, None]) / sizes[:, :, None]))[:, :, 0]
    for found in (by_products(matrices, right, least), solve(matrices, right, least)):
        assert (found - expected).abs().max() < 1e-12 / least
