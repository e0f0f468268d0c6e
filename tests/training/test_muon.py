"""Muon makes steps orthogonal, and its state survives a checkpoint like any other optimizer's."""

import pytest
import torch
from torch import nn

from sablier.training.optimizers.muon import Muon, orthogonal, product_type


@pytest.mark.parametrize("shape", [(16, 16), (8, 40), (40, 8)])
def test_singular_values_come_near_1(shape):
    torch.manual_seed(0)
    spread = torch.linalg.svdvals(orthogonal(torch.randn(3, *shape)))
    assert 0.5 < spread.min() <= spread.max() < 1.5


def test_a_step_has_the_size_it_is_given_whatever_the_gradient():
    weight = nn.Parameter(torch.zeros(8, 8))
    for scale in (1e-3, 1e3):
        torch.manual_seed(1)
        before = weight.detach().clone()
        weight.grad = scale * torch.randn(8, 8)
        Muon([weight], 0.1).step()
        assert 0.05 < torch.linalg.matrix_norm(weight - before, 2) < 0.15


def test_kernels_and_biases_learn():
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 4, 3, padding=1)
    x, y = torch.randn(16, 2, 6, 6), torch.randn(16, 4, 6, 6) * 0.1 + 1
    optimizer = Muon(layer.parameters(), 0.05)
    losses = []
    for _ in range(300):
        loss = ((layer(x) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_a_restored_optimizer_goes_on_the_same_way():
    def run(steps, state=None):
        torch.manual_seed(0)
        layer = nn.Linear(4, 4)
        optimizer = Muon(layer.parameters(), 0.1, weight_decay=0.1)
        if state:
            layer.load_state_dict(state[0])
            optimizer.load_state_dict(state[1])
        for step in steps:
            optimizer.zero_grad()
            (layer(torch.full((2, 4), float(step + 1))) ** 2).mean().backward()
            optimizer.step()
        return layer.state_dict(), optimizer.state_dict()

    whole, _ = run(range(6))
    resumed, _ = run(range(3, 6), run(range(3)))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_renormalised_kernels_keep_their_length_and_matrices_do_not():
    torch.manual_seed(0)
    kernel, matrix = nn.Parameter(torch.randn(8, 4, 3, 3)), nn.Parameter(3 * torch.randn(8, 4))
    optimizer = Muon([kernel, matrix], 1e-6, renormalise=True)
    kernel.grad, matrix.grad = torch.randn_like(kernel), torch.randn_like(matrix)
    before = matrix.norm().item()
    optimizer.step()
    assert kernel.norm().item() == pytest.approx(8**0.5, rel=1e-4)
    assert matrix.norm().item() == pytest.approx(before, rel=1e-4)


def test_the_iteration_takes_the_type_that_the_processor_multiplies_natively(monkeypatch):
    torch.manual_seed(0)
    matrices = torch.randn(2, 24, 40)
    found = {}
    for native in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda native=native: native, raising=False)
        assert product_type(torch.device("cpu")) == (torch.bfloat16 if native else torch.float32)
        found[native] = orthogonal(matrices)
    assert product_type(torch.device("cuda")) == torch.bfloat16
    assert found[True].dtype == found[False].dtype == torch.float32
    assert torch.allclose(found[True], found[False], atol=0.05)
    assert not torch.equal(found[True], found[False])
