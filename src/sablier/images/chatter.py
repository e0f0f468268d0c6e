"""Captures what libtiff prints to the standard error of the process, and reports it under the name of the file.

libtiff writes past Python, so the file descriptor is redirected while an image is decoded. All threads share it: one TIFF is
decoded at a time, and other output is passed on afterwards.
"""

import os
import re
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image

from sablier.errors import ImagesWarning

STANDARD_ERROR = 2
LONGEST = 200
# "LZWDecode: Not enough data at scanline 0 (short 1 bytes).", or with the name of the file in memory before it
SAID = re.compile(rb"(?:[\w.<>-]+: )?(?:\w*(?:TIFF|Decode|Fax|JPEG|JBIG|LZW|Zip|ZIP|PixarLog|LogL|Predictor|Jpeg)\w*): .*")
_one_at_a_time = threading.Lock()


@contextmanager
def chatter_caught(image: Image.Image, name: str) -> Iterator[None]:
    """While an image is decoded, capture the messages of libtiff.

    Raises:
        OSError: if decoding failed, with the message as its reason.

    Warns:
        ImagesWarning: if it did not, naming the file.
    """
    tiles: list[Any] = getattr(image, "tile", [])
    if image.format != "TIFF" or not tiles or tiles[0][0] != "libtiff":
        yield
        return
    said: list[str] = []
    try:
        with _one_at_a_time, _turned_away(said):
            yield
    except OSError as error:
        raise OSError("; ".join([str(error), *said])) from error
    if said:
        warnings.warn(f"{name} was read, but libtiff says of it: {'; '.join(said)}", ImagesWarning, stacklevel=2)


@contextmanager
def _turned_away(said: list[str]) -> Iterator[None]:
    """Redirect standard error to a file; add the lines of libtiff to `said`, and pass all others on."""
    try:
        kept = os.dup(STANDARD_ERROR)
    except OSError:  # there is none
        yield
        return
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), STANDARD_ERROR)
            try:
                yield
            finally:
                os.dup2(kept, STANDARD_ERROR)
                file.seek(0)
                others = []
                for line in file.read().splitlines(keepends=True):
                    if SAID.fullmatch(line.strip()):
                        said.append(line.strip().decode("utf-8", "replace")[:LONGEST])
                    else:
                        others.append(line)
                if others:
                    os.write(STANDARD_ERROR, b"".join(others))
    finally:
        os.close(kept)
