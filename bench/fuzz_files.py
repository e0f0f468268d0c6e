"""Valid files of every kind that images are read from, and what becomes of them: bytes lost, flipped, doubled, put in."""

import gzip
import io
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from sablier.errors import SablierError
from sablier.images import Preprocess, read_images, stream_images

RULE = Preprocess(height=8, width=8, channels=3, resize="fit")
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 12, 12), np.uint8)


def picture(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """Return an image file, with EXIF where it can hold it."""
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x0132] = 6, "2024:01:01 00:00:00"
    image = Image.fromarray(np.repeat(PIXELS[0, ..., None], 4, 2)).convert("RGB").convert(mode)
    image.save(stream, kind, **({"exif": exif} if kind in ("PNG", "JPEG", "WEBP", "TIFF") else {}), **options)
    return stream.getvalue()


def _array(save: Callable[..., None], *arrays: object, **named: object) -> bytes:
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()


def _tar(mode: Literal["w", "w:gz"]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, data in (("good/a.png", picture("PNG")), ("bad/b.jpg", picture("JPEG"))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good/a.png", picture("PNG"))
        archive.writestr("b.tif", picture("TIFF"))
    return stream.getvalue()


def _csv(separator: str, header: str = "", encoding: str = "utf-8", decimal: str = "") -> bytes:
    rows = [separator.join(f"{value}{decimal}" for value in row.ravel()[:16]) for row in PIXELS]
    return "\n".join([header, *rows] if header else rows).encode(encoding)


def valid_files() -> dict[str, bytes]:
    """Return a file of every kind by its name."""
    idx = bytes([0, 0, 8, 3]) + struct.pack(">3I", *PIXELS.shape) + PIXELS.tobytes()
    names = ",".join(["label", *(f"p{i}" for i in range(15))])
    return {
        "rgba.png": picture("PNG", "RGBA"),
        "palette.png": picture("PNG", "P", transparency=3),
        "deep.png": _deep("PNG"),
        "a.jpg": picture("JPEG"),
        "a.webp": picture("WEBP"),
        "a.bmp": picture("BMP"),
        "a.gif": picture("GIF", "P"),
        "plain.tif": picture("TIFF"),
        "packed.tif": picture("TIFF", compression="tiff_lzw"),
        "deflated.tif": picture("TIFF", compression="tiff_adobe_deflate"),
        "deep.tif": _deep("TIFF"),
        "a.csv": _csv(",", names),
        "b.csv": _csv(";", decimal=",5"),
        "c.tsv": _csv("\t"),
        "d.csv": _csv(",", encoding="utf-16"),
        "a.npy": _array(np.save, PIXELS),
        "b.npy": _array(np.save, PIXELS.astype(np.float64) / 255),
        "a.npz": _array(np.savez_compressed, images=PIXELS, labels=[1, 2, 3]),
        "b.npz": _array(np.savez, x_train=PIXELS, y_train=[1, 2, 3]),
        "a.bin": bytes(3073 * 2),
        "a.zip": _zip(),
        "a.tar": _tar("w"),
        "a.tar.gz": _tar("w:gz"),
        "a-images-idx3-ubyte": idx,
        "a-images-idx3-ubyte.gz": gzip.compress(idx),
        "a-labels.txt": b"1\n2\n3\n",
    }


def _deep(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray((PIXELS[0].astype(np.uint16) << 8) + 3).save(stream, kind)
    return stream.getvalue()


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Return bytes with one to four things done to them."""
    found = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(found) + 1)
        what = draw.choice(("flip", "flip", "byte", "word", "cut", "drop", "double", "put", "text"))
        if what == "flip" and place < len(found):
            found[place] ^= 1 << draw.randrange(8)
        elif what == "byte" and place < len(found):
            found[place] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x2C, 0x0A))
        elif what == "word":
            word = draw.choice((0, 1, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
            found[place : place + 4] = struct.pack(draw.choice(("<I", ">I")), word)
        elif what == "cut":
            del found[place:]
        elif what == "drop":
            del found[place : place + draw.randint(1, 40)]
        elif what == "double":
            found[place:place] = found[place : place + draw.randint(1, 400)]
        elif what == "put":
            found[place:place] = draw.randbytes(draw.randint(1, 20))
        else:
            found[place:place] = draw.choice((b"nan", b"1e400", b"-1", b'"', b";", b"\x00", "\u202e".encode(), b"#", b"\r\n\r\n"))
    return bytes(found)


def read_all(folder: Path, name: str, data: bytes) -> None:
    """Read a file whole, streamed and as one of a folder, and decode what it holds."""
    path = folder / name
    path.write_bytes(data)
    ways = (lambda: [read_images(path)], lambda: stream_images(path, chunk=1), lambda: [read_images(folder)])
    try:
        for way in ways:
            try:
                for images in way():
                    images.dense(RULE)
                    Preprocess.for_images(images, 8)
            except SablierError:
                pass  # a clear refusal is as good as images
    finally:
        path.unlink()
