"""How many images of a stream are in memory at once."""

from sablier.images.pixel_rule import PixelRule

PIXELS = 4_000_000  # a few dozen megabytes with intermediate results
LEAST, MOST = 16, 2048
MOST_PIXELS = 27_000_000  # of large photos, of which fewer are taken than otherwise: a few hundred megabytes with results
PIXELS_PER_BATCH = 100_000  # of a network; larger batches gained nothing when tried


def chunk_for(preprocess: PixelRule, *, pixels: int = PIXELS, least: int = LEAST, most: int = MOST) -> int:
    """Return how many images to hold at once: about this many pixels, within the bounds on the number of images.

    >>> [chunk_for(PixelRule(height=side, width=side, channels=1)) for side in (8, 64, 1024)]
    [2048, 976, 16]
    """
    size = preprocess.height * preprocess.width
    return min(most, max(at_once(least, size), pixels // size))


def at_once(most: int, size: int) -> int:
    """Return how many images of `size` pixels to compute at once: `most`, or fewer of large ones.

    >>> at_once(64, 640 * 640), at_once(64, 3000 * 4000)
    (64, 2)
    """
    return max(1, min(most, MOST_PIXELS // size))


def images_at_once(height: int, width: int) -> int:
    """Return how many images of a size a network best computes together."""
    return max(1, PIXELS_PER_BATCH // (height * width))
