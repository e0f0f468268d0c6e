"""A disk that is full, or output that nobody takes: a line that says so, and exit code 2."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sablier.errors import OutputError
from sablier.workflows.watch import watch

RUN = "from sablier.cli.main import run; run()"
FULL = Path("/dev/full")


@contextmanager
def no_room(size: int = 0) -> Iterator[None]:
    """Let no file grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["data", "list"], ["course", "list"]])
def test_standard_output_that_is_full(arguments):
    with FULL.open("w") as full:
        done = subprocess.run([sys.executable, "-c", RUN, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard output cannot be written: No space left on device.")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("size", [0, 10, 60])
def test_watch_on_a_disk_that_is_full_at_its_start(digits_file, tmp_path, size):
    (tmp_path / "arriving").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "arriving" / "a.png")
    with no_room(size), pytest.raises(OutputError, match=r"cannot be written: File too large\. Choose another folder with -o"):
        watch(digits_file, tmp_path / "arriving", tmp_path / "out", once=True, every_seconds=0.01)
    assert watch(digits_file, tmp_path / "arriving", tmp_path / "out", once=True, every_seconds=0.01).recorded == 1


def test_a_pipe_that_is_closed_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", RUN, "data", "list"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.stderr == ""
