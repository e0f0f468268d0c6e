"""How many images of a stream are in memory at once."""

from sablier.images.preprocess import Preprocess

PIXELS = 4_000_000  # a few dozen megabytes with intermediate results
LEAST, MOST = 16, 2048


def chunk_for(preprocess: Preprocess, *, pixels: int = PIXELS, least: int = LEAST, most: int = MOST) -> int:
    """Return how many images to hold at once: about this many pixels, within the bounds on the number of images.

    >>> [chunk_for(Preprocess(height=side, width=side, channels=1)) for side in (8, 64, 1024)]
    [2048, 976, 16]
    """
    return min(most, max(least, pixels // (preprocess.height * preprocess.width)))
