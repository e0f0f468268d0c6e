"""Lossless pixels: coded one after another with the likelihoods of `pixel_context`, in step for all tiles."""

from typing import cast

import numpy as np
import torch
from torch import Tensor

from sablier.models.pixel_context import VALUES, PixelContext, PixelNet
from sablier.tasks.codec.interleaved import InterleavedStreams
from sablier.tasks.codec.rans import TOTAL, Decoder
from sablier.tasks.codec.tables import frequencies, starts
from sablier.typing import Array

PARTS = 64  # of 1, in which logits are counted
DEPTH = 14  # below the largest logit: beyond it a logit no longer matters
ONE = 1 << 24
AT_ONCE = 4000  # rows that the network processes together


def exponentials() -> Array:
    """Return the integers for exp(-k / 64), k from 0; they are part of the model file, so that all machines use the same."""
    return np.round(ONE * np.exp(-np.arange(DEPTH * PARTS + 1) / PARTS)).astype(np.int64)


def likely(logits: Tensor, table: Array) -> Array:
    """Return rows,16 frequencies of fixed-point logits, in integer arithmetic."""
    parts = (logits * PARTS).floor().long().numpy()
    return frequencies(table[(parts.max(axis=1, keepdims=True) - parts).clip(max=len(table) - 1)])


@torch.no_grad()
def pixel_slots(net: PixelContext, table: Array, lossy: Array, tiles: Array, inside: Array) -> tuple[Array, Array]:
    """Return tiles,symbols starts and frequencies of the pixels of tiles, for `InterleavedStreams.encode`.

    Args:
        lossy, tiles: T,H,W,C uint8, the tiles decoded from codes, and the exact ones.
        inside: T,H,W, true for pixels of the image; the others must be black in `tiles`, and are not coded.
    """
    count, places = len(tiles), net.height * net.across
    begin, taken = (np.zeros((count, places, net.channels, 2), np.int32) for _ in range(2))
    every = torch.arange(places)
    for rows in np.array_split(np.arange(count), max(1, -(-count * places // AT_ONCE))):
        x = _stacked(lossy[rows], tiles[rows])
        said = tiles[rows].reshape(len(rows), places, net.channels).transpose(0, 2, 1)
        for half, logits, values in zip((0, 1), net.predict(x, every), (said // VALUES, said % VALUES), strict=True):
            found = likely(logits.flatten(0, 2), table)
            own = values.reshape(-1, 1).astype(np.int64)
            for store, numbers in ((begin, starts(found)), (taken, found)):
                picked = np.take_along_axis(numbers, own, 1).reshape(len(rows), net.channels, places)
                store[rows, :, :, half] = picked.transpose(0, 2, 1)
    taken[~inside.reshape(count, places)] = 0
    return begin.reshape(count, -1), taken.reshape(count, -1)


@torch.no_grad()
def pop_pixels(
    net: PixelContext, table: Array, lossy: Array, inside: Array, states: InterleavedStreams, decoder: Decoder
) -> Array:
    """Read T,H,W,C uint8: the tiles of `pixel_slots`; pixels outside the image are black."""
    count = len(lossy)
    drawn, image = net.halves(_stacked(lossy, np.zeros_like(lossy)))
    flat = image.flatten(1)
    outside = ~inside.reshape(count, -1)
    found = np.zeros((count, net.height * net.across, net.channels), np.uint8)
    for place in range(found.shape[1]):
        here = torch.tensor([place])
        for channel, each in enumerate(net.nets):
            pixel_net = cast(PixelNet, each)
            logits, hidden = pixel_net.begin(net.seen(drawn, image, channel, here)[:, 0], here.expand(count))
            high = _pop(states, decoder, likely(logits, table), outside[:, place])
            low = _pop(states, decoder, likely(pixel_net.finish(hidden, torch.from_numpy(high)), table), outside[:, place])
            found[:, place, channel] = VALUES * high + low
            at = net.corners(here) + channel * image[0, 0].numel()
            flat[:, at] = torch.from_numpy(found[:, place, channel]).float()[:, None] / 255
    return found.reshape(lossy.shape)


def _pop(states: InterleavedStreams, decoder: Decoder, found: Array, outside: Array) -> Array:
    """Read the next half of every tile's pixel; nothing if it is outside."""
    begin = starts(found)
    end = begin + found
    begin[outside], end[outside] = 0, TOTAL
    return states.pop(decoder, begin, end)


def _stacked(lossy: Array, tiles: Array) -> Tensor:
    both = np.concatenate([lossy, tiles], axis=1).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(both)).float() / 255
