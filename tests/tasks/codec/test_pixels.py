"""Pixels under the likelihoods of a net."""

import numpy as np
import pytest
import torch

from sablier.models import create_model
from sablier.tasks.codec.interleaved import STATES, InterleavedStreams
from sablier.tasks.codec.pixels import exponentials, likely, pixel_slots, pop_pixels
from sablier.tasks.codec.rans import TOTAL, Decoder


def net_of(channels: int):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = create_model("pixel_context", (12, 5, channels), width=8, reach=2, look=1)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return net.eval()


@pytest.mark.parametrize("channels", [1, 3])
def test_what_goes_in_comes_out_and_the_outside_is_not_said(channels):
    random, net, table = np.random.default_rng(0), net_of(channels), exponentials()
    tiles, lossy = random.integers(0, 256, size=(2, 11, 6, 5, channels), dtype=np.uint8)
    inside = np.ones((11, 6, 5), bool)
    inside[4, :, 3:] = inside[7] = False
    tiles[~inside] = 0
    begin, taken = pixel_slots(net, table, lossy, tiles, inside)
    assert begin.shape == taken.shape == (11, 2 * 6 * 5 * channels)
    assert (taken.reshape(11, 6, 5, -1)[~inside] == 0).all()
    states = InterleavedStreams.of([10, 1])
    decoder = Decoder(states.encode(begin, taken), STATES)
    assert (pop_pixels(net, table, lossy, inside, states, decoder) == tiles).all()
    assert decoder.ended()


def test_likelihoods_do_not_depend_on_threads_or_company(threads):
    random, net, table = np.random.default_rng(1), net_of(1), exponentials()
    tiles, lossy = random.integers(0, 256, size=(2, 300, 6, 5, 1), dtype=np.uint8)
    inside = np.ones((300, 6, 5), bool)
    threads(1)
    _, alone = pixel_slots(net, table, lossy[7:8], tiles[7:8], inside[7:8])
    threads(2)
    _, together = pixel_slots(net, table, lossy, tiles, inside)
    assert (together[7] == alone[0]).all()


def test_likely_follows_the_softmax():
    logits = torch.tensor([[0.0, 1, 2, -30] + [-50.0] * 12], dtype=torch.float64)
    found = likely(logits, exponentials())[0]
    assert found.sum() == TOTAL
    assert found[3:].max() == 1
    expected = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
    assert found[:3] / TOTAL == pytest.approx(expected, abs=1e-3)
