"""The events of a job: what is told, in order, each once, also of a job that goes on."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from sablier.serve.jobs.events import EventReader, add_event


def states_of(jobs, job, after=0):
    async def collected():
        return [event async for event in jobs.events(job.id, after)]

    return [(event.number, event.content["state"]) for event in asyncio.run(asyncio.wait_for(collected(), 60))]


def paused_job(jobs):
    job = jobs.add("waits")
    jobs.until_it_waits(job)
    jobs.pause(job.id)
    return jobs.until(job, "paused")


def test_the_events_of_a_job_end_with_it(started):
    jobs = started()
    job = jobs.add("quick")
    assert states_of(jobs, job) == [(1, "queued"), (2, "running"), (3, "done")]
    assert states_of(jobs, job, after=1) == [(2, "running"), (3, "done")]
    assert states_of(jobs, job, after=3) == []


def test_events_come_while_the_job_runs(started):
    jobs = started()
    job = jobs.add("waits-once")

    async def followed():
        seen = []
        async for event in jobs.events(job.id):
            seen.append(event.content["state"])
            if event.content["state"] == "running" and "paused" not in seen:
                await asyncio.to_thread(jobs.until_it_waits, job)
                jobs.pause(job.id)
            elif event.content["state"] == "paused":
                jobs.resume(job.id)
        return seen

    seen = asyncio.run(asyncio.wait_for(followed(), 60))
    assert seen == ["queued", "running", "paused", "queued", "running", "done"]


def test_events_tell_why_a_job_failed(started):
    jobs = started()
    job = jobs.until(jobs.add("fails"), "failed")
    *_, last = EventReader(jobs.folder / job.id).new()
    assert last.content["state"] == "failed"
    assert last.content["error"] == "expected images, got none."


def test_events_end_when_the_server_stops_or_the_job_is_deleted(started):
    jobs = started()
    paused = paused_job(jobs)

    async def followed(then):
        async for event in jobs.events(paused.id):
            if event.content["state"] == "paused":
                then()

    def ended_by(then):
        asyncio.run(asyncio.wait_for(followed(then), 60))

    def delete():
        jobs.cancel(paused.id)
        jobs.delete(paused.id)

    ended_by(delete)
    paused = paused_job(jobs)
    ended_by(jobs.close)


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path):
    add_event(tmp_path, "state", {"state": "queued"})
    reader = EventReader(tmp_path)
    assert len(list(reader.new())) == 1
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "progress", "sha')
    assert list(reader.new()) == []
    add_event(tmp_path, "progress", {"share": float("nan")})
    assert [(event.number, event.content) for event in reader.new()] == [(3, {"share": None})]
    for line in (b"[1]\n", b"{}\n", b"\xff\n", b'"event"\n'):
        with (tmp_path / "events.jsonl").open("ab") as file:
            file.write(line)
    assert list(reader.new()) == []


def test_writers_do_not_mix_their_lines(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add_event(tmp_path, "epoch", {"losses": {"loss": number}}), range(400)))
    assert sorted(event.content["losses"]["loss"] for event in EventReader(tmp_path).new()) == list(range(400))
