"""CSV as Europeans, Excel, pandas and NumPy write it: what is unambiguous is read, of the rest it is said what it looks like."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sablier.errors import ImagesError
from sablier.images import read_images, stream_images

PIXELS = np.random.default_rng(0).integers(2, 256, (5, 9), np.uint8)


def text(rows: np.ndarray = PIXELS, separator: str = ",", end: str = "", point: str = ".") -> str:
    return "".join(separator.join(str(value).replace(".", point) for value in row.tolist()) + end + "\n" for row in rows)


def values(path: Path, content: str | bytes, **options: Any) -> np.ndarray:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    whole = read_images(path, **options)
    streamed = np.concatenate([part.array for part in stream_images(path, chunk=2, **options)])
    assert np.array_equal(streamed, whole.array)
    return whole.array.reshape(len(whole), -1)


NAMES = [f"p{index}" for index in range(9)]


@pytest.mark.parametrize(
    "content",
    [
        text(separator=" "),
        text(separator="   "),
        text(separator=" ", end="  "),
        text(separator="\t"),
        text(separator=";"),
        text(end=","),
        text(separator=";", end=";"),
        ",".join(NAMES) + "\n" + text(end=","),
        ",".join(NAMES) + ",\n" + text(end=","),
        "# made by hand\n" + text() + "# the end\n",
        "#\n\n" + text(),
        "sep=;\n" + text(separator=";"),
        text().encode("utf-16"),
        b"\xfe\xff" + text().encode("utf-16-be"),
        text().encode("utf-8-sig"),
        "," + ",".join(NAMES) + "\n" + text(np.c_[np.arange(5), PIXELS]),
        "," + ",".join(map(str, range(9))) + "\n" + text(np.c_[np.arange(5), PIXELS]),
        "Unnamed: 0," + ",".join(NAMES) + "\n" + text(np.c_[np.arange(70, 75), PIXELS]),
        ";" + ";".join(NAMES) + "\n" + text(np.c_[np.arange(5), PIXELS], separator=";"),
        " ".join(NAMES) + "\n" + text(separator=" "),
    ],
)
def test_whole_numbers_are_read_as_they_are(tmp_path, content):
    assert np.array_equal(values(tmp_path / "a.csv", content), PIXELS)


@pytest.mark.parametrize("separator", [";", "\t", " "])
def test_a_comma_is_a_decimal_point_where_it_separates_nothing(tmp_path, separator):
    decimals = (PIXELS / 256).round(4)
    found = values(tmp_path / "a.csv", text(decimals, separator, point=","))
    assert np.allclose(found, decimals)
    assert np.allclose(values(tmp_path / "b.csv", ";".join(NAMES) + "\n" + text(decimals, ";", point=",")), decimals)


def test_what_numpy_writes(tmp_path):
    stream = io.StringIO()
    np.savetxt(stream, np.c_[PIXELS, np.arange(5) % 2], fmt="%d", header=" ".join([*NAMES, "label"]))
    (tmp_path / "a.txt").write_text(stream.getvalue())
    images = read_images(tmp_path / "a.txt")
    assert images.labels.tolist() == ["0", "1", "0", "1", "0"]
    assert np.array_equal(images.array.reshape(5, 9), PIXELS)


def test_labels_beside_an_index(tmp_path):
    rows = "".join(f"{index},kind {index % 2},{','.join(map(str, row))}\n" for index, row in enumerate(PIXELS.tolist()))
    (tmp_path / "a.csv").write_text(",label," + ",".join(NAMES) + "\n" + rows)
    images = read_images(tmp_path / "a.csv")
    assert images.labels.tolist() == ["kind 0", "kind 1", "kind 0", "kind 1", "kind 0"]
    assert np.array_equal(images.array.reshape(5, 9), PIXELS)
    (tmp_path / "b.csv").write_text(",".join(["", *NAMES]) + "\n" + text(np.c_[np.arange(5), PIXELS]))
    assert read_images(tmp_path / "b.csv", label_column=0).labels.tolist() == list("01234")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0,5;1.5;2,5;3,5\n" * 3, r"line 1: expected decimals with a comma or with a point, got both"),
        (",1,2,9,4\n1,2,3,4,5\n", "of which the first is missing. Add it"),
        ("1,,3,4\n", r"A value is missing there|expected"),
        ("p,q,r,s\n1|2|3|4,5,6,7\n", r"Columns look separated by \|"),
        ("p,q,r,s\n<html>,2,3,4\n", "looks like HTML or JSON"),
        ('p,q,r,s\n"0,5","1,5","2,5","3,5"\n', "decimal comma: separate columns by semicolons"),
        (text().encode("utf-16-le"), "looks like UTF-16 without its mark. Save it as UTF-8"),
    ],
)
def test_of_the_rest_it_is_said_what_it_looks_like(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ImagesError, match=message):
        read_images(tmp_path / "a.csv", shape=(2, 2))
