"""Jobs in real processes, stopped and killed: what goes on ends at the bits of what was never stopped."""

import json
import os
import signal
import subprocess
import sys
from functools import partial

import pytest
from quick_jobs import wait_until

from sablier.modelfile import ModelFile
from sablier.serve.jobs import FINAL, Jobs
from sablier.serve.jobs.events import EventReader
from sablier.serve.jobs.kinds import Train
from sablier.workflows.training.train import train

SETTINGS = ("members=restoration,closed-form", "epochs=100", "folds=2", "width=8", "batch_size=64")
KIND = Train(name="threes", tier="tiny", settings=SETTINGS)
# The process of a job, with checkpoints after every epoch: as they are after five seconds of a longer training.
CAREFUL = [
    sys.executable, "-c",
    "import sablier.training.loop as loop; loop.CHECKPOINT_SECONDS = 0.0; from sablier.serve.jobs.worker import main; main()",
]  # fmt: skip
SERVER = """
import sys, time
from pathlib import Path
from sablier.serve.jobs import Jobs
from sablier.serve.jobs.kinds import Train
jobs = Jobs(Path(sys.argv[1]), threads=1, command=sys.argv[3:])
jobs.start()
if not jobs.all():
    upload = Path(sys.argv[2]).read_bytes()
    jobs.submit(Train.model_validate_json(sys.stdin.read()), {"source": lambda path: path.write_bytes(upload)})
time.sleep(600)
"""


@pytest.fixture(scope="module")
def upload(tmp_path_factory, zipped_digits):
    path = tmp_path_factory.mktemp("upload") / "threes.zip"
    zipped_digits("digits[label=3]", 140)(path)
    return path


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, upload):
    return train(upload, tmp_path_factory.mktemp("whole") / "threes.sablier", KIND.made())


@pytest.fixture
def real(tmp_path):
    """Start jobs with real processes; all are closed at the end."""
    made = []

    def start(command=CAREFUL):
        jobs = Jobs(tmp_path / "jobs", threads=1, command=command)
        jobs.start()
        made.append(jobs)
        return jobs

    yield start
    for jobs in made:
        jobs.close()


def epochs_of(folder):
    return [event.content["losses"]["epoch"] for event in EventReader(folder).new() if event.kind == "epoch"]


def has_told_more(folder, than):
    return len(epochs_of(folder)) > than


def assert_same(path, expected):
    found = ModelFile.load(path)
    assert found.parts.keys() == expected.parts.keys()
    for name, part in expected.parts.items():
        assert found.parts[name].tensors.keys() == part.tensors.keys()
        for key, value in part.tensors.items():
            assert found.parts[name].tensors[key].tobytes() == value.tobytes(), (name, key)


def until_ended(jobs, job):
    wait_until(lambda: jobs.get(job.id).state in FINAL, 120)
    assert jobs.get(job.id).error is None


def checkpoints(folder):
    return sorted(path.name for path in (folder / "output").glob("*.resume"))


@pytest.mark.slow
def test_paused_and_resumed_equals_uninterrupted(real, upload, uninterrupted):
    jobs = real(command=[sys.executable, "-m", "sablier.serve.jobs.worker"])
    job = jobs.submit(KIND, {"source": lambda path: path.write_bytes(upload.read_bytes())})
    folder = jobs.folder / job.id
    wait_until(lambda: epochs_of(folder) != [], 120)
    jobs.pause(job.id)
    wait_until(lambda: jobs.get(job.id).state == "paused")
    before = epochs_of(folder)
    assert before[0] == 1
    assert checkpoints(folder) == ["threes.sablier.network-0.resume"]
    jobs.resume(job.id)
    until_ended(jobs, job)
    after = epochs_of(folder)[len(before) :]
    assert after[0] > before[-1]  # it went on, and did not start again
    assert after[-1] == 100
    assert checkpoints(folder) == []
    assert_same(jobs.model_path(job.id), uninterrupted)


def serve(folder, upload, command):
    """Start a server of jobs in a process of its own, which submits one if there is none; return it with the job's folder."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, folder, upload, *command], stdin=subprocess.PIPE)
    process.stdin.write(KIND.model_dump_json().encode())
    process.stdin.close()
    wait_until(lambda: list(folder.glob("*/job.json")) != [], 120)
    return process, next(folder.glob("*/job.json")).parent


def worker_of(folder):
    """Return the id of the process that works in the folder of a job; it names itself in the lock there."""
    return int((folder / ".sablier.lock").read_text().split()[1])


def has_ended(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("both", [False, True], ids=["the server", "the server and the process"])
def test_kill_9_of_the_server_costs_nothing(tmp_path, real, upload, uninterrupted, both):
    seen = 0
    for _ in range(2):
        server, folder = serve(tmp_path / "jobs", upload, CAREFUL)
        wait_until(partial(has_told_more, folder, seen + 2), 120)
        worker = worker_of(folder)
        for process_id in [server.pid] + ([worker] if both else []):
            os.kill(process_id, signal.SIGKILL)
        server.wait()
        wait_until(partial(has_ended, worker))  # nobody told it to
        seen = len(epochs_of(folder))
        assert json.loads((folder / "job.json").read_text())["state"] == "running"
        assert not (folder / "output" / "threes.sablier").exists()
        assert checkpoints(folder) != []
    jobs = real()
    (job,) = jobs.all()
    assert job.faults == 2
    until_ended(jobs, job)
    assert_same(jobs.model_path(job.id), uninterrupted)
    told = epochs_of(jobs.folder / job.id)
    assert told.count(1) == 2  # once a fold: it never started again


def test_images_that_cannot_be_read_are_told_of(real, tmp_path):
    jobs = real()
    job = jobs.submit(KIND, {"source": lambda path: path.write_bytes(b"no archive")})
    wait_until(lambda: jobs.get(job.id).state in FINAL, 120)
    failed = jobs.get(job.id)
    assert failed.state == "failed"
    assert failed.error.startswith("uploads/source.zip: expected a zip archive")
    assert str(tmp_path) not in failed.error
