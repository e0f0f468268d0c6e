"""What watch refuses, and leaves as it was."""

import csv
import os
from dataclasses import replace

import pytest
from watching import QUICK, fill, once, rows

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.workflows.watch import watch
from sablier.workflows.watcher import COLUMNS

# What is refused


def test_a_folder_that_is_none(digits_file, tmp_path):
    with pytest.raises(ImagesError, match=r"expected a folder to watch, got nothing of that name"):
        once(digits_file, tmp_path / "missing", tmp_path / "out")
    with pytest.raises(ImagesError, match=r"expected a folder to watch, got a file"):
        once(digits_file, digits_file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["incoming", "incoming/out", "."])
def test_an_output_among_the_images(digits_file, incoming, tmp_path, out):
    with pytest.raises(OutputError, match="shares the folder of the images"):
        once(digits_file, incoming, tmp_path / out)
    assert os.listdir(tmp_path) == ["incoming"]
    assert os.listdir(incoming) == []


@pytest.mark.parametrize("options", [{"alpha": 0}, {"alpha": 2}, {"every_seconds": 0}, {"every_seconds": float("nan")}])
def test_values_that_mean_nothing(digits_file, incoming, tmp_path, options):
    with pytest.raises(ConfigError, match="expected a"):
        watch(digits_file, incoming, tmp_path / "out", **{"once": True, "every_seconds": QUICK, **options})
    assert not (tmp_path / "out").exists()


def test_a_model_of_another_task(digits_file, incoming, tmp_path):
    replace(ModelFile.load(digits_file), task="denoise").save(tmp_path / "other.sablier")
    with pytest.raises(ModelFileError, match="expected a model that detects"):
        once(tmp_path / "other.sablier", incoming, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_of_another_kind_stays_as_it_is(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(3)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "watch.csv").write_text("hours,watched\n3,yes\n")
    with pytest.raises(OutputError, match=r"watch\.csv is not a record of this kind"):
        once(digits_file, incoming, tmp_path / "out")
    assert (tmp_path / "out" / "watch.csv").read_text() == "hours,watched\n3,yes\n"


@pytest.mark.parametrize(("column", "value"), [("size_bytes", "many"), ("p_value", "0"), ("p_value", "nan"), ("p_value", "")])
def test_a_row_spoilt_by_hand_is_named(digits_file, digits, incoming, tmp_path, column, value):
    fill(incoming, digits.take(range(3)))
    once(digits_file, incoming, tmp_path / "out")
    kept = [{**row, **({column: value} if row["id"] == "001.png" else {})} for row in rows(tmp_path / "out")]
    with (tmp_path / "out" / "watch.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(kept)
    with pytest.raises(OutputError, match=r"expected numbers in the row of 001\.png"):
        once(digits_file, incoming, tmp_path / "out")
    assert rows(tmp_path / "out") == kept


def test_scores_differ_as_the_images_do(digits_file, digits, incoming, tmp_path):
    fill(incoming, digits.take(range(30)))
    once(digits_file, incoming, tmp_path / "out")
    expected = Detector.from_file(ModelFile.load(digits_file)).detect(digits.take(range(30))).scores
    found = {row["id"]: float(row["score"]) for row in rows(tmp_path / "out")}
    assert [found[f"{index:03}.png"] for index in range(30)] == pytest.approx(expected.tolist(), abs=1e-4)
