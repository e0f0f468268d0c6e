"""Arrays in memory, .npy, .npz, IDX and CIFAR batches: whole and streamed, and what is refused."""

import gzip
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sablier.errors import ImagesError
from sablier.images import ImageSet, read_images, stream_images

PIXELS = np.random.default_rng(0).integers(0, 256, (50, 7, 7), np.uint8)
LABELS = np.arange(50, dtype=np.uint8) % 10


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def cifar(count: int = 20, label_bytes: int = 1) -> np.ndarray:
    records = np.random.default_rng(1).integers(0, 256, (count, label_bytes + 3072), np.uint8)
    records[:, :label_bytes] = np.arange(count)[:, None] % 10
    return records


def joined(source: Any, chunk: int, **options: Any) -> ImageSet:
    parts = list(stream_images(source, chunk=chunk, **options))
    assert all(0 < len(part) <= chunk for part in parts)
    return ImageSet.concatenate(parts)


def assert_same(one: ImageSet, other: ImageSet) -> None:
    assert one.array.dtype == other.array.dtype
    np.testing.assert_array_equal(one.array, other.array)
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert len(set(one.ids)) == len(one)


def test_arrays_in_memory() -> None:
    assert read_images(PIXELS, labels=LABELS).labels[:2].tolist() == ["0", "1"]
    assert read_images(PIXELS.reshape(50, 49)).shape == (7, 7, 1)
    assert read_images(np.zeros((2, 27))).shape == (3, 3, 3)
    assert read_images(np.zeros((2, 12)), shape=(3, 4)).shape == (3, 4, 1)
    assert read_images(np.zeros((2, 12)), shape=(2, 2, 3)).shape == (2, 2, 3)
    assert_same(read_images(PIXELS, labels=LABELS), joined(PIXELS, 8, labels=LABELS))
    images = ImageSet(PIXELS)
    assert read_images(images) is images


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (np.zeros((2, 10)), {}, "Pass shape="),
        (np.zeros((2, 12)), {"shape": (5, 5)}, "5 x 5 x 1 values"),
        (np.zeros((2, 12)), {"shape": (5,)}, "shape="),
        (np.zeros((2, 4, 4, 4)), {}, "RGBA"),
        (np.zeros(12), {}, "N,H,W"),
        (np.zeros((0, 4, 4)), {}, "at least one"),
        (np.full((1, 2, 2), np.nan), {}, "finite"),
        (np.full((1, 2, 2), 1e300), {}, "finite"),
        (np.array([[[None]]]), {}, "shapes"),
        ([[1, 2], [3]], {}, "one size"),
        (np.zeros((2, 4, 4), "m8[s]"), {}, "numbers"),
        (np.full((1, 2, 2), -1), {}, "-1"),
        (PIXELS, {"labels": [1, 2]}, "50 labels"),
        (PIXELS, {"label_column": 0}, "label_column means nothing"),
    ],
)
def test_arrays_that_are_refused(array: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        read_images(array, **options)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float64, bool, ">u2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_and_npz(tmp_path: Path, dtype: Any, order: Any) -> None:
    pixels = np.array(PIXELS % 2 if dtype is bool else PIXELS, dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", pixels)
    np.savez_compressed(tmp_path / "a.npz", images=pixels, labels=LABELS)
    whole = read_images(tmp_path / "a.npy", labels=LABELS)
    expected = pixels * np.uint8(255) if dtype is bool else pixels
    np.testing.assert_array_equal(whole.array[..., 0], expected)
    assert_same(whole, joined(tmp_path / "a.npy", 7, labels=LABELS.tolist()))
    assert_same(whole, read_images(tmp_path / "a.npz"))
    assert_same(whole, joined(tmp_path / "a.npz", 7))


def test_wide_integers_get_one_type_for_all_chunks(tmp_path: Path) -> None:
    pixels = np.zeros((10, 2, 2), np.int32)
    pixels[9] = 300
    np.save(tmp_path / "a.npy", pixels)
    assert {str(part.array.dtype) for part in stream_images(tmp_path / "a.npy", chunk=3)} == {"uint16"}
    np.save(tmp_path / "a.npy", pixels * 1000)
    with pytest.raises(ImagesError, match="300000"):
        list(stream_images(tmp_path / "a.npy", chunk=3))


def test_npz_keys(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, x_train=PIXELS, y_train=LABELS, x_test=PIXELS[:5], y_test=LABELS[5:10])
    with pytest.raises(ImagesError, match=r"x_train \(50, 7, 7\), y_train.*a\.npz:x_train"):
        read_images(file)
    assert len(read_images(f"{file}:x_train")) == 50
    assert read_images(f"{file}:x_test").labels.tolist() == list("56789")
    assert len(joined(f"{file}:x_test", 2)) == 5
    with pytest.raises(ImagesError, match="Did you mean 'x_test'"):
        read_images(f"{file}:x_tst")
    np.savez(file, PIXELS, LABELS)
    assert read_images(file).labels[3] == "3"
    np.savez(file, photos=PIXELS, names=np.array(["a"] * 50), objects=np.array([{}], object))
    assert len(read_images(file)) == 50
    np.savez(file, X=PIXELS.reshape(50, 49), y=LABELS.astype(float))
    assert read_images(file).labels[3] == "3"
    np.savez(file, nothing=np.zeros(3))
    with pytest.raises(ImagesError, match=r"nothing \(3,\)"):
        read_images(file)


def test_npy_that_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    np.save(file, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ImagesError, match="never unpickled"):
        read_images(file)
    np.save(file, PIXELS)
    content = file.read_bytes()
    file.write_bytes(content[:-100])
    with pytest.raises(ImagesError, match="truncated"):
        read_images(file)
    file.write_bytes(content.replace(b"(50, 7, 7), }        ", b"(50, 7, 7000000000), }"[:21]))
    with pytest.raises(ImagesError):
        read_images(file)


@pytest.mark.parametrize("compressed", [False, True])
def test_idx(tmp_path: Path, compressed: bool) -> None:
    end, pack = (".gz", gzip.compress) if compressed else ("", bytes)
    file = tmp_path / f"train-images-idx3-ubyte{end}"
    file.write_bytes(pack(idx(PIXELS)))
    assert read_images(file).labels is None
    (tmp_path / f"train-labels-idx1-ubyte{end}").write_bytes(pack(idx(LABELS)))
    whole = read_images(file)
    np.testing.assert_array_equal(whole.array[..., 0], PIXELS)
    assert whole.labels.tolist() == LABELS.astype(str).tolist()
    assert_same(whole, joined(file, 7))
    renamed = file.rename(tmp_path / "upload")
    np.save(tmp_path / "names.npy", LABELS)
    assert_same(whole, read_images(renamed, labels=tmp_path / "names.npy"))


def hostile_idx() -> dict[str, tuple[bytes, str]]:
    good = idx(PIXELS)
    return {
        "empty": (b"", "nothing"),
        "text": (b"<html>not found</html>", "starts 00 00 08"),
        "floats": (idx(PIXELS, 0x0D), "float32"),
        "truncated": (good[:-1], "truncated"),
        "longer": (good + b"x", "goes on"),
        "no sizes": (good[:9], "ends in them"),
        "labels": (idx(LABELS), "1 dimensions"),
        "no image": (idx(PIXELS[:0]), "at least one"),
        "enormous": (good[:4] + b"\xff" * 12, "bytes"),
        "six dimensions": (idx(PIXELS.reshape(1, 1, 1, 50, 7, 7)), "6 dimensions"),
    }


@pytest.mark.parametrize("case", hostile_idx())
@pytest.mark.parametrize("compressed", [False, True])
def test_idx_that_is_refused(tmp_path: Path, case: str, compressed: bool) -> None:
    content, message = hostile_idx()[case]
    file = tmp_path / ("a-idx3-ubyte.gz" if compressed else "a-idx3-ubyte")
    file.write_bytes(gzip.compress(content) if compressed else content)
    message = "truncated|ends in image" if case == "truncated" else message
    with pytest.raises(ImagesError, match=message):
        read_images(file)
    with pytest.raises(ImagesError, match=message):
        list(stream_images(file, chunk=20))
    if compressed:
        file.write_bytes(gzip.compress(content)[:-5])
        with pytest.raises(ImagesError):
            read_images(file)


def test_labels_of_another_length_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t-images-idx3-ubyte").write_bytes(idx(PIXELS))
    (tmp_path / "t-labels-idx1-ubyte").write_bytes(idx(LABELS[:-1]))
    with pytest.raises(ImagesError, match=r"50 labels.*got 49"):
        read_images(tmp_path / "t-images-idx3-ubyte")
    with pytest.raises(ImagesError, match=r"50 labels.*got 49"):
        stream_images(tmp_path / "t-images-idx3-ubyte")


@pytest.mark.parametrize("name", ["big-idx3-ubyte", "big-idx3-ubyte.gz", "big.npy"])
def test_streaming_takes_constant_memory(tmp_path: Path, name: str) -> None:
    pixels = np.zeros((60_000, 28, 28), np.uint8)
    if name.endswith("npy"):
        np.save(tmp_path / name, pixels)
    else:
        content = idx(pixels)
        (tmp_path / name).write_bytes(gzip.compress(content, 1) if name.endswith("gz") else content)
    tracemalloc.start()
    assert sum(len(part) for part in stream_images(tmp_path / name)) == 60_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_cifar_batches(tmp_path: Path) -> None:
    records = cifar()
    records.tofile(tmp_path / "test_batch.bin")
    images = read_images(tmp_path / "test_batch.bin")
    assert images.labels[12] == "2"
    assert images.array[3, 5, 9, 2] == records[3, 1 + 2 * 1024 + 5 * 32 + 9]
    assert_same(images, joined(tmp_path / "test_batch.bin", 6))
    (tmp_path / "batches.meta.txt").write_text("\n".join(f"class {i}" for i in range(10)) + "\n\n")
    cifar(7).tofile(tmp_path / "data_batch_1.bin")
    folder = read_images(tmp_path)
    assert len(folder) == 27
    assert folder.labels[1] == "class 1"
    assert folder.ids[[0, 7]].tolist() == ["data_batch_1/0", "test_batch/0"]
    assert_same(folder, joined(tmp_path, 6))


def test_cifar_100(tmp_path: Path) -> None:
    cifar(4, label_bytes=2).tofile(tmp_path / "train.bin")
    images = read_images(tmp_path / "train.bin")
    assert images.labels.tolist() == images.attributes["coarse_label"].tolist() == list("0123")


def test_cifar_that_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"")
    with pytest.raises(ImagesError, match="3073"):
        read_images(file)
    file.write_bytes(cifar().tobytes()[:-1])
    with pytest.raises(ImagesError, match="3073"):
        read_images(file)
    file.write_bytes(b"\xff" * 3073)
    with pytest.raises(ImagesError, match="record 0"):
        read_images(file)


def test_two_dimensions_in_npy_are_one_grey_image_where_they_look_like_one(tmp_path: Path) -> None:
    waves = np.sin(np.arange(300) / 20)
    photo = ((waves[:200, None] + waves[None]) * 60 + 120).astype(np.uint8)
    for height, width in ((200, 300), (200, 256), (196, 196), (64, 64), (48, 50)):
        np.save(tmp_path / "photo.npy", photo[:height, :width])
        images = read_images(tmp_path / "photo.npy")
        assert images.shape == (height, width, 1)
        assert np.array_equal(images.array[0, ..., 0], photo[:height, :width])
        assert len(joined(tmp_path / "photo.npy", 7)) == 1


def test_flat_images_in_npy_stay_many(tmp_path: Path) -> None:
    digits = read_images("digits").array.reshape(-1, 64)
    np.save(tmp_path / "digits.npy", digits)
    assert read_images(tmp_path / "digits.npy").shape == (8, 8, 1)
    assert len(read_images(tmp_path / "digits.npy")) == len(digits)
    np.save(tmp_path / "few.npy", digits[:64, :60])
    assert read_images(tmp_path / "few.npy", shape=(6, 10)).shape == (6, 10, 1)
    assert len(read_images(tmp_path / "few.npy", shape=(6, 10))) == 64


@pytest.mark.parametrize("kind", ["list", "array", "npy", "npz", "key"])
def test_arrays_of_different_shapes_get_the_good_message(tmp_path: Path, kind: str) -> None:
    arrays = [np.zeros((4, 4), np.uint8), np.zeros((5, 5), np.uint8)]
    together = np.empty(2, object)
    together[:] = arrays
    np.save(tmp_path / "a.npy", together)
    np.savez(tmp_path / "a.npz", images=together, labels=[0, 1])
    source = {"list": arrays, "array": together, "npy": tmp_path / "a.npy", "npz": tmp_path / "a.npz"}
    with pytest.raises(ImagesError, match=r"got arrays of different shapes\. Resize them first, or read a folder"):
        read_images(source.get(kind, f"{tmp_path / 'a.npz'}:images"))
