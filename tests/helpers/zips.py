"""Zip archives in memory."""

import io
import zipfile
from collections.abc import Iterable


def zip_of(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return files, as names and contents, as a compressed archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def zipped(images: Iterable[bytes]) -> bytes:
    """Return the bytes of PNG files as an archive of 000.png, 001.png and so on."""
    return zip_of((f"{index:03}.png", data) for index, data in enumerate(images))
