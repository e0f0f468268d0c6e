"""Added strokes, and edges: stripes, lines, edge images. N,H,W,C in and out."""

import numpy as np
from scipy.ndimage import correlate1d, label

from sablier.transforms.natural.base import Randoms, drawn, grey_of, sampled, smoothed
from sablier.transforms.natural.kinds import kind
from sablier.typing import Array

FADED = 2.3  # pixels from the middle of a line to its edge
ZIG = 2.0  # pixels of half the length and height of a zigzag
WEAK, STRONG = 0.1, 0.2  # gradients from which on an edge continues, and begins


@kind("inverted on both sides", grey=(0.05, 0.1, 0.15, 0.2, 0.25))
def stripe(x: Array, randoms: Randoms, unit: float, share: float) -> Array:
    """Invert a stripe on the left and one on the right, each this share of the width."""
    wide = max(1, round(share * x.shape[2]))
    y = x.copy()
    y[:, :, :wide], y[:, :, -wide:] = 1 - x[:, :, :wide], 1 - x[:, :, -wide:]
    return y


@kind("dotted lines across", grey=(1, 2, 3, 4, 5))
def dotted_line(x: Array, randoms: Randoms, unit: float, lines: int) -> Array:
    """Draw white dotted lines from edge to edge."""
    height, width = x.shape[1:3]
    ends = drawn(randoms, lambda random: random.uniform(0, height - 1, (5, 2)))[:, :lines]
    columns = np.arange(width)
    rows = ends[..., :1] + (ends[..., 1:] - ends[..., :1]) * columns / (width - 1)
    return _with_lines(x, rows, unit, columns // max(1, round(2 * unit)) % 2 == 1)


@kind("zigzags across", grey=(1, 2, 3, 4, 5))
def zigzag(x: Array, randoms: Randoms, unit: float, lines: int) -> Array:
    """Draw white zigzags across the image."""
    height, width = x.shape[1:3]
    ends = drawn(randoms, lambda random: np.stack([random.uniform(0, height - 1, 5), random.uniform(-5, 5, 5) * unit], axis=1))
    columns = np.arange(width)
    begin, end = 2 * unit, width - 1 - 2 * unit
    zig = ZIG * unit * np.interp((columns - begin) / (ZIG * unit) % 4, [0, 1, 3, 4], [0, 1, -1, 0])
    rows = ends[:, :lines, :1] + ends[:, :lines, 1:] * (columns - begin) / (end - begin) + zig
    return _with_lines(x, rows, unit, (columns >= begin) & (columns <= end))


@kind("nothing but edges", grey=(1.0, 1.25, 1.5, 1.75, 2.0))
def canny_edges(x: Array, randoms: Randoms, unit: float, sigma: float) -> Array:
    """Keep only the edges of the image, white on black (Canny 1986), found after a blur of `sigma` pixels."""
    grey = smoothed(grey_of(x), sigma * unit)
    # scipy's own Sobel filter would also smooth across images.
    down, right = (
        correlate1d(correlate1d(grey, [-1, 0, 1], axis, mode="nearest"), [1, 2, 1], 3 - axis, mode="nearest") for axis in (1, 2)
    )
    slope = np.hypot(down, right)
    length = np.maximum(slope, 1e-6)
    rows, columns = np.meshgrid(*map(np.arange, x.shape[1:3]), indexing="ij")
    # An edge is steeper than the places before and behind it; of two equal ones, one is kept.
    before, behind = (
        sampled(slope[..., None], rows + way * down / length, columns + way * right / length)[..., 0] for way in (-1, 1)
    )
    edges = (slope >= before) & (slope > behind) & (slope >= WEAK)
    beside = np.zeros((3, 3, 3))
    beside[1] = 1  # of the same image
    pieces, _ = label(edges, beside)
    begins = np.unique(pieces[edges & (slope >= STRONG)])
    found = np.isin(pieces, begins) & edges
    return np.broadcast_to(found[..., None], x.shape).astype(np.float32)


def _with_lines(x: Array, rows: Array, unit: float, where: Array) -> Array:
    """Return images with lines whose middle is at `rows`, N,K,W, drawn in the columns `where`, W booleans."""
    height = x.shape[1]
    distance = np.abs(np.arange(height)[:, None] - rows.astype(np.float32)[:, :, None]).min(axis=1)
    light = (1 + np.log1p(-np.minimum(distance / (FADED * unit), 1 - 1e-6))).clip(0, 1)
    return np.asarray(x + (light * where)[..., None].astype(np.float32))
