"""Named data sets: those that come with the installation, and public ones, found on disk or downloaded once.

Files are searched under $SABLIER_DATA, then in the cache (pooch's folder for sablier). Only then they are downloaded, and
their checksums verified. A new set is one entry in `DATASETS`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sablier.errors import ImagesError, UnknownName
from sablier.images.faces import faces
from sablier.images.formats.base import Options
from sablier.images.formats.cifar import stream_cifar
from sablier.images.formats.idx import stream_idx
from sablier.images.formats.tables import stream_csv
from sablier.images.glyphs import glyphs
from sablier.images.imageset import ImageSet
from sablier.images.parts import parts
from sablier.typing import Array

SPLITS = ("train", "test")
FETCH_TIMEOUT_SECONDS = 30
GLYPHS_PER_SPLIT = {"train": 5000, "test": 1000}
FACES_PER_SPLIT, BAD_FACES = {"train": 5000, "test": 1000}, {"train": 0.0, "test": 0.1}
PARTS_PER_SPLIT, BAD_PARTS = {"train": 120, "test": 120}, {"train": 0.0, "test": 0.1}


@dataclass(frozen=True)
class DatasetInfo:
    """A named set: whether it can be downloaded, and where it is on this machine (`where`, or None)."""

    name: str
    summary: str
    where: str | None
    fetchable: bool


@dataclass(frozen=True)
class _Remote:
    """A public file; it is unpacked if its name ends in .tar.gz."""

    url: str
    checksum: str


@dataclass(frozen=True)
class _Dataset:
    """A named set.

    Attributes:
        summary: one line for lists.
        load: reads a split from its files, in order.
        files: split -> paths below the data folder; empty for sets that come with the installation.
        remotes: path -> its download; all files of an archive map to that archive.
        class_names: label -> name, for the attribute `class_name`.
    """

    summary: str
    load: Callable[[str, list[Path]], ImageSet]
    files: dict[str, tuple[str, ...]]
    remotes: dict[str, _Remote]
    class_names: tuple[str, ...] = ()


def load_dataset(name: str, split: str = "train") -> ImageSet:
    """Load a named data set.

    Ids are "split/position". Labels of mnist, fashion-mnist and notmnist are digits; the attribute `class_name` has the
    names of the classes of the last two.

    Args:
        name: such as "digits", "mnist" or "cifar10"; `list_datasets` lists all.
        split: "train", "test" or "all".

    Returns:
        The images with their labels.

    Raises:
        UnknownName: if there is no such set or split.
        ImagesError: if a file is neither on this machine nor can be downloaded; the message says where to put it.

    Examples:
        >>> from sablier import load_dataset
        >>> load_dataset("digits", "test")
        ImageSet(360 images, 8x8x1, 10 labels, from digits:test)
    """
    if name not in DATASETS:
        raise UnknownName("data set", name, DATASETS)
    if split not in (*SPLITS, "all"):
        raise UnknownName("split", split, (*SPLITS, "all"))
    parts = [_load_split(name, part) for part in (SPLITS if split == "all" else (split,))]
    return replace(ImageSet.concatenate(parts), source=f"{name}:{split}")


def list_datasets() -> list[DatasetInfo]:
    """List the named data sets and where each is on this machine.

    Returns:
        One `DatasetInfo` per set: name, summary, folder (or None), and whether it can be downloaded.

    Examples:
        >>> from sablier import list_datasets
        >>> [info.name for info in list_datasets()][:2]
        ['digits', 'glyphs']
    """
    return [DatasetInfo(name, entry.summary, _where(entry), bool(entry.remotes)) for name, entry in DATASETS.items()]


def list_dataset_names() -> list[str]:
    """List the names without searching the disk."""
    return list(DATASETS)


def is_dataset(source: str) -> bool:
    """Return whether `source` is a named set, with or without a split: "mnist" or "mnist:test"."""
    return source.partition(":")[0] in DATASETS


def _load_split(name: str, split: str) -> ImageSet:
    entry = DATASETS[name]
    files = [_locate(name, entry, file) for file in entry.files.get(split, ())]
    images = entry.load(split, files)
    attributes = dict(images.attributes)
    if entry.class_names and images.labels is not None:
        attributes["class_name"] = np.array(entry.class_names)[images.labels.astype(int)]
    ids = np.array([f"{split}/{position}" for position in range(len(images))])
    return replace(images, ids=ids, attributes=attributes, source=f"{name}:{split}")


def _digits(split: str, files: list[Path]) -> ImageSet:
    """Return scikit-learn's 8 x 8 digits, with 0 to 16 scaled to 0 to 255; a random fifth is the test split.

    In file order, the last fifth comes from other writers, so a guarantee made on the rest would not hold for it.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels: Array = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    images = ImageSet(pixels, labels=bunch.target)
    order = np.random.default_rng(0).permutation(len(images))
    border = len(images) * 4 // 5
    return images.take(np.sort(order[:border] if split == "train" else order[border:]))


def _glyphs(split: str, files: list[Path]) -> ImageSet:
    return glyphs(GLYPHS_PER_SPLIT[split], seed=SPLITS.index(split))


def _faces(split: str, files: list[Path]) -> ImageSet:
    """Return good faces to train on; a tenth of the test faces have a defect."""
    return faces(FACES_PER_SPLIT[split], seed=SPLITS.index(split), defects=BAD_FACES[split])


def _parts(split: str, files: list[Path]) -> ImageSet:
    """Return good parts to train on; among the test parts a few are bad, as on a production line."""
    return parts(PARTS_PER_SPLIT[split], seed=SPLITS.index(split), defects=BAD_PARTS[split])


def _idx_pair(split: str, files: list[Path]) -> ImageSet:
    return next(stream_idx(files[0], Options(labels=files[1]), None))


def _csv_pair(split: str, files: list[Path]) -> ImageSet:
    return next(stream_csv(files[0], Options(labels=files[1]), None))


def _batches(split: str, files: list[Path]) -> ImageSet:
    return ImageSet.concatenate([next(stream_cifar(file, Options(), None)) for file in files if file.suffix == ".bin"])


def _idx_files(folder: str) -> dict[str, tuple[str, ...]]:
    return {
        split: (f"{folder}/{stem}-images-idx3-ubyte.gz", f"{folder}/{stem}-labels-idx1-ubyte.gz")
        for split, stem in {"train": "train", "test": "t10k"}.items()
    }


def _idx_remotes(folder: str, base: str, checksums: tuple[str, str, str, str]) -> dict[str, _Remote]:
    """Return the downloads of the four files (train images, train labels, test images, test labels) with their MD5 sums."""
    files = [file for split in SPLITS for file in _idx_files(folder)[split]]
    return {
        file: _Remote(f"{base}/{Path(file).name}", f"md5:{checksum}") for file, checksum in zip(files, checksums, strict=True)
    }


CIFAR_FOLDER = "cifar10/cifar-10-batches-bin"
CIFAR_FILES = {
    "train": (*(f"{CIFAR_FOLDER}/data_batch_{number}.bin" for number in range(1, 6)), f"{CIFAR_FOLDER}/batches.meta.txt"),
    "test": (f"{CIFAR_FOLDER}/test_batch.bin", f"{CIFAR_FOLDER}/batches.meta.txt"),
}
CIFAR_ARCHIVE = _Remote("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "md5:c32a1d4ab5d03f1284b67883e8d87530")
NOTMNIST_FILES: dict[str, tuple[str, ...]] = {
    split: (f"notmnist/{split}_data.csv", f"notmnist/{split}_labels.csv") for split in SPLITS
}
GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

DATASETS: dict[str, _Dataset] = {
    "digits": _Dataset("1,797 handwritten digits, 8 x 8 grey; ships with scikit-learn", _digits, {}, {}),
    "glyphs": _Dataset("letters A to J in the fonts of matplotlib, 28 x 28 grey; drawn here", _glyphs, {}, {}),
    "faces": _Dataset("faces with or without glasses, long hair, a smile, 48 x 48 grey; drawn here", _faces, {}, {}),
    "parts": _Dataset("machined parts with planted defects, 128 x 128 colour; rendered here", _parts, {}, {}),
    "mnist": _Dataset(
        "70,000 handwritten digits, 28 x 28 grey (LeCun et al., 1998)",
        _idx_pair,
        _idx_files("mnist"),
        _idx_remotes(
            "mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            (
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
        ),
    ),
    "fashion-mnist": _Dataset(
        "70,000 garments, 28 x 28 grey (Xiao et al., 2017)",
        _idx_pair,
        _idx_files("fashion-mnist"),
        _idx_remotes(
            "fashion-mnist",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            (
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
        ),
        GARMENTS,
    ),
    "notmnist": _Dataset(
        "18,488 letters A to J from found fonts, 28 x 28 grey (the course's CSV; Bulatov, 2011)",
        _csv_pair,
        NOTMNIST_FILES,
        {},
        tuple("ABCDEFGHIJ"),
    ),
    "cifar10": _Dataset(
        "60,000 colour photos of ten classes, 32 x 32 (Krizhevsky, 2009)",
        _batches,
        CIFAR_FILES,
        {file: CIFAR_ARCHIVE for files in CIFAR_FILES.values() for file in files},
    ),
}


def _cache() -> Path:
    import pooch

    return Path(pooch.os_cache("sablier"))


def _data_folders() -> list[Path]:
    """Return the folders that are searched, in order."""
    named = os.environ.get("SABLIER_DATA")
    return [*([Path(named).expanduser()] if named else []), _cache()]


def _where(entry: _Dataset) -> str | None:
    if not entry.files:
        return "comes with the installation"
    wanted = {file for files in entry.files.values() for file in files}
    for folder in _data_folders():
        if all((folder / file).is_file() for file in wanted):
            return str(folder / os.path.commonpath(sorted(wanted)))
    return None


def _locate(name: str, entry: _Dataset, file: str) -> Path:
    """Return the path of a file of a set; download it if it is in no folder.

    Raises:
        ImagesError: if it cannot be downloaded.
    """
    folders = _data_folders()
    for folder in folders:
        if (folder / file).is_file():
            return folder / file
    remote = entry.remotes.get(file)
    named = os.environ.get("SABLIER_DATA")
    put = f"Put it at {folders[0] / file}" + ("." if named else ", or below a folder that SABLIER_DATA names.")
    if remote is None:
        raise ImagesError(f"{name} needs {file}, which is not on this machine and has no public address to fetch it from. {put}")
    try:
        _fetch(remote, _cache() / file)
    except Exception as error:  # requests, urllib3, pooch and the file system each raise their own types
        raise ImagesError(f"{name} needs {file}, and {remote.url} could not be fetched ({error}). {put}") from error
    return _cache() / file


def _fetch(remote: _Remote, target: Path) -> None:
    """Download a file to `target`; unpack an archive so that `target` exists."""
    import pooch

    archive = remote.url.endswith(".tar.gz")
    folder = target.parent.parent if archive else target.parent
    pooch.retrieve(
        remote.url,
        known_hash=remote.checksum,
        fname=Path(remote.url).name,
        path=folder,
        processor=pooch.Untar(extract_dir=str(folder)) if archive else None,
        downloader=pooch.HTTPDownloader(timeout=FETCH_TIMEOUT_SECONDS),
    )
