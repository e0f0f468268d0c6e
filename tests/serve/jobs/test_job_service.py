"""`sablier serve` with jobs, as a process: what a person does with it, and what happens to it."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from quick_jobs import wait_until

from sablier.modelfile import ModelFile
from sablier.serve.jobs.kinds import Train
from sablier.workflows.training.train import train

SETTINGS = ("members=restoration", "epochs=150", "folds=2", "width=8", "batch_size=64")


class Server:
    """A server in a process of its own."""

    def __init__(self, models: Path, jobs: Path) -> None:
        self.command = [sys.executable, "-m", "sablier", "serve", str(models), "--port", "0", "--jobs", str(jobs)]
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip
        line = self.process.stdout.readline()
        self.address = re.search(r"http://\S+?(?=,)", line)[0]

    def ask(self, method: str, path: str, data: bytes | None = None) -> Any:
        """Return the JSON answer to a request."""
        request = urllib.request.Request(
            f"{self.address}/v1/jobs{path}", data=data, method=method, headers={"content-type": "application/zip"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def follow(self, id: str) -> io.BufferedIOBase:
        """Return the open stream of the events of a job."""
        return urllib.request.urlopen(f"{self.address}/v1/jobs/{id}/events", timeout=60)

    def end(self, number: int) -> float:
        """Send a signal, and return how many seconds the server went on."""
        start = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        self.process.stdout.close()
        return time.monotonic() - start


@pytest.fixture
def served(tmp_path, small_detector):
    """Start a server with one folder of jobs; all are killed at the end."""
    made = []

    def start():
        made.append(Server(small_detector, tmp_path / "jobs"))
        return made[-1]

    yield start
    for server in made:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


@pytest.mark.slow
def test_a_job_of_a_server_that_is_killed_and_one_that_is_stopped(tmp_path, zipped_digits, served):
    zipped_digits("digits[label=3]", 140)(tmp_path / "threes.zip")
    kind = Train(name="threes", tier="tiny", settings=SETTINGS)
    expected = train(tmp_path / "threes.zip", tmp_path / "whole.sablier", kind.made())
    server = served()
    query = "&".join(["name=threes", "tier=tiny", *(f"settings={setting}" for setting in SETTINGS)])
    id = server.ask("POST", f"/train?{query}", (tmp_path / "threes.zip").read_bytes())["id"]
    with server.follow(id) as events:
        while not next(events).startswith(b"event: epoch"):
            pass
        assert json.loads(next(events).removeprefix(b"data: "))["losses"]["loss"] > 0
        server.end(signal.SIGKILL)

    server = served()
    wait_until(lambda: server.ask("GET", f"/{id}")["state"] == "running")
    second = subprocess.run(server.command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2
    assert re.match(r"error: .*jobs is in use by process \d+ on .* choose another folder with --jobs\.\n$", second.stderr)
    with server.follow(id) as events:
        next(events)
        assert server.end(signal.SIGINT) < 40  # an answer that lasts as long as the job does not hold it up
        assert server.process.returncode in (0, 130)
    assert json.loads((tmp_path / "jobs" / id / "job.json").read_text())["state"] in ("queued", "done")

    server = served()
    wait_until(lambda: server.ask("GET", f"/{id}")["state"] in ("done", "failed"), 120)
    job = server.ask("GET", f"/{id}")
    assert job["files"] == ["threes.sablier"], job
    with urllib.request.urlopen(f"{server.address}/v1/jobs/{id}/files/threes.sablier", timeout=60) as answer:
        (tmp_path / "found.sablier").write_bytes(answer.read())
    server.end(signal.SIGTERM)
    found = ModelFile.load(tmp_path / "found.sablier")
    for name, part in expected.parts.items():
        for key, value in part.tensors.items():
            assert found.parts[name].tensors[key].tobytes() == value.tobytes(), (name, key)
