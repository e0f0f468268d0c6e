"""Whatever the bytes, a source yields images or an ImagesError: never another exception, a hang, or much memory."""

import gzip
import io
import struct
import tarfile
import tempfile
import tracemalloc
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sablier.errors import SablierError
from sablier.images import Preprocess, read_images, stream_images

LIMIT_BYTES = 64 << 20
NAMES = [
    *("a.png", "a.jpg", "a.webp", "a.bmp", "a.tiff", "a.gif", "a.csv", "a.npy", "a.npz", "a.bin", "a.zip", "a.tar", "a.tar.gz"),
    *("a-images-idx3-ubyte", "a-images-idx3-ubyte.gz", "a-labels.txt", "unknown"),
]


@cache
def valid(name: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8), np.uint8)
    stream = io.BytesIO()
    kind = name.removesuffix(".gz").rpartition(".")[2]
    if kind in ("png", "jpg", "webp", "bmp", "tiff", "gif"):
        exif = Image.Exif()
        exif[0x0112], exif[0x0132] = 6, "2024:01:01 00:00:00"
        Image.fromarray(np.repeat(pixels[0, ..., None], 4, 2)).convert("RGBA" if kind == "png" else "RGB").save(
            stream, {"jpg": "jpeg"}.get(kind, kind), **({"exif": exif} if kind in ("png", "jpg", "webp", "tiff") else {})
        )
    elif kind == "npy":
        np.save(stream, pixels)
    elif kind == "npz":
        np.savez_compressed(stream, images=pixels, labels=[1, 2])
    elif kind == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in ("good/a.png", "b.jpg"):
                archive.writestr(member, valid(f"a.{member[-3:]}"))
    elif kind == "tar":
        with tarfile.open(fileobj=stream, mode="w:gz" if name.endswith("gz") else "w") as archive:
            info = tarfile.TarInfo("x/a.png")
            info.size = len(valid("a.png"))
            archive.addfile(info, io.BytesIO(valid("a.png")))
    elif kind == "bin":
        stream.write(bytes(3073))
    elif "idx" in name:
        content = bytes([0, 0, 8, 3]) + struct.pack(">3I", *pixels.shape) + pixels.tobytes()
        stream.write(gzip.compress(content) if name.endswith("gz") else content)
    elif name == "unknown":
        stream.write(b"1,2,3,4\n5,6,7,8\n")
    else:
        stream.write(b"label,a,b,c,d\nx,1,2,3,4\ny,5,6,7,8\n")
    return stream.getvalue()


def survives(name: str, content: bytes) -> None:
    """Read bytes under a name, whole, decoded and streamed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_bytes(content)
        tracemalloc.start()
        try:
            for read in (lambda: [read_images(file)], lambda: list(stream_images(file, chunk=1)), lambda: [read_images(folder)]):
                try:
                    for images in read():
                        images.dense(Preprocess(height=4, width=4, channels=3, resize="fit"))
                except SablierError:
                    pass  # a clear refusal is as good as images
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < LIMIT_BYTES


few = settings(max_examples=12, deadline=10_000, suppress_health_check=list(HealthCheck), database=None)
more = settings(few, max_examples=30)


@pytest.mark.parametrize("name", NAMES)
def test_the_valid_file_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(valid(name))
    images = read_images(tmp_path / name, strict=True)
    assert len(images.dense(Preprocess.for_images(images, 8))) >= 1


@pytest.mark.parametrize("name", NAMES)
@few
@given(content=st.binary(max_size=400))
def test_arbitrary_bytes(name: str, content: bytes) -> None:
    survives(name, content)


@pytest.mark.parametrize("name", NAMES)
@few
@given(content=st.binary(max_size=200), keep=st.integers(1, 40))
def test_a_valid_start_and_then_arbitrary_bytes(name: str, content: bytes, keep: int) -> None:
    survives(name, valid(name)[:keep] + content)


@pytest.mark.parametrize("name", NAMES)
@few
@given(share=st.floats(0, 1))
def test_truncation(name: str, share: float) -> None:
    survives(name, valid(name)[: int(share * len(valid(name)))])


@pytest.mark.parametrize("name", NAMES)
@more
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bits(name: str, flips: list[tuple[float, int]]) -> None:
    content = bytearray(valid(name))
    for share, bits in flips:
        content[int(share * len(content))] ^= bits
    survives(name, bytes(content))


@few
@given(text=st.text(st.sampled_from("0123456789.,;\t\n\"'eE+-nanilbx_ \r\ufeff"), max_size=200))
def test_text_like_csv(text: str) -> None:
    survives("a.csv", text.encode())
