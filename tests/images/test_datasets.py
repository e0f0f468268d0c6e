"""Named sets: those that come with the installation, those on disk, and those that would be fetched."""

import gzip
import io
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pooch
import pytest

from sablier.errors import ImagesError, UnknownName
from sablier.images import ImageSet, datasets, list_datasets, load_dataset, read_images, stream_images
from sablier.images.glyphs import FONTS, LETTERS, _font, glyphs


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder and cache, and no network."""

    def refused(*args: object, **kwargs: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setenv("SABLIER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets, "_cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(pooch, "retrieve", refused)
    return tmp_path


def test_digits() -> None:
    train, test, everything = (load_dataset("digits", split) for split in ("train", "test", "all"))
    assert (len(train), len(test), len(everything)) == (1437, 360, 1797)
    assert everything.array.dtype == np.uint8
    assert (everything.array.min(), everything.array.max()) == (0, 255)
    assert sorted(set(test.labels)) == list("0123456789")
    assert set(train.ids).isdisjoint(test.ids)
    assert everything.ids.tolist() == [*train.ids, *test.ids]
    np.testing.assert_array_equal(read_images("digits:test").array, test.array)
    assert [len(part) for part in stream_images("digits:test", chunk=200)] == [200, 160]


def test_glyphs_are_seeded_and_described() -> None:
    letters = glyphs(400, seed=3)
    assert letters.shape == (28, 28, 1)
    assert set(letters.labels) == set(LETTERS)
    assert set(letters.attributes["family"]) == {font.family for font in FONTS}
    assert letters.masks is None
    np.testing.assert_array_equal(glyphs(50, seed=3).array, letters.array[:50])
    assert not np.array_equal(glyphs(50, seed=4).array, letters.array[:50])
    # Every letter is there, whole, and no two images are the same.
    ink = letters.array[..., 0] > 100
    assert ink.sum((1, 2)).min() > 15
    assert letters.array[:, [0, -1]].max() == letters.array[:, :, [0, -1]].max() == 0
    assert len(np.unique(letters.array, axis=0)) == 400
    bold = letters.where(bold=True).array.mean()
    assert bold > 1.15 * letters.where(bold=False).array.mean()


def test_planted_defects_are_where_their_masks_say() -> None:
    clean, broken = glyphs(120, seed=5), glyphs(120, seed=5, defects=0.5)
    defective = broken.attributes["defect"] != ""
    assert defective.sum() == 60
    assert set(broken.attributes["defect"]) == {"", "scratch", "blot", "missing"}
    np.testing.assert_array_equal(clean.array[~defective], broken.array[~defective])
    changed = np.abs(clean.array[..., 0].astype(int) - broken.array[..., 0]) > 48
    np.testing.assert_array_equal(broken.masks, changed)
    assert (broken.masks.sum((1, 2)) >= 6).tolist() == defective.tolist()
    with pytest.raises(ImagesError, match="share of defects"):
        glyphs(5, defects=2)


def test_every_font_draws_every_letter_differently() -> None:
    for font in FONTS:
        drawn = [np.asarray(_font(font.file, 40).getmask(letter)) for letter in LETTERS]
        assert len({picture.tobytes() for picture in drawn}) == len(LETTERS), font


def test_unknown_names_and_splits() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'mnist'"):
        load_dataset("mnits")
    with pytest.raises(UnknownName, match="Did you mean 'test'"):
        read_images("digits:tst")
    with pytest.raises(ImagesError, match="labels means nothing"):
        read_images("digits", labels=["a"])


def test_offline_the_error_says_which_file_and_where_to_put_it(offline: Path) -> None:
    with pytest.raises(ImagesError, match=r"train-images-idx3-ubyte\.gz.*https://.*no network.*Put it at .*data/mnist/train"):
        load_dataset("mnist")
    with pytest.raises(ImagesError, match=r"cifar-10-binary\.tar\.gz"):
        load_dataset("cifar10", "test")
    with pytest.raises(ImagesError, match="no public address"):
        load_dataset("notmnist")
    assert {info.name: info.where is not None for info in list_datasets()} == {
        "digits": True,
        "glyphs": True,
        "faces": True,
        "parts": True,
        "mnist": False,
        "fashion-mnist": False,
        "notmnist": False,
        "cifar10": False,
    }


def test_sets_are_found_on_disk(offline: Path) -> None:
    folder = offline / "data" / "fashion-mnist"
    folder.mkdir(parents=True)
    images, labels = np.zeros((6, 28, 28), np.uint8), np.arange(6, dtype=np.uint8)
    for stem in ("train", "t10k"):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (folder / f"{stem}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    found = load_dataset("fashion-mnist", "all")
    assert len(found) == len(set(found.ids)) == 12
    assert len(found.where(class_name="Trouser")) == len(found.where(label=1)) == 2
    (where,) = (info.where for info in list_datasets() if info.name == "fashion-mnist")
    assert where == str(offline / "data" / "fashion-mnist")


def test_a_fetched_archive_is_unpacked_into_the_cache(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real `pooch.retrieve`, with a file on disk in the place of the network."""
    monkeypatch.undo()
    monkeypatch.delenv("SABLIER_DATA", raising=False)
    monkeypatch.setattr(datasets, "_cache", lambda: offline / "cache")
    archive = offline / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as packing:
        names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin", "batches.meta.txt"]
        for name in names:
            content = bytes(3073) if name.endswith("bin") else b"airplane\nautomobile\n"
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            packing.addfile(info, io.BytesIO(content))

    def copied(url: str, output_file: str, _pooch: object) -> None:
        Path(output_file).write_bytes(archive.read_bytes())

    monkeypatch.setattr(pooch, "HTTPDownloader", lambda timeout: copied)
    with pytest.raises(ImagesError, match="hash"):
        load_dataset("cifar10")
    remote = datasets._Remote(datasets.CIFAR_ARCHIVE.url, f"md5:{pooch.file_hash(str(archive), alg='md5')}")
    entry = datasets.DATASETS["cifar10"]
    monkeypatch.setitem(datasets.DATASETS, "cifar10", replace(entry, remotes=dict.fromkeys(entry.remotes, remote)))
    assert load_dataset("cifar10").labels.tolist() == ["airplane"] * 5
    assert isinstance(load_dataset("cifar10", "test"), ImageSet)


@pytest.mark.public
@pytest.mark.parametrize(
    ("name", "train", "test", "shape"),
    [
        ("mnist", 60_000, 10_000, (28, 28, 1)),
        ("fashion-mnist", 60_000, 10_000, (28, 28, 1)),
        ("notmnist", 8_488, 10_000, (28, 28, 1)),
        ("cifar10", 50_000, 10_000, (32, 32, 3)),
    ],
)
def test_public_sets(public_data: Path, name: str, train: int, test: int, shape: tuple[int, int, int]) -> None:
    for split, count in (("train", train), ("test", test)):
        images = load_dataset(name, split)
        assert (len(images), images.shape) == (count, shape)
        assert len(set(images.labels)) == 10
    remotes = datasets.DATASETS[name].remotes
    for file in remotes if name != "cifar10" else ():
        assert f"md5:{pooch.file_hash(str(public_data / file), alg='md5')}" == remotes[file].checksum
