"""`sablier-judge`: the tables of `sablier detect --no-report`, and how it ends."""

import csv
import json
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from brightness import Brightness, batch
from PIL import Image

import sablier
import sablier_runtime
from sablier.images.chunks import chunk_for
from sablier.tasks.detection.summary import Summarizer
from sablier.tasks.known_images import KnownImages, Recognizer
from sablier.workflows.detection_outputs import detection_outputs
from sablier.workflows.judging import judge_stream
from sablier.workflows.outputs import output_folder
from sablier_runtime.cli import run


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Brightness().write(tmp_path_factory.mktemp("exported") / "part.onnx")


@pytest.fixture
def folder(tmp_path):
    """Images like the good ones, bright ones, a copy of a training image, and two that cannot be read."""
    place = tmp_path / "new"
    place.mkdir()
    pixels = [*batch(30, 4).array, Brightness().good.array[0]]
    for index, image in enumerate(pixels):
        Image.fromarray(image[..., 0]).save(place / f"{index:02}.png")
    (place / "torn.png").write_bytes((place / "00.png").read_bytes()[:60])
    (place / "zero.png").write_bytes(b"")
    return place


@pytest.fixture
def judge(monkeypatch, capsys, tmp_path):
    """Run `sablier-judge` with arguments in this process: its exit code, and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("warnings.showwarning", print)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["sablier-judge", *map(str, arguments)])
        capsys.readouterr()
        try:
            run()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return code, captured.out, captured.err

    return call


def written_by_sablier(source, folder, alpha=0.05, **rates):
    """Write the tables by the scores in NumPy, with the code of `sablier detect`."""
    detector = Brightness()
    kept = {name.removeprefix("known-images/"): value for name, value in detector.arrays().items() if name.startswith("known")}
    recognizer = Recognizer(KnownImages.from_tensors(kept), detector.preprocess)
    summarizer = Summarizer(detector, alpha, worst=0, typical=0, recognizer=recognizer, **rates)
    stream = sablier.stream_images(source, chunk=chunk_for(detector.preprocess))
    with output_folder(folder, "detect"), detection_outputs(folder, rates.get("fdr") is not None) as outputs:
        return judge_stream(summarizer, stream, source, outputs, lambda count: None)[0]


@pytest.mark.parametrize(
    ("options", "rates"),
    [
        ([], {}),
        (["--alpha", 0.02], {"alpha": 0.02}),
        (["--fdr", 0.1], {"fdr": 0.1}),
        (["--alpha", 0.1, "--reject-alpha", 0.01, "--threads", 1], {"alpha": 0.1, "reject_alpha": 0.01}),
        (["--alpha", 0.0001], {"alpha": 0.0001}),
    ],
)
def test_the_tables_are_those_of_sablier(judge, model, folder, tmp_path, options, rates):
    code, out, err = judge(model, folder, "-o", tmp_path / "out", *options)
    summary = written_by_sablier(folder, tmp_path / "expected", **rates)
    assert code == 0
    for name in ("detections.csv", "detections.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "expected" / name).read_bytes()
    assert summary.promise in out
    assert "scoring: 35 images" in err
    assert "skipped zero.png" in out
    assert "skipped torn.png" in out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".detect.sha256", "detections.csv", "detections.json"]


def test_the_verdicts_are_right(judge, model, folder, tmp_path):
    code, out, _ = judge(model, folder, "-o", tmp_path / "out", "--alpha", 0.01)
    with (tmp_path / "out" / "detections.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert code == 0
    assert [row["id"] for row in rows if row["verdict"] == "anomaly"] == ["30.png", "31.png", "32.png", "33.png"]
    assert "4 of 35 images are flagged." in out
    assert rows[34]["known"] == "trained"
    document = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert (document["images"], document["flagged"], document["skipped_count"]) == (35, 4, 2)
    assert document["known"]["trained"] == 1
    assert "1 trained the model" in out
    assert "No sign of drift in 35 images." in out


def test_a_stream_is_judged_in_chunks(judge, model, tmp_path, monkeypatch):
    np.save(tmp_path / "new.npy", batch(200, 5).array)
    judge(model, tmp_path / "new.npy", "-o", tmp_path / "whole")
    monkeypatch.setattr(sys.modules["sablier_runtime.judge"], "chunk_for", lambda rule: 32)
    _, out, err = judge(model, tmp_path / "new.npy", "-o", tmp_path / "parts")
    assert err.splitlines() == [f"scoring: {min(205, count)} images" for count in range(32, 225, 32)]
    for name in ("detections.csv", "detections.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    assert "images are flagged" in out


def test_a_triage_says_how_many_it_rejects(judge, model, folder, tmp_path):
    _, out, _ = judge(model, folder, "-o", tmp_path / "out", "--alpha", 0.1, "--reject-alpha", 0.01)
    assert ": 4 rejected," in out


@pytest.mark.filterwarnings("default")
def test_images_unlike_the_training_images_are_a_warning_or_an_error(judge, model, tmp_path):
    pixels = np.random.default_rng(0).integers(200, 255, (20, 8, 8, 3)).astype(np.uint8)
    np.save(tmp_path / "colour.npy", pixels)
    code, _, err = judge(model, tmp_path / "colour.npy", "-o", tmp_path / "out")
    assert code == 0
    assert "warning: these images do not resemble the images that the model was trained on: they are in colour" in err
    code, _, err = judge(model, tmp_path / "colour.npy", "-o", tmp_path / "strict", "--strict")
    assert code == 2
    assert "error: these images do not resemble" in err
    assert not (tmp_path / "strict").exists()


def test_help_and_version(judge):
    code, out, _ = judge("--help")
    assert code == 0
    assert "sablier-judge part.onnx new/ -o out/ --alpha 0.01" in out
    assert judge("--version") == (0, f"sablier-runtime {sablier_runtime.__version__}\n", "")
    assert sablier_runtime.__version__ == sablier.__version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: MODEL, SOURCE, -o/--output"),
        (["part.onnx", "new", "-o", "out", "--alpha", "0.1", "--fdr", "0.1"], "--fdr: not allowed with argument --alpha"),
        (["part.onnx", "new", "-o", "out", "--alpha", "much"], "invalid float value: 'much'"),
        (["part.onnx", "new", "-o", "out", "--alpha", "7"], "alpha between 0 and 1, such as 0.05, got 7.0"),
        (["part.onnx", "new", "-o", "out", "--alpha", "0.01", "--reject-alpha", "0.05"], "below that of review, got 5% and 1%"),
        (["part.onnx", "new", "-o", "out", "--fdr", "0.1", "--reject-alpha", "0.01"], "got both"),
        (["part.onnx", "new", "-o", "out", "--threads", "0"], "expected at least 1 thread, got 0"),
        (["part.onnx", "new", "-o", "part.onnx"], "part.onnx cannot be written"),
        (["part.onnx", "new", "-o", "new/out"], "shares the folder of the images"),
        (["part.onnx", "nothing", "-o", "out"], "no such file or folder"),
        (["part.onnx", "empty", "-o", "out"], "The folder is empty."),
        (["part.onnx", "large", "-o", "out"], "expected images of 8 x 8, as the model was trained on, got 9 x 9 in a.png"),
        (["none.onnx", "new", "-o", "out"], "there is no file none.onnx"),
        (["text.onnx", "new", "-o", "out"], "which is no ONNX file"),
    ],
)
def test_what_the_user_can_mend_ends_with_2_and_writes_nothing(judge, model, folder, tmp_path, arguments, message):
    (tmp_path / "part.onnx").write_bytes(model.read_bytes())
    (tmp_path / "text.onnx").write_text("no model")
    for name in ("empty", "large"):
        (tmp_path / name).mkdir()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "large" / "a.png")
    code, out, err = judge(*arguments)
    assert code == 2
    assert message in " ".join(err.split())
    assert out == ""
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "part.onnx").read_bytes() == model.read_bytes()


def test_a_folder_of_unreadable_images_is_an_error(judge, model, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"")
    code, _, err = judge(model, tmp_path / "bad", "-o", tmp_path / "out")
    assert code == 2
    assert "found none that can be read" in err
    assert not (tmp_path / "out").exists()


def test_named_sets_are_for_sablier(judge, model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    code, _, err = judge(model, "digits", "-o", tmp_path / "out")
    assert code == 2
    assert "takes the package sklearn" in err
    assert "Named data sets are read by sablier itself" in err


def test_an_interruption_ends_with_130_and_leaves_no_table(judge, model, folder, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["sablier_runtime.judge"], "judge_stream", stopped)
    assert judge(model, folder, "-o", tmp_path / "out") == (130, "", "error: stopped.\n")
    assert not (tmp_path / "out").exists()


def test_an_earlier_table_is_replaced_only_when_the_new_one_is_complete(judge, model, folder, tmp_path, monkeypatch):
    judge(model, folder, "-o", tmp_path / "out")
    before = (tmp_path / "out" / "detections.csv").read_bytes()
    monkeypatch.setattr(sys.modules["sablier_runtime.judge"], "detection_outputs", lambda *_: nullcontext(Failing()))
    code, _, err = judge(model, folder, "-o", tmp_path / "out", "--alpha", 0.2)
    assert code == 2
    assert "no room" in err
    assert (tmp_path / "out" / "detections.csv").read_bytes() == before


class Failing:
    def append(self, *_):
        raise sablier_runtime.SablierError("no room")


def test_it_is_a_program(model, folder, tmp_path):
    command = [sys.executable, "-c", "from sablier_runtime.cli import run; run()", str(model), str(folder), "-o", "out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 0
    assert "of 35 images are flagged" in done.stdout
    assert (tmp_path / "out" / "detections.json").exists()
