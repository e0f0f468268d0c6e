"""examples/onnx/judge.js: node and onnxruntime-node give the p-values and verdicts of sablier."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from brightness import Brightness
from PIL import Image

from sablier.images import ImageSet, Preprocess, read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector

PROGRAM = Path(__file__).parents[2] / "examples" / "onnx" / "judge.js"
OFFLINE = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)\b")

pytestmark = pytest.mark.slow  # it installs a package of npm


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """Run the program with arguments in a folder that has onnxruntime-node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node or no npm on this machine")
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(PROGRAM, folder)
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "onnxruntime-node@1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode and OFFLINE.search(done.stderr):
        pytest.skip(f"npm reaches no registry: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return lambda *words: subprocess.run(
        ["node", "judge.js", *map(str, words)], cwd=folder, capture_output=True, text=True, timeout=120
    )


def rows_of(done):
    """Return the path, score, p-value and verdict of each line."""
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(",") for line in done.stdout.splitlines()]
    return [(path, float(score), float(p_value), verdict) for path, score, p_value, verdict in lines]


@pytest.mark.parametrize("alpha", [None, 0.01, 0.3])
def test_grey_digits(judge, small_onnx, small_detector, digit_folder, tmp_path, alpha):
    images = read_images(digit_folder)
    paths = [tmp_path / f"{Path(name).stem}.pgm" for name in images.ids]
    for path, image in zip(paths, images.dense(Preprocess(height=8, width=8, channels=1)).array, strict=True):
        Image.fromarray(image[..., 0]).save(path)
    expected = Detector.from_file(ModelFile.load(small_detector)).detect(images, alpha or 0.05)
    rows = rows_of(judge(small_onnx, *([] if alpha is None else ["--alpha", alpha]), *paths))
    assert [row[0] for row in rows] == [str(path) for path in paths]
    np.testing.assert_allclose([row[1] for row in rows], expected.scores, atol=1e-4)
    np.testing.assert_allclose([row[2] for row in rows], expected.p_values, atol=1e-12)
    assert [row[3] == "flagged" for row in rows] == (expected.verdicts == "anomaly").tolist()
    assert 0 < expected.flagged < len(rows)


def test_colour_and_a_comment_in_the_header(judge, tmp_path):
    detector = Brightness(rule=Preprocess(height=6, width=9, channels=3))
    model = detector.write(tmp_path / "part.onnx")
    pixels = np.random.default_rng(0).integers(0, 255, (4, 6, 9, 3), dtype=np.uint8)
    pixels[3] = 250
    paths = [tmp_path / f"{index}.ppm" for index in range(4)]
    for path, image in zip(paths, pixels, strict=True):
        path.write_bytes(b"P6\n# from a camera\n9 6\n255\n" + image.tobytes())
    expected = detector.detect(ImageSet(pixels))
    rows = rows_of(judge(model, *paths))
    np.testing.assert_allclose([row[1:3] for row in rows], np.stack([expected.scores, expected.p_values], axis=1), rtol=1e-9)
    assert [row[3] for row in rows] == ["flagged" if verdict == "anomaly" else "not flagged" for verdict in expected.verdicts]
    assert rows[3][3] == "flagged"


def test_what_it_does_not_take_ends_with_2(judge, tmp_path):
    model = Brightness().write(tmp_path / "part.onnx")
    (tmp_path / "text.pgm").write_text("no image")
    (tmp_path / "short.pgm").write_bytes(b"P5\n8 8\n255\n" + bytes(63))
    (tmp_path / "wide.pgm").write_bytes(b"P5\n9 8\n255\n" + bytes(72))
    for words, said in (
        ([model, tmp_path / "text.pgm"], "expected a binary PGM or PPM file of 8 bits, got"),
        ([model, tmp_path / "short.pgm"], "ends before its last pixel"),
        ([model, tmp_path / "wide.pgm"], "invalid dimensions"),
        ([model, "--alpha", "7", tmp_path / "wide.pgm"], "usage: node judge.js"),
        ([model], "usage: node judge.js"),
        ([tmp_path / "none.onnx", tmp_path / "wide.pgm"], "none.onnx"),
    ):
        done = judge(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
