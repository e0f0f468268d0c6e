"""Codes as whole numbers."""

from itertools import pairwise

import numpy as np
import pytest

from sablier.tasks.codec.interleaved import STATES, InterleavedStreams
from sablier.tasks.codec.latents import GRID, LARGEST, LatentTables, latent_slots, pop_latents, step_of
from sablier.tasks.codec.rans import TOTAL, Decoder

STEPS = [step_of(quality) for quality in (1, 30, 77, 100)]


@pytest.fixture(scope="module")
def codes():
    return (np.random.default_rng(0).normal(size=(500, 4)) * [0.05, 1, 3, 0]).astype(np.float32)


def test_qualities_are_finer_and_finer():
    steps = [step_of(quality) for quality in range(1, 101)]
    assert all(a >= b for a, b in pairwise(steps))
    assert steps[0] > 25 * steps[-1]


@pytest.mark.parametrize("step", STEPS)
def test_rounding_is_to_the_nearest_multiple(codes, step):
    tables = LatentTables.fitted(codes)
    values = tables.values(tables.rounded(codes, step), step)
    assert values.dtype == np.float32
    assert np.abs(values - codes).max() <= step / GRID / 2 + 1e-6


@pytest.mark.parametrize("step", STEPS)
def test_what_goes_in_comes_out_also_far_from_training(codes, step):
    tables = LatentTables.fitted(codes)
    far = np.concatenate([codes, 1e9 * np.ones((1, 4)), -1e9 * np.ones((1, 4))]).astype(np.float32)
    numbers = tables.rounded(far, step)
    states = InterleavedStreams.of([len(far)])
    decoder = Decoder(states.encode(*latent_slots(tables, numbers, step)), STATES)
    assert (pop_latents(tables, states, decoder, len(far), step) == numbers).all()
    assert np.abs(tables.values(numbers, step)).max() <= LARGEST


def test_tables_are_whole_numbers_and_slots_fill_them(codes):
    tables = LatentTables.fitted(codes)
    assert tables.below.dtype == np.int64
    assert (np.diff(tables.below, axis=1) >= 0).all()
    for step in STEPS:
        _, begin, end = tables.slots(step)
        assert (begin[:, 0] == 0).all()
        assert (end[:, -1] == TOTAL).all()
        assert (begin[:, 1:] == end[:, :-1]).all()


def test_bits_are_about_the_entropy(codes):
    tables = LatentTables.fitted(codes[:, 1:2])
    step = 32
    expected = 0.5 * np.log2(2 * np.pi * np.e) - np.log2(step / GRID)  # of a normal number of spread 1
    assert tables.bits(codes[:, 1:2], step) / len(codes) == pytest.approx(expected, abs=0.1)
