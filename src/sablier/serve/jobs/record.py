"""What is known of a job: kept in `job.json`, and returned to whoever asks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sablier.errors import SablierError
from sablier.files import write_whole

State = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
Request = Literal["pause", "cancel"]
FINAL: tuple[State, ...] = ("done", "failed", "cancelled")
UNKNOWN = "unknown"  # the kind of a job whose record is damaged
RECORD = "job.json"


class JobError(SablierError, RuntimeError):
    """Something that a job cannot do."""


class NoSuchJob(JobError):
    """There is no job of this id."""


class WrongState(JobError):
    """The job is in a state in which this cannot be done."""


class TooManyJobs(JobError):
    """As many jobs wait as may."""


class Job(BaseModel):
    """A job as it was when it was asked for; it does not change.

    Args:
        id: its name, 16 hexadecimal digits.
        kind: what it does; "unknown" if its record is damaged.
        arguments: those of its kind.
        sources: what it reads, by the argument of its kind: paths, relative to its folder or absolute.
        state: as the docstring of the package draws it.
        asked: what a running job was asked to do, and has not done yet.
        submitted: when it was submitted.
        queued: since when it waits, or waited; jobs start in this order.
        started: when its process last started.
        ended: when it reached a final state.
        faults: how often its process, or the server, ended without a result since it was submitted or resumed.
        error: why it failed, for whoever submitted it.
        result: what a finished job found.
        threads: of its process; None: as many as its libraries choose. Bits depend on it, so it does not change.
        most_pixels: of an image that it reads.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str
    arguments: dict[str, Any]
    sources: dict[str, str]
    state: State
    asked: Request | None = None
    submitted: datetime
    queued: datetime
    started: datetime | None = None
    ended: datetime | None = None
    faults: int = 0
    error: str | None = None
    result: dict[str, Any] = {}
    threads: int | None = None
    most_pixels: int | None = None

    def save(self, folder: Path) -> None:
        """Write the record into the folder of the job, whole.

        Raises:
            OutputError: if it cannot be written; the former record is intact.
        """
        write_whole(folder / RECORD, self.model_dump_json(indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> "Job":
        """Return the job of a folder; a failed one, if its record cannot be read."""
        path = folder / RECORD
        try:
            job = cls.model_validate_json(path.read_bytes())
            if job.id == folder.name:
                return job
            error = f"it is that of job {job.id!r}"
        except (OSError, ValidationError) as found:
            error = str(found).partition("\n")[0]
        then = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        return cls(
            id=folder.name, kind=UNKNOWN, arguments={}, sources={}, state="failed", submitted=then, queued=then, ended=then,
            error=f"the record of the job is damaged: {error}. Delete the job, and submit it again.",
        )  # fmt: skip


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
