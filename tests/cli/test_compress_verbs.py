"""sablier compress, decompress and info: what they print, what they write, what they refuse."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sablier.images import read_images
from sablier.recipes.make import make_recipe
from sablier.tasks.codec.codec import Codec
from sablier.tasks.codec.container import unpack
from sablier.workflows.training.codec import train_codec


@pytest.fixture(scope="module")
def codec_path(tmp_path_factory):
    """A codec of the digits that hardly learnt."""
    path = tmp_path_factory.mktemp("codec") / "codec.sablier"
    settings = ["steps=12", "latent=8", "width=8", "context.width=16"]
    train_codec(read_images("digits"), make_recipe("codec", "tiny", settings)).save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    """A folder of three images, one of them in a folder of its own and one in colour."""
    random = np.random.default_rng(0)
    for name, shape in {"a.png": (5, 9), "deep/b.jpg": (20, 8, 3), "c.png": (8, 8)}.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, size=shape, dtype=np.uint8)).save(path)
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return tmp_path / "photos"


def test_there_and_back(sablier, codec_path, photos):
    done = sablier("compress", codec_path, photos, "-o", "photos.sabz", "--lossless")
    assert done.code == 0
    assert "3 images in" in done.out
    assert "every pixel is identical" in done.out
    done = sablier("decompress", "photos.sabz", "-o", "out", "--model", codec_path)
    assert done.code == 0
    assert "3 images written to out" in done.out
    for name, came in {"a.png": "a.png", "deep/b.jpg.png": "deep/b.jpg", "c.png": "c.png"}.items():
        path = Path("out") / name
        assert (np.asarray(Image.open(path)) == np.asarray(Image.open(photos / came))).all()
        assert path.stat().st_mtime == 1_600_000_000


def test_a_chart_beside_the_file(sablier, codec_path, photos):
    assert sablier("compress", codec_path, photos, "-o", "photos.sabz", "--chart", "photos.png").code == 0
    with Image.open("photos.png") as chart:
        assert (chart.format, min(chart.size) > 300) == ("PNG", True)
    assert sorted(path.name for path in Path().iterdir() if path.is_file()) == ["photos.png", "photos.sabz"]


def test_names_that_clash_are_numbered(sablier, codec_path, tmp_path):
    digits = read_images("digits:test").take(range(4))
    named = replace(digits, ids=np.array(["sheet.png", "a", "a.png", "A"]))
    Path("n.sabz").write_bytes(Codec(codec_path).compress(named, lossless=True))
    assert sablier("decompress", "n.sabz", "-o", "out", "--model", codec_path).code == 0
    names = {"sheet.png": 0, "a.png": 1, "a-2.png": 2, "A-3.png": 3}
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(names)
    assert all((np.asarray(Image.open(f"out/{name}")) == digits[row][..., 0]).all() for name, row in names.items())


def test_names_of_every_kind_come_out_as_files(sablier, codec_path, tmp_path):
    names = [
        "x.png",
        "x.png/y.png",
        "X.PNG/y.png",
        "d/" * 3000 + "deep.png",
        "caf\\udce9.png",
        "esc\\x1b[2J.png",
        "back\\\\slash.png",
    ]
    digits = read_images("digits:test").take(range(len(names)))
    named = replace(digits, ids=np.array(names))
    Path("n.sabz").write_bytes(Codec(codec_path).compress(named, lossless=True))
    done = sablier("decompress", "n.sabz", "-o", "out", "--model", codec_path)
    assert (done.code, f"{len(names)} images written to out" in done.out) == (0, True)
    found = {np.asarray(Image.open(path)).tobytes() for path in Path("out").rglob("*.png") if path.is_file()}
    assert found == {image.tobytes() for image in digits}


def test_one_file_after_another_into_one_folder(sablier, codec_path, tmp_path):
    for name in ("a", "b"):
        one = replace(read_images("digits:test").take([0]), ids=np.array([name]))
        Path(f"{name}.sabz").write_bytes(Codec(codec_path).compress(one, lossless=True))
        assert sablier("decompress", f"{name}.sabz", "-o", "out", "--model", codec_path).code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "b.png"]


def test_a_lossy_file_says_its_size_and_error(sablier, codec_path):
    done = sablier("compress", codec_path, "digits:test", "-o", "d.sabz", "--target-bytes", 6, "--no-names")
    assert done.code == 0
    assert "360 images in" in done.out
    assert "mean squared error 0.0" in done.out
    assert "and 0 bytes of names" in done.out
    done = sablier("compress", codec_path, "digits:test", "-o", "d.sabz", "--no-check")
    assert "not decoded again" in done.out


def test_info_needs_no_model_and_finds_damage(sablier, codec_path):
    sablier("compress", codec_path, "digits:test", "-o", "d.sabz")
    done = sablier("info", "d.sabz")
    assert done.code == 0
    for words in ("360: 360 of 8 x 8, grey", "lossy", "6 of at most 64 images", "all as they should be", "test/0"):
        assert words in done.out
    data = bytearray(Path("d.sabz").read_bytes())
    data[data.index(unpack(bytes(data)).blocks[2]) + 9] ^= 1
    Path("d.sabz").write_bytes(data)
    done = sablier("info", "d.sabz")
    assert done.code == 2
    assert "damaged: block 2, of images 128 to 191, is damaged" in done.out
    done = sablier("decompress", "d.sabz", "-o", "few", "--model", codec_path, "--only", "3,60-61")
    assert sorted(path.name for path in Path("few/test").iterdir()) == ["3.png", "60.png", "61.png"]
    done = sablier("decompress", "d.sabz", "-o", "out", "--model", codec_path)
    assert done.code == 2
    assert "296 images written to out" in done.out
    assert "lost: test/" in done.out
    assert len(list(Path("out/test").glob("*.png"))) == 296


def test_info_of_a_codec_names_its_fingerprint(sablier, codec_path):
    sablier("compress", codec_path, "digits:test", "-o", "d.sabz")
    line = next(line for line in sablier("info", codec_path).out.splitlines() if "compressed files" in line or "codec  " in line)
    digits = next(word for word in line.split() if len(word.strip(":")) == 32).strip(":")
    assert digits in sablier("info", "d.sabz").out


def test_what_cannot_be_done_is_said(sablier, codec_path, digits_file, photos, tmp_path):
    sablier("compress", codec_path, "digits:test", "-o", "d.sabz")
    Path("old.sabz").write_bytes(b"SABZ that was there before")
    (tmp_path / "empty").mkdir()
    (tmp_path / "there" / "test").mkdir(parents=True)
    (tmp_path / "there" / "test" / "7.png").write_bytes(b"the only copy")
    (tmp_path / "bad.sabz").write_bytes(b"nonsense, but long enough for the mark of a file")
    refusals = {
        ("compress", codec_path, "nowhere", "-o", "old.sabz"): "no such file or folder",
        ("compress", codec_path, "empty", "-o", "old.sabz"): "empty",
        ("compress", codec_path, "digits:test", "--quality", 0): "quality from 1 to 100",
        ("compress", codec_path, "digits:test", "--quality", 101): "quality from 1 to 100",
        ("compress", codec_path, "digits:test", "--quality", 50, "--lossless"): "--quality or --lossless, got both",
        ("compress", codec_path, "digits:test", "-o", "old.sabz", "--target-bytes", 0.01): "Allow more than 0.01",
        ("compress", codec_path, "digits:test", "--lossless", "--target-bytes", 5): "of a lossy file",
        ("compress", codec_path, "digits:test", "-o", "empty"): "is a folder",
        ("compress", codec_path, photos / "a.png", "-o", photos / "a.png"): "lies among the images",
        ("compress", codec_path, photos, "-o", photos / "a.png"): "lies among the images",
        ("compress", codec_path, photos, "-o", "x.sabz", "--chart", photos / "a.png"): "lies among the images",
        ("compress", codec_path, photos, "-o", "x.png", "--chart", "x.png"): "are one. Name two files",
        ("compress", codec_path, photos, "-o", codec_path): "is not a .sabz file",
        ("decompress", "d.sabz", "-o", tmp_path / "there", "--model", codec_path): "is there already",
        ("decompress", "d.sabz", "-o", "out", "--model", codec_path, "--only", "x"): "expected numbers such as 3,10-19",
        ("decompress", "d.sabz", "-o", "out", "--model", codec_path, "--only", "360"): "no image of a number that is wanted",
        ("compress", digits_file, "digits:test"): "expected a model trained to compress, got one trained to detect",
        ("compress", "nowhere.sablier", "digits:test"): "there is no model file",
        ("decompress", "nowhere.sabz", "--model", codec_path): "cannot be read",
        ("decompress", "bad.sabz", "--model", codec_path): "does not look like a .sabz file",
        ("decompress", "d.sabz", "--model", digits_file): "expected a model trained to compress",
        ("decompress", "d.sabz", "-o", "d.sabz", "--model", codec_path): "is a file",
        ("decompress", "d.sabz"): "Missing option '--model'",
        ("info", "bad.sabz"): "does not look like a .sabz file",
    }
    for arguments, message in refusals.items():
        done = sablier(*arguments)
        assert done.code == 2, arguments
        assert message in " ".join(done.err.split()), arguments
    assert Path("old.sabz").read_bytes() == b"SABZ that was there before"
