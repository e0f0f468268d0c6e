"""CSV: layouts that are understood, and errors that name file and line."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from sablier.errors import ImagesError
from sablier.images import ImageSet, read_images, stream_images

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9))


def written(path: Path, rows: Iterable[Iterable[object]], header: str = "") -> Path:
    lines = [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join([header, *lines] if header else lines) + "\n")
    return path


def test_plain_rows_are_square_grey_images(tmp_path: Path) -> None:
    images = read_images(written(tmp_path / "a.csv", PIXELS))
    assert images.array.dtype == np.uint8
    np.testing.assert_array_equal(images.array.reshape(6, 9), PIXELS)
    assert images.labels is None
    assert read_images(tmp_path / "a.csv", shape=(1, 9)).shape == (1, 9, 1)
    assert read_images(tmp_path / "a.csv", shape=(1, 3, 3)).shape == (1, 3, 3)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_header_label_column_quotes_and_blank_lines(tmp_path: Path, delimiter: str) -> None:
    header = delimiter.join(["kind", *(f"pixel{i}" for i in range(9))])
    rows = [delimiter.join([f'"cat{delimiter} or {i}"', *map(str, row)]) for i, row in enumerate(PIXELS)]
    (tmp_path / "a.csv").write_text("\ufeff\n" + header + "\n\n" + "\r\n\n".join(rows), encoding="utf-8")
    for column in ("kind", 0, -10):
        images = read_images(tmp_path / "a.csv", label_column=column)
        assert images.labels[2] == f"cat{delimiter} or 2"
        np.testing.assert_array_equal(images.array.reshape(6, 9), PIXELS)


def test_a_column_called_label_is_the_label(tmp_path: Path) -> None:
    rows = np.column_stack([PIXELS, np.arange(6)])
    file = written(tmp_path / "a.csv", rows, header=",".join([*"abcdefghi", "Label"]))
    assert read_images(file).labels.tolist() == list("012345")
    written(file, rows)
    with pytest.raises(ImagesError, match="label_column"):
        read_images(file)
    assert read_images(file, label_column=-1).labels.tolist() == list("012345")
    streamed = ImageSet.concatenate(list(stream_images(file, chunk=4, label_column=-1)))
    assert streamed.labels.tolist() == list("012345")
    assert streamed.ids.tolist() == list("012345")


def test_labels_from_a_file_beside(tmp_path: Path) -> None:
    written(tmp_path / "train_data.csv", PIXELS)
    written(tmp_path / "train_labels.csv", np.arange(6)[:, None])
    assert read_images(tmp_path / "train_data.csv").labels.tolist() == list("012345")
    written(tmp_path / "other.txt", [["x"]] * 6, header="label")
    assert read_images(tmp_path / "train_data.csv", labels=tmp_path / "other.txt").labels.tolist() == ["x"] * 6
    written(tmp_path / "train_labels.csv", np.arange(5)[:, None])
    with pytest.raises(ImagesError, match=r"train_data\.csv.*5 labels|6 labels.*got 5"):
        read_images(tmp_path / "train_data.csv")
    with pytest.raises(ImagesError, match="labels"):
        list(stream_images(tmp_path / "train_data.csv", chunk=2))
    with pytest.raises(ImagesError, match="no_such"):
        read_images(tmp_path / "train_data.csv", labels=tmp_path / "no_such.csv")
    (tmp_path / "two.csv").write_text("1,2\n")
    with pytest.raises(ImagesError, match="line 1"):
        read_images(tmp_path / "train_data.csv", labels=tmp_path / "two.csv")


def test_zero_to_one_is_told_from_zero_to_255(tmp_path: Path) -> None:
    floats = read_images(written(tmp_path / "a.csv", PIXELS / 255))
    assert floats.array.dtype == np.float32
    np.testing.assert_allclose(floats.array.reshape(6, 9), PIXELS / 255, rtol=1e-6)
    halves = read_images(written(tmp_path / "b.csv", PIXELS * 0.5))
    np.testing.assert_allclose(halves.array.reshape(6, 9), PIXELS / 510, rtol=1e-6)


def test_streaming_says_where_the_first_rows_misled_it(tmp_path: Path) -> None:
    late = np.zeros((6, 9), int)
    late[5] = 200
    written(tmp_path / "a.csv", late)
    assert read_images(tmp_path / "a.csv").array.dtype == np.uint8
    with pytest.raises(ImagesError, match=r"a\.csv.*0 to 1.*200"):
        list(stream_images(tmp_path / "a.csv", chunk=2))
    written(tmp_path / "a.csv", [*np.full((4, 9), 7), [1.5] * 9])
    with pytest.raises(ImagesError, match="decimals"):
        list(stream_images(tmp_path / "a.csv", chunk=2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("a,b,c,d\n", "no rows"),
        ("1,2,3,4\n1,2,3\n", "line 2: expected 4 columns as in the first row, got 3"),
        ("1,2,3,4\n\n1,2,3,4,5\n", "line 3: expected 4 columns as in the first row, got 5"),
        ("1,2,3,4\n1,2,x,4\n", "line 2: expected numbers, got 'x'"),
        ("1,2,3,4\n1,2,,4\n", "line 2: expected numbers, got ''"),
        ("1,2,3,4\n1,nan,3,4\n", "line 2: expected values from 0 to 255"),
        ("1,2,3,4\n1,256,3,4\n", "line 2.*got 256"),
        ("1,2,3,4\n1,-1,3,4\n", "line 2.*got -1"),
        ("1,2,3,4\n1,1e999,3,4\n", "line 2.*got inf"),
        ("1,2,3,4,5\n", "Pass shape="),
        ("1\n2\n", "looks like labels"),
        ("\xff\xfe", "empty"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ImagesError, match=rf"a\.csv.*({message})"):
        read_images(file)
    with pytest.raises(ImagesError, match=rf"a\.csv.*({message})"):
        list(stream_images(file, chunk=1))


def test_label_columns_that_are_not_there(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", PIXELS, header="kind,b,c,d,e,f,g,h,i")
    with pytest.raises(ImagesError, match="Did you mean 'kind'"):
        read_images(file, label_column="kinds")
    with pytest.raises(ImagesError, match="from -9 to 8"):
        read_images(file, label_column=9)
    with pytest.raises(ImagesError, match="no header row"):
        read_images(written(file, PIXELS), label_column="kind")
    with pytest.raises(ImagesError, match="got both"):
        read_images(file, label_column=0, labels=["a"] * 6)
