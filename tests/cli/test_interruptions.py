"""Real processes, really killed: what is resumed ends at the bits of what was never stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector

# The command, with checkpoints after every epoch: as they are after five seconds of a longer run.
SABLIER = [
    sys.executable, "-c",
    "import sablier.training.loop as loop; loop.CHECKPOINT_SECONDS = 0.0; from sablier.cli.main import run; run()",
]  # fmt: skip
TRAIN = [
    "train", "digits[label=3]", "--tier", "tiny", "--threads", "1", "--set", "members=restoration,transformations,closed-form",
    "--set", "epochs=30", "--set", "folds=2", "--set", "width=8", "--set", "batch_size=32",
]  # fmt: skip


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.Popen(
        [*SABLIER, *arguments], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, f"it ended before {path.name} was written: {process.communicate()}"
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    folder = tmp_path_factory.mktemp("whole")
    code, _, err = finish(start(folder, *TRAIN, "-o", "m.sablier"))
    assert code == 0, err
    return ModelFile.load(folder / "m.sablier")


def assert_same(path: Path, expected: ModelFile) -> None:
    found = ModelFile.load(path)
    assert found.parts.keys() == expected.parts.keys()
    for name, part in expected.parts.items():
        assert found.parts[name].tensors.keys() == part.tensors.keys()
        for key, value in part.tensors.items():
            assert found.parts[name].tensors[key].tobytes() == value.tobytes(), (name, key)
    tests = read_images("digits:test")
    ours, theirs = (Detector.from_file(file).detect(tests).scores for file in (found, expected))
    assert np.array_equal(ours, theirs)


@pytest.mark.slow
def test_kill_9_then_resume_gives_the_same_bits(tmp_path, uninterrupted):
    # In the first fold, at once after its first checkpoint; then in the second, somewhere.
    for member, delay in (("network-0", 0.0), ("network-1", 0.05)):
        process = start(tmp_path, *TRAIN, "-o", "m.sablier", "--resume")
        wait_for(tmp_path / f"m.sablier.{member}.resume", process)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        assert finish(process)[0] == -signal.SIGKILL
        assert not (tmp_path / "m.sablier").exists()
    code, out, err = finish(start(tmp_path, *TRAIN, "-o", "m.sablier", "--resume"))
    assert code == 0, err
    assert "was trained on" in out
    assert_same(tmp_path / "m.sablier", uninterrupted)
    assert not list(tmp_path.glob("m.sablier.*"))


@pytest.mark.slow
def test_ctrl_c_saves_says_so_and_resumes(tmp_path, uninterrupted):
    process = start(tmp_path, *TRAIN, "-o", "m.sablier")
    wait_for(tmp_path / "m.sablier.network-0.resume", process)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert code == 130
    assert "Traceback" not in out + err
    assert "training was stopped in epoch" in err
    assert "m.sablier.network-0.resume; run the same command with --resume" in err
    assert [file.name for file in tmp_path.iterdir()] == ["m.sablier.network-0.resume"]

    code, out, err = finish(start(tmp_path, *TRAIN, "-o", "m.sablier", "--resume"))
    assert code == 0, err
    assert_same(tmp_path / "m.sablier", uninterrupted)


def test_ctrl_c_while_starting_is_no_traceback(tmp_path):
    process = start(tmp_path, *TRAIN, "-o", "m.sablier")
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    code = finish(process)[0]
    assert code in (130, -signal.SIGINT)  # killed by it, where Python itself was still starting


def test_photos_that_lose_detail_are_warned_of_in_a_line(tmp_path):
    random = np.random.default_rng(0)
    np.save(tmp_path / "photos.npy", random.integers(0, 255, (8, 200, 200), dtype=np.uint8))
    process = start(
        tmp_path, "train", "photos.npy", "-o", "m.sablier", "--tier", "tiny",
        "--set", "epochs=1", "--set", "folds=2", "--set", "size=16", "--set", "width=4",
    )  # fmt: skip
    code, _, err = finish(process)
    assert code == 0, err
    assert "warning: photos are reduced 12.5 times, to 16 x 16" in err
    assert "site-packages" not in err


def test_output_that_nobody_reads_is_no_error(tmp_path):
    process = start(tmp_path, "data", "list")
    process.stdout.close()
    _, err = process.communicate(timeout=60)[0], process.stderr
    assert "Traceback" not in (err.read() if err and not err.closed else "")
