"""The states of jobs, with processes that end as they are told to."""

import threading
import time
from itertools import pairwise

import pytest
from quick_jobs import IMAGES, wait_until

from sablier.errors import ConfigError, ModelFileError, OutputError, UnknownName
from sablier.serve.jobs import Jobs, NoSuchJob, TooManyJobs, WrongState, process
from sablier.serve.jobs.kinds import Evaluate, Train


def test_a_job_runs_and_keeps_what_it_made(started):
    jobs = started()
    job = jobs.submit(Train(name="part", tier="tiny"), {"source": lambda path: path.write_bytes(b"images")})
    assert (job.state, job.kind, job.result) == ("queued", "train", {})
    done = jobs.until(job, "done", "failed")
    assert (done.state, done.error, done.result) == ("done", None, {"images": 3})
    assert done.submitted <= done.started <= done.ended
    assert jobs.model_path(job.id).read_bytes() == b"a model"
    assert jobs.outputs(job.id).keys() == {"part.sablier", "starts"}
    assert not (jobs.folder / job.id / "uploads").exists()


def test_jobs_run_one_at_a_time_in_the_order_of_their_arrival(started):
    jobs = started()
    all_of_them = [jobs.add("quick") for _ in range(4)]
    assert [job.id for job in jobs.all()] == [job.id for job in all_of_them]
    ended = [jobs.until(job, "done") for job in all_of_them]
    assert all(one.ended <= other.started for one, other in pairwise(ended))


def test_a_failed_job_says_why_and_keeps_nothing(started):
    jobs = started()
    failed = jobs.until(jobs.add("fails"), "done", "failed")
    assert (failed.state, failed.error) == ("failed", "expected images, got none.")
    assert not (jobs.folder / failed.id / "output").exists()
    for ask in (jobs.outputs, jobs.model_path):
        with pytest.raises(WrongState, match=r"the job is failed and cannot be asked for its .* Only jobs that are done can"):
            ask(failed.id)


def test_pause_and_resume_of_a_running_job(started):
    jobs = started()
    job, other = jobs.add("waits-once"), jobs.add("quick")
    jobs.until_it_waits(job)
    assert jobs.pause(job.id).asked == "pause"
    assert jobs.until(job, "paused").asked is None
    jobs.until(other, "done")  # a paused job is in nobody's way
    assert jobs.get(job.id).state == "paused"
    jobs.resume(job.id)
    jobs.until(job, "done")
    assert jobs.starts(job) == 2


def test_a_resumed_job_waits_behind_the_others(started):
    jobs = started()
    running, paused, other = jobs.add("waits"), jobs.add("quick"), jobs.add("quick")
    assert jobs.pause(paused.id).state == "paused"
    assert jobs.pause(paused.id).state == "paused"
    jobs.resume(paused.id)
    jobs.until_it_waits(running)
    jobs.cancel(running.id)
    assert jobs.until(other, "done").ended <= jobs.until(paused, "done").started


def test_cancel(started):
    jobs = started()
    running, queued, paused = jobs.add("waits"), jobs.add("quick"), jobs.add("quick")
    jobs.until_it_waits(running)
    jobs.pause(paused.id)
    jobs.pause(running.id)
    for job in (queued, paused, running):  # to cancel outweighs to pause
        jobs.cancel(job.id)
    for job in (queued, paused, running):
        cancelled = jobs.until(job, "cancelled", "paused", "done")
        assert cancelled.state == "cancelled"
        assert cancelled.ended is not None
        assert not (jobs.folder / job.id / "output").exists()
    assert jobs.starts(queued) == 0


def test_a_job_that_is_done_before_it_stops_is_done(started):
    jobs = started()
    job = jobs.add("late")
    jobs.until_it_waits(job)
    jobs.cancel(job.id)
    assert jobs.until(job, "done", "cancelled").state == "done"
    assert jobs.model_path(job.id).exists()


def test_a_process_that_does_not_stop_is_killed(started, monkeypatch):
    monkeypatch.setattr(process, "KILL_SECONDS", 0.2)
    jobs = started()
    job = jobs.add("deaf")
    jobs.until_it_waits(job)
    jobs.pause(job.id)
    begin = time.monotonic()
    jobs.until(job, "paused")
    assert time.monotonic() - begin < 30


def test_a_process_that_dies_is_tried_three_times(started):
    jobs = started()
    job, other = jobs.add("dies"), jobs.add("quick")
    failed = jobs.until(job, "failed")
    assert failed.error == ("its process or the server ended 3 times without a result, perhaps for lack of memory. Try less.")
    jobs.until(other, "done")


@pytest.mark.parametrize("action", ["pause", "resume", "cancel"])
def test_nothing_changes_a_job_that_has_ended(started, action):
    jobs = started()
    done = jobs.until(jobs.add("quick"), "done")
    with pytest.raises(WrongState, match=f"the job is done and cannot be {action.removesuffix('e')}"):
        getattr(jobs, action)(done.id)
    assert jobs.get(done.id) == done


@pytest.mark.parametrize("action", ["resume", "delete", "outputs", "model_path"])
def test_what_a_running_job_refuses(started, action):
    jobs = started()
    job = jobs.add("waits")
    jobs.until_it_waits(job)
    with pytest.raises(WrongState, match="the job is running and cannot be"):
        getattr(jobs, action)(job.id)
    assert jobs.get(job.id).state == "running"


@pytest.mark.parametrize("id", ["0123456789abcdef", "../jobs", "", ".", "0" * 10_000, "job.json"])
@pytest.mark.parametrize("action", ["get", "pause", "resume", "cancel", "delete", "outputs", "model_path"])
def test_an_unknown_job(started, action, id):
    with pytest.raises(NoSuchJob, match="there is no job") as raised:
        getattr(started(), action)(id)
    assert len(str(raised.value)) < 300


def test_delete(started):
    jobs = started()
    job, other = jobs.add("quick"), jobs.add("quick")
    jobs.until(other, "done")
    jobs.delete(job.id)
    assert not (jobs.folder / job.id).exists()
    assert [each.id for each in jobs.all()] == [other.id]
    with pytest.raises(NoSuchJob):
        jobs.delete(job.id)


def test_a_full_queue_refuses_and_takes_again(started):
    jobs = started(most_waiting=2)
    running = jobs.add("waits")
    jobs.until_it_waits(running)
    jobs.add("quick")
    jobs.pause(jobs.add("quick").id)  # a paused job counts, since it will come back
    before = set(jobs.folder.iterdir())
    with pytest.raises(TooManyJobs, match="2 jobs wait already"):
        jobs.add("quick")
    assert set(jobs.folder.iterdir()) == before
    jobs.cancel(running.id)
    wait_until(lambda: sum(job.state == "queued" for job in jobs.all()) == 0)
    jobs.add("quick")


def test_what_does_not_fit_is_refused_at_once(started, tmp_path):
    jobs = started()
    with pytest.raises(UnknownName, match="unknown recipe 'detectr'"):
        jobs.submit(Train(recipe="detectr"), {"source": IMAGES})
    with pytest.raises(ConfigError, match="a job of kind evaluate needs model and good, and takes bad; got good"):
        jobs.submit(Evaluate(), {"good": IMAGES})
    with pytest.raises(OutputError, match="the job could not be written: No such file"):
        jobs.submit(Evaluate(), {"good": IMAGES, "model": tmp_path / "gone.sablier"})

    def broken(path):
        raise RuntimeError("the connection ended")

    with pytest.raises(RuntimeError, match="the connection ended"):
        jobs.submit(Train(), {"source": broken})
    assert jobs.all() == []
    assert [path for path in jobs.folder.iterdir() if path.is_dir()] == []


def test_a_job_has_its_own_copy_of_the_model_and_may_write_none(started, tmp_path):
    jobs = started()
    first = jobs.add("waits")
    model = tmp_path / "part.sablier"
    model.write_bytes(b"a model")
    job = jobs.submit(Evaluate(), {"good": IMAGES, "model": model})
    model.unlink()
    assert (jobs.folder / job.id / "model" / "part.sablier").read_bytes() == b"a model"
    jobs.until_it_waits(first)
    jobs.cancel(first.id)
    jobs.until(job, "done")
    assert not (jobs.folder / job.id / "model").exists()
    with pytest.raises(ModelFileError, match="a job of kind evaluate writes no model file"):
        jobs.model_path(job.id)


def test_a_process_that_cannot_be_started_is_a_failure(tmp_path):
    jobs = Jobs(tmp_path / "jobs", command=[str(tmp_path / "no-such-program")])
    jobs.start()
    job = jobs.submit(Train(tier="tiny"), {"source": IMAGES})
    wait_until(lambda: jobs.get(job.id).state == "failed")
    assert jobs.get(job.id).error == "its process could not be started: No such file or directory. Try again."
    jobs.close()


def test_nothing_is_left_running_after_close(started):
    before = set(threading.enumerate())
    jobs = started()
    job = jobs.add("waits")
    jobs.until_it_waits(job)
    jobs.close()
    assert set(threading.enumerate()) == before
    assert jobs.get(job.id).state == "queued"
