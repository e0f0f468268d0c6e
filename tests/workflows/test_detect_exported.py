"""`sablier detect part.onnx`: the tables and the report of `sablier detect part.sablier`, and files that it does not take."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from listing import visible
from onnx import helper
from PIL import Image

from sablier.tasks.detection.exported_format import read_metadata, with_metadata

pytest.importorskip("sablier_runtime", reason="sablier_runtime is not installed")

ROUNDED = ("score", "pca_score", "knn_score", "peak", "mean")  # columns that may differ by rounding


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(cell):
    try:
        return float(cell)
    except ValueError:
        return None


def same_tables(one, other):
    """Compare two tables: p-values, verdicts, names and all else exactly, and scores and measures of maps up to rounding."""
    ours, theirs = rows_of(one), rows_of(other)
    assert len(ours) == len(theirs) > 0
    for mine, its in zip(ours, theirs, strict=True):
        assert list(mine) == list(its)
        for column, value in mine.items():
            if "p_value" not in column and (first := number(value)) is not None:
                assert number(its[column]) == pytest.approx(first, rel=1e-3, abs=2e-3), column
            else:
                assert its[column] == value, column


@pytest.mark.filterwarnings("default")  # other digits do not resemble threes
@pytest.mark.parametrize(
    "options", [(), ("--alpha", 0.01), ("--fdr", 0.2), ("--reject-alpha", 0.02, "--review-alpha", 0.2)], ids=str
)
def test_tables_and_report_are_those_of_the_model_file(sablier, small_detector, small_onnx, digit_folder, options):
    done = {}
    for name, model in (("native", small_detector), ("exported", small_onnx)):
        done[name] = sablier("detect", model, digit_folder, "-o", name, *options)
        assert done[name].code == 0
    assert visible("native") == visible("exported")
    assert "report.html" in visible("exported")
    for table in ("detections.csv", "regions.csv"):
        same_tables(f"native/{table}", f"exported/{table}")
    assert done["exported"].out.replace("exported/", "native/") == done["native"].out
    for folder in ("maps", "masks", "overlays", "photos"):
        assert visible(f"native/{folder}") == visible(f"exported/{folder}")
    one, other = (json.loads(Path(name, "detections.json").read_text()) for name in ("native", "exported"))
    for key in ("images", "flagged", "alpha", "promise", "known"):
        assert one.get(key) == other.get(key)
    page = Path("exported/report.html").read_text(encoding="utf-8")
    assert "restoration" in page.lower()
    assert one["promise"][:40] in page


def test_without_a_report_only_tables_are_written(sablier, small_onnx, digit_folder):
    assert sablier("detect", small_onnx, digit_folder, "-o", "out", "--no-report", "--audit", 3).code == 0
    assert visible("out") == ["audit.csv", "detections.csv", "detections.json", "flagged.csv"]


@dataclass(frozen=True)
class Refusal:
    """What `detect` says of files that it refuses without writing anything, and the content of a file that it takes."""

    sablier: Callable[..., Any]
    folder: Path
    data: bytes

    def __call__(self, data, source=None):
        Path("part.onnx").write_bytes(data)
        done = self.sablier("detect", "part.onnx", self.folder if source is None else source, "-o", "out")
        assert done.code == 2
        assert not Path("out").exists()
        assert Path("part.onnx").read_bytes() == data
        return done.err

    @property
    def graph(self):
        entries = {each.key: each.value for each in onnx.load_from_string(self.data).metadata_props}
        return self.data[: int(entries["sablier_length"])]

    def with_record(self, graph=None, **changed):
        """Return the bytes of the file with another graph, or other values of its record."""
        record, arrays = read_metadata(self.data, "part.onnx")
        return with_metadata(self.graph if graph is None else graph, {**record, **changed}, arrays)

    @property
    def content(self):
        return read_metadata(self.data, "part.onnx")[0]["content"]


@pytest.fixture
def refused(sablier, small_onnx, digit_folder):
    return Refusal(sablier, digit_folder, small_onnx.read_bytes())


def test_no_metadata(refused):
    assert "which has no metadata of sablier. Export a model with: sablier export" in refused(refused.graph)


def test_an_altered_byte_and_an_altered_field(refused):
    for place in (20, len(refused.graph) // 2, len(refused.graph) - 9):
        altered = bytearray(refused.data)
        altered[place] ^= 1
        assert "error:" in refused(bytes(altered))
    for old, new in ((b'"scorers": 1', b'"scorers": 2'), (b'"precision": "float32"', b'"precision": "float64"')):
        assert refused.data.count(old) == 1
        assert "altered since it was exported: its checksum does not match. Copy or export" in refused(
            refused.data.replace(old, new)
        )


def test_a_newer_version_and_another_task(refused):
    newer = refused.with_record(format=2)
    assert "expected an exported model of format 1 at most, got format 2" in refused(newer)
    other = refused.with_record(task="classify")
    assert "expected an exported model that detects, got one to classify" in refused(other)


def test_a_content_that_is_no_model_file(refused):
    data = refused.with_record(content={**refused.content, "histories": 3})
    assert "what it says of its model is not valid" in refused(data)


def test_a_missing_file_of_weights(refused):
    model = onnx.load_from_string(refused.graph)
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, "split.onnx")
    Path("weights.bin").unlink()
    split = onnx.load("split.onnx", load_external_data=False).SerializeToString()
    assert "expected one file with its weights" in refused(refused.with_record(split))


def test_operators_of_the_future(refused):
    model = onnx.load_from_string(refused.graph)
    next(each for each in model.opset_import if not each.domain).version = 99
    said = refused(refused.with_record(model.SerializeToString()))
    assert "expected an onnxruntime that knows the operators of part.onnx" in said
    assert "pip install --upgrade onnxruntime" in said


def test_an_input_of_other_channels(refused):
    model = onnx.load_from_string(refused.graph)
    shape = helper.make_tensor_value_info("pixels", onnx.TensorProto.UINT8, ["images", 8, 8, 3])
    content = refused.content
    content["preprocess"]["channels"] = 3
    data = refused.with_record(content=content)
    assert "expected the input pixels of type uint8 and shape ?,8,8,3, got uint8 and ?,8,8,1" in refused(data)
    model.graph.input[0].CopyFrom(shape)
    assert "expected the input pixels" in refused(refused.with_record(model.SerializeToString()))


def test_images_of_another_size_or_number_of_channels(refused):
    Path("wide").mkdir()
    Image.fromarray(np.zeros((8, 9), np.uint8)).save("wide/a.png")
    assert "expected images of 8 x 8, as the model was trained on, got 8 x 9" in refused(refused.data, "wide")
    np.save("four.npy", np.zeros((3, 8, 8, 4), np.uint8))
    assert "4" in refused(refused.data, "four.npy")


def test_a_backbone_beside_an_exported_model(sablier, small_onnx, digit_folder):
    Path("net.pt2").write_bytes(b"")
    done = sablier("detect", small_onnx, digit_folder, "-o", "out", "--backbone", "net.pt2")
    assert done.code == 2
    assert "an exported model contains it. Leave --backbone out" in done.err


def test_without_the_runtime(sablier, small_onnx, digit_folder, monkeypatch):
    for missing, command in (("sablier_runtime", "pip install ./runtime"), ("onnxruntime", "pip install onnxruntime")):
        monkeypatch.setattr(
            "sablier.workflows.exported_files.find_spec", lambda name, gone=missing: None if name == gone else name
        )
        done = sablier("detect", small_onnx, digit_folder, "-o", "out")
        assert done.code == 2
        assert f"ype: {command}" in done.err
        assert not Path("out").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("info", "MODEL"),
        ("evaluate", "MODEL", "FOLDER", "-o", "out"),
        ("calibrate", "MODEL", "FOLDER", "-o", "out.sablier"),
        ("watch", "MODEL", "FOLDER", "-o", "out", "--once"),
        ("update", "MODEL", "FOLDER", "-o", "out.sablier"),
        ("compare", "MODEL", "MODEL"),
        ("classify", "MODEL", "FOLDER", "-o", "out"),
        ("reconstruct", "MODEL", "FOLDER", "-o", "out"),
        ("denoise", "MODEL", "FOLDER", "-o", "out"),
        ("export", "MODEL", "-o", "again.onnx"),
    ],
    ids=lambda words: words[0],
)
def test_other_commands_say_that_they_take_no_exported_model(sablier, small_onnx, digit_folder, words):
    given = {"MODEL": small_onnx, "FOLDER": digit_folder}
    done = sablier(*(given.get(word, word) for word in words))
    assert done.code == 2
    assert "expected a .sablier model file, got" in done.err
    assert "an exported model. Only `sablier detect` and `sablier-judge` take exported models" in done.err
    assert visible() == []
