"""`Jobs`: takes jobs, runs them one after the other, and knows them again after a restart of the server."""

import asyncio
import logging
import math
import secrets
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from sablier.errors import ModelFileError, OutputError, SablierError
from sablier.files.locking import locked
from sablier.images.walking import is_hidden
from sablier.serve.jobs.events import Event, EventReader, add_event
from sablier.serve.jobs.folders import ID, Upload, bring, clear, remove
from sablier.serve.jobs.kinds import KINDS, Kind
from sablier.serve.jobs.outcome import OUTPUT, Outcome
from sablier.serve.jobs.process import WORKER, Process
from sablier.serve.jobs.record import FINAL, RECORD, Job, NoSuchJob, Request, State, TooManyJobs, WrongState, now

MOST_FAULTS = 3
POLL_SECONDS = 0.2
LOGGER = logging.getLogger(__name__)


class Jobs:
    """The jobs in a folder. Its methods may be called from any thread.

    Args:
        folder: where the jobs are; it is made when the first server starts with it.
        most_waiting: how many jobs may be queued or paused.
        threads: of the process of a job; None: as many as its libraries choose.
        most_pixels: of an image that a job reads; None: as many as Pillow allows.
        command: what runs a job, for tests.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as place:
        ...     jobs = Jobs(Path(place))
        ...     jobs.start()
        ...     print(jobs.all())
        ...     jobs.close()
        []
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_waiting: int = 16,
        threads: int | None = None,
        most_pixels: int | None = None,
        command: Sequence[str] = WORKER,
    ) -> None:
        self.folder, self.most_waiting, self.threads, self.most_pixels = folder.absolute(), most_waiting, threads, most_pixels
        self._command = command
        self._jobs: dict[str, Job] = {}
        self._running: tuple[str, Process] | None = None
        self._arriving, self._closing, self._telling = 0, False, True
        self._change = threading.Condition(threading.RLock())
        self._held = ExitStack()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take up the jobs in the folder: those that ran when the last server ended go on. Once they have started, do nothing.

        Raises:
            OutputError: if another server has the folder, or it cannot be written.
        """
        if self._thread is not None:
            return
        self._held.enter_context(locked(self.folder, option="--jobs"))
        with self._change:
            for folder in sorted(self.folder.iterdir()):
                if ID.fullmatch(folder.name):
                    self._take_up(folder)
        self._thread = threading.Thread(target=self._work, name="jobs")
        self._thread.start()

    def close(self) -> None:
        """Stop the running job, with a checkpoint if it trains, and end; the next start goes on with it."""
        with self._change:
            self._closing = True
            if self._running is not None:
                self._running[1].stop()
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._held.close()

    def stop_telling(self) -> None:
        """End all that follows the events of a job."""
        self._telling = False

    def submit(self, arguments: Kind, sources: Mapping[str, Path | Upload]) -> Job:
        """Put a job into the queue.

        Args:
            arguments: what it does.
            sources: what it reads: a path, which the caller has checked, or a function that writes a zip archive of images to
                the path that it is given. The model is copied.

        Raises:
            ConfigError, UnknownName: if the arguments or the sources do not fit.
            TooManyJobs: if as many jobs wait as may.
            OutputError: if the disk does not take it.
        """
        arguments.check(sources)
        with self._change:
            waiting = self._arriving + sum(job.state in ("queued", "paused") for job in self._jobs.values())
            if waiting >= self.most_waiting:
                raise TooManyJobs(f"{waiting} jobs wait already, which is as many as may. Submit it when one of them has ended.")
            self._arriving += 1
        folder = self.folder / secrets.token_hex(8)
        try:
            kept = bring(folder, sources)
            then = now()
            job = Job(
                id=folder.name, kind=arguments.kind, arguments=arguments.model_dump(mode="json"), sources=kept, state="queued",
                submitted=then, queued=then, threads=self.threads, most_pixels=self.most_pixels,
            )  # fmt: skip
            add_event(folder, "state", {"state": "queued", "time": job.queued})
            job.save(folder)
            with self._change:
                self._jobs[job.id] = job
                self._change.notify_all()
        except BaseException as error:
            remove(folder)
            if isinstance(error, OSError) and not isinstance(error, SablierError):
                raise OutputError(f"the job could not be written: {error.strerror or error}. Try again later.") from error
            raise
        finally:
            with self._change:
                self._arriving -= 1
        return job

    def get(self, id: str) -> Job:
        """Return a job.

        Raises:
            NoSuchJob: if there is none of this id.
        """
        job = self._jobs.get(id)  # without the lock, which may be held while files are removed
        if job is None:
            raise NoSuchJob(f"there is no job {id[:100]!r}. It may have been deleted; list the jobs.")
        return job

    def all(self) -> list[Job]:
        """Return all jobs, in the order in which they were submitted."""
        return sorted(self._jobs.values(), key=lambda job: job.submitted)

    def pause(self, id: str) -> Job:
        """Pause a job: at once where it waits, and a running one as soon as it has written its checkpoint.

        Raises:
            NoSuchJob, WrongState: if there is none, or it has ended.
        """
        with self._change:
            return self._ask(self._in(id, "paused", "queued", "running", "paused"), "pause", "paused")

    def resume(self, id: str) -> Job:
        """Put a paused job into the queue again.

        Raises:
            NoSuchJob, WrongState: if there is none, or it is not paused.
        """
        with self._change:
            job = self._in(id, "resumed", "paused")
            resumed = self._change_state(job, "queued", queued=now(), faults=0)
            self._change.notify_all()
            return resumed

    def cancel(self, id: str) -> Job:
        """End a job without a result: at once where it waits, and a running one as soon as it stops.

        Raises:
            NoSuchJob, WrongState: if there is none, or it has ended.
        """
        with self._change:
            return self._ask(self._in(id, "cancelled", "queued", "running", "paused"), "cancel", "cancelled")

    def delete(self, id: str) -> None:
        """Delete a job that has ended, with all that it wrote.

        Raises:
            NoSuchJob, WrongState: if there is none, or it has not ended.
        """
        with self._change:
            self._in(id, "deleted", *FINAL)
            del self._jobs[id]
            remove(self.folder / id)

    def outputs(self, id: str) -> dict[str, Path]:
        """Return the files that a finished job wrote, by their names below its folder of output.

        Raises:
            NoSuchJob, WrongState: if there is none, or it is not done.
        """
        output = self.folder / self._in(id, "asked for its files", "done").id / OUTPUT
        found = {path.relative_to(output).as_posix(): path for path in sorted(output.rglob("*")) if path.is_file()}
        return {name: path for name, path in found.items() if not is_hidden(name)}

    def model_path(self, id: str) -> Path:
        """Return the model file that a finished job wrote.

        Raises:
            NoSuchJob, WrongState: if there is none, or it is not done.
            ModelFileError: if jobs of its kind write none.
        """
        job = self._in(id, "asked for its model", "done")
        if not KINDS[job.kind].writes_model:
            raise ModelFileError(f"a job of kind {job.kind} writes no model file. See its other files.")
        return self.folder / id / OUTPUT / f"{job.arguments['name']}.sablier"

    async def events(self, id: str, after: int = 0, beat: float = math.inf) -> AsyncIterator[Event | None]:
        """Yield the events of a job, and wait for later ones until it has ended, is deleted, or the server stops.

        Args:
            id: of the job.
            after: the number of the last event that is known already.
            beat: after so many seconds without an event, None is yielded.

        Raises:
            NoSuchJob: if there is none.
        """
        reader, heard = EventReader(self.folder / self.get(id).id, after), time.monotonic()
        while True:
            over = self._is_over(id)  # asked first, so that what was told before the end is read
            for event in reader.new():
                yield event
                heard = time.monotonic()
            if over:
                return
            if time.monotonic() - heard > beat:
                yield None
                heard = time.monotonic()
            await asyncio.sleep(POLL_SECONDS)

    def _is_over(self, id: str) -> bool:
        job = self._jobs.get(id)
        return self._closing or not self._telling or job is None or job.state in FINAL

    def _in(self, id: str, wish: str, *states: State) -> Job:
        """Return a job if it is in one of these states."""
        job = self.get(id)
        if job.state not in states:
            raise WrongState(f"the job is {job.state} and cannot be {wish}. Only jobs that are {' or '.join(states)} can.")
        return job

    def _ask(self, job: Job, request: Request, state: State) -> Job:
        """Give a job that waits a state; ask a running one to stop, of which cancelling is the last word."""
        if job.state != "running":
            return job if job.state == state else self._change_state(job, state)
        if job.asked != "cancel":
            job = self._store(job.model_copy(update={"asked": request}))
        if self._running is not None and self._running[0] == job.id:
            self._running[1].stop()
        return job

    def _change_state(self, job: Job, state: State, **changes: object) -> Job:
        """Store a job in another state, and tell so in its events; one that has ended keeps what it wrote if it is done."""
        folder, then = self.folder / job.id, now()
        changed = job.model_copy(update={"state": state, "asked": None, **changes})
        if state in FINAL:
            changed = changed.model_copy(update={"ended": then})
            clear(folder, keep_output=state == "done")
        told = {"state": state, "time": then} | ({} if changed.error is None else {"error": changed.error})
        with suppress(OSError):
            add_event(folder, "state", told)
        return self._store(changed)

    def _store(self, job: Job) -> Job:
        self._jobs[job.id] = job
        try:
            job.save(self.folder / job.id)
        except OutputError as error:  # the disk is full: the job goes on, and only a restart would not know of this
            LOGGER.warning("%s", error)
        return job

    def _take_up(self, folder: Path) -> None:
        """Take up a job that an earlier server left."""
        if not (folder / RECORD).exists():
            remove(folder)  # it was being submitted, or deleted
            return
        job = self._jobs[folder.name] = Job.load(folder)
        if job.state == "running":
            self._settle(job)

    def _work(self) -> None:
        """Run one job after the other until the server stops."""
        while True:
            with self._change:
                while (job := self._next()) is None and not self._closing:
                    self._change.wait()
                if job is None or self._closing:
                    return
                process = self._started(job)
            if process is not None:
                process.wait()
                with self._change:
                    self._running = None
                    self._settle(self._jobs[job.id])

    def _next(self) -> Job | None:
        waiting = [job for job in self._jobs.values() if job.state == "queued"]
        return min(waiting, key=lambda job: job.queued, default=None)

    def _started(self, job: Job) -> Process | None:
        """Start the process of a job; one that cannot be started fails."""
        try:
            process = Process(self.folder / job.id, job.threads, self._command)
        except OSError as error:
            self._change_state(job, "failed", error=f"its process could not be started: {error.strerror or error}. Try again.")
            return None
        self._running = job.id, process
        self._change_state(job, "running", started=now())
        return process

    def _settle(self, job: Job) -> None:
        """Give a job whose process has ended its next state."""
        outcome = Outcome.load(self.folder / job.id)
        if outcome is not None and outcome.error is not None:
            self._change_state(job, "failed", error=outcome.error)
        elif outcome is not None:
            self._change_state(job, "done", result=outcome.result)
        elif job.asked is not None:
            self._change_state(job, "paused" if job.asked == "pause" else "cancelled")
        elif self._closing:
            self._change_state(job, "queued")
        elif job.faults + 1 < MOST_FAULTS:
            self._change_state(job, "queued", faults=job.faults + 1)
        else:
            error = f"its process or the server ended {MOST_FAULTS} times without a result, perhaps for lack of memory. Try less."
            self._change_state(job, "failed", error=error)
