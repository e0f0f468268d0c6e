"""Zip and tar archives of images: read in place, safely, from several threads."""

import io
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ImagesError
from sablier.images import ImageSet, Preprocess, read_images, stream_images
from sablier.images.formats import archives

KINDS = ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.xz"]
PHOTOS = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), np.uint8)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def packed(path: Path, members: list[tuple[str, bytes]]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(name, content)
        return path
    mode: Any = {".tar": "w", ".xz": "w:xz"}.get(path.suffix, "w:gz")
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_000_000_000
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_read_in_place(tmp_path: Path, kind: str) -> None:
    members = [(f"{'good' if i % 2 else 'bad'}/{i}.png", png(photo)) for i, photo in enumerate(PHOTOS)]
    members += [("readme.txt", b"hello"), ("__MACOSX/good/._1.png", b"x"), (".hidden/1.png", b"x"), ("good/broken.png", b"x")]
    file = packed(tmp_path / kind, members)
    images = read_images(file)
    assert images.ids[:2].tolist() == ["bad/0.png", "good/1.png"]
    assert images.labels[:2].tolist() == ["bad", "good"]
    assert [skipped.id for skipped in images.skipped] == ["good/broken.png"]
    assert images.times is not None
    dense = images.dense(Preprocess(height=16, width=16, channels=3))
    np.testing.assert_array_equal(dense.array, PHOTOS)
    parts = list(stream_images(file, chunk=7))
    assert [len(part) for part in parts] == [7, 7, 7, 7, 2]
    assert ImageSet.concatenate(parts).ids.tolist() == images.ids.tolist()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(images))[5], PHOTOS[5])
    assert sorted(other.name for other in tmp_path.iterdir()) == [kind]
    with pytest.raises(ImagesError, match="broken"):
        read_images(file, strict=True)


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_lead_outside_are_tamed_and_stay_unique(tmp_path: Path, kind: str) -> None:
    names = ["../../evil.png", "/evil.png", "evil.png", "a\\..\\b.png"]
    file = packed(tmp_path / kind, [(name, png(photo)) for name, photo in zip(names, PHOTOS, strict=False)])
    images = read_images(file)
    assert images.ids.tolist() == ["evil.png", "evil.png#2", "evil.png#3", "a/b.png"]
    np.testing.assert_array_equal(images[2], PHOTOS[2])
    assert np.concatenate([part.ids for part in stream_images(file, chunk=1)]).tolist() == images.ids.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_bomb_is_skipped(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBER_BYTES", 10_000)
    file = packed(tmp_path / kind, [("bomb.png", b"\0" * 10_001), ("good.png", png(PHOTOS[0]))])
    images = read_images(file)
    assert images.ids.tolist() == ["good.png"]
    assert "10000 bytes" in images.skipped[0].reason


def test_a_compressed_tar_is_held_in_memory_only_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "HELD_BYTES", 1000)
    file = packed(tmp_path / "a.tar.gz", [(f"{i}.png", png(photo)) for i, photo in enumerate(PHOTOS)])
    with pytest.raises(ImagesError, match="stream it"):
        read_images(file)
    assert sum(len(part) for part in stream_images(file, chunk=4)) == 30


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_or_empty_archives(tmp_path: Path, kind: str) -> None:
    file = tmp_path / kind
    file.write_bytes(b"no archive")
    with pytest.raises(ImagesError, match=kind):
        read_images(file)
    packed(file, [("a.txt", b"hello")])
    with pytest.raises(ImagesError, match=r"found none.*archive holds"):
        read_images(file)
    packed(file, [(f"{i}.png", png(photo)) for i, photo in enumerate(PHOTOS)])
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(ImagesError):
        read_images(file, strict=True)
