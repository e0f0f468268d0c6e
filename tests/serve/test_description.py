"""Schemathesis asks the server for everything that its description allows, and much that it does not."""

import subprocess
import sys
from pathlib import Path

import pytest
from serving import serving

SECONDS = 60
# What an image must be cannot be described in JSON Schema: these answers say why one is refused.
CONFIGURATION = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "404", "406", "409", "413", "415", "422", "429"]
"""


@pytest.mark.slow
def test_every_answer_is_as_described(models, tmp_path):
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    with serving(models, "--jobs", str(tmp_path / "jobs"), "--max-jobs", "2") as server:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.address}/openapi.json"]
        done = subprocess.run(
            [*command, "--checks", "all", "--max-time", str(SECONDS), "--continue-on-failure", "--no-color", "--warnings", "off"],
            cwd=tmp_path, capture_output=True, text=True, timeout=4 * SECONDS, check=False,
        )  # fmt: skip
        assert server.process.poll() is None
    assert done.returncode == 0, done.stdout[-6000:]
