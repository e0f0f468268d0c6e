"""Jobs after the end of their server: one that stopped, one that was killed, and one whose disk was damaged."""

import json

import pytest
from quick_jobs import wait_until

from sablier.errors import OutputError


def edit(jobs, job, **changes):
    """Change the record of a job on the disk, as a server that was killed could have left it."""
    path = jobs.folder / job.id / "job.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_stopped_server_goes_on_with_every_job(started):
    jobs = started()
    done = jobs.until(jobs.add("quick"), "done")
    running, queued, paused = jobs.add("waits-once"), jobs.add("quick"), jobs.add("quick")
    jobs.pause(paused.id)
    jobs.until_it_waits(running)
    jobs.close()

    jobs = started()
    assert jobs.get(done.id) == done
    first, second = jobs.until(running, "done"), jobs.until(queued, "done")
    assert first.ended <= second.started  # it was first, and still is
    assert first.faults == 0
    assert jobs.get(paused.id).state == "paused"
    jobs.resume(paused.id)
    jobs.until(paused, "done")


def test_a_job_that_ran_when_the_server_was_killed_runs_again(started):
    jobs = started()
    job = jobs.add("waits")
    jobs.until_it_waits(job)
    jobs.close()
    edit(jobs, job, state="running")
    jobs = started()
    assert jobs.until(job, "running").faults == 1
    jobs.close()
    edit(jobs, job, state="running", faults=2)
    assert started().get(job.id).state == "failed"


@pytest.mark.parametrize(("asked", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_what_a_job_was_asked_holds_after_the_server_was_killed(started, asked, state):
    jobs = started()
    job = jobs.add("waits")
    jobs.until_it_waits(job)
    jobs.close()
    edit(jobs, job, state="running", asked=asked)
    assert started().get(job.id).state == state


def test_a_job_that_was_done_just_when_the_server_was_killed_is_done(started):
    jobs = started()
    job = jobs.add("quick")
    jobs.until(job, "done")
    jobs.close()
    edit(jobs, job, state="running", result={})
    jobs = started()
    assert jobs.get(job.id).state == "done"
    assert jobs.get(job.id).result == {"images": 3}
    assert jobs.model_path(job.id).exists()


@pytest.mark.parametrize("record", [b"", b'{"id": ', b"[]", b'{"id": "0123456789abcdef", "state": "done"}', b"\xff\x00"])
def test_a_damaged_record_is_a_failed_job_and_harms_no_other(started, record):
    jobs = started()
    damaged, other = jobs.until(jobs.add("quick"), "done"), jobs.until(jobs.add("quick"), "done")
    jobs.close()
    (jobs.folder / damaged.id / "job.json").write_bytes(record)
    jobs = started()
    found = jobs.get(damaged.id)
    assert (found.state, found.kind) == ("failed", "unknown")
    assert found.error.startswith("the record of the job is damaged: ")
    assert found.error.endswith("Delete the job, and submit it again.")
    assert jobs.get(other.id) == other
    jobs.until(jobs.add("quick"), "done")
    jobs.delete(damaged.id)
    assert not (jobs.folder / damaged.id).exists()


def test_the_record_of_another_job_is_none(started):
    jobs = started()
    one, other = jobs.until(jobs.add("quick"), "done"), jobs.until(jobs.add("quick"), "done")
    jobs.close()
    (jobs.folder / one.id / "job.json").write_bytes((jobs.folder / other.id / "job.json").read_bytes())
    assert f"it is that of job {other.id!r}" in started().get(one.id).error


def test_folders_that_are_no_jobs(started):
    jobs = started()
    jobs.close()
    half, foreign = jobs.folder / "0123456789abcdef", jobs.folder / "notes"
    for folder in (half, foreign):
        (folder / "uploads").mkdir(parents=True)
        (folder / "uploads" / "source.zip").write_bytes(b"half of it")
    jobs = started()
    assert jobs.all() == []
    assert not half.exists()  # it was being submitted
    assert (foreign / "uploads" / "source.zip").exists()


def test_a_second_server_is_refused_and_the_first_goes_on(started):
    jobs = started()
    job = jobs.add("waits-once")
    jobs.until_it_waits(job)
    with pytest.raises(OutputError, match=r"jobs is in use by process \d+ .* choose another folder with --jobs"):
        started()
    assert jobs.get(job.id).state == "running"
    jobs.pause(job.id)
    jobs.until(job, "paused")


def test_a_full_disk_stops_no_job(started, monkeypatch, caplog):
    jobs = started()

    def full(job, folder):
        raise OutputError("job.json could not be written: No space left on device.")

    job = jobs.add("waits-once")
    jobs.until_it_waits(job)
    monkeypatch.setattr("sablier.serve.jobs.record.Job.save", full)
    jobs.pause(job.id)
    jobs.until(job, "paused")
    with pytest.raises(OutputError, match="No space left"):
        jobs.add("quick")
    monkeypatch.undo()
    jobs.resume(job.id)
    jobs.until(job, "done")
    assert "No space left on device" in caplog.text
    wait_until(lambda: '"done"' in (jobs.folder / job.id / "job.json").read_text())
