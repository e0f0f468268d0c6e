"""A mask as text, for the JSON of a model file."""

import base64
import binascii
import zlib

import numpy as np

from sablier.typing import Array


def packed(ignored: Array) -> str:
    """Return H,W booleans as text; "" where none is true.

    >>> unpacked(packed(np.eye(3, dtype=bool)), 3, 3).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    return base64.b64encode(zlib.compress(np.packbits(ignored).tobytes(), 9)).decode("ascii") if ignored.any() else ""


def unpacked(text: str, height: int, width: int) -> Array:
    """Return the height,width booleans that `packed` made text of.

    Raises:
        ValueError: for any other text, or if no pixel is left.
    """
    length = -(-height * width // 8)
    try:
        inflate = zlib.decompressobj()
        bits = inflate.decompress(base64.b64decode(text, validate=True), length + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"expected packed bits of ignored pixels, got something else ({error})") from error
    if len(bits) != length or not inflate.eof:
        raise ValueError(f"expected the bits of {height} x {width} ignored pixels, got {len(bits)} bytes or a part")
    ignored = np.unpackbits(np.frombuffer(bits, np.uint8), count=height * width).reshape(height, width).astype(bool)
    if ignored.all():
        raise ValueError("expected some pixels that are not ignored, got none")
    return ignored
