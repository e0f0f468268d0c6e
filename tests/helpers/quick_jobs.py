"""Jobs whose processes are stand-ins (`stand_in_job.py`), and what tests do with them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from sablier.serve.jobs import Job, Jobs
from sablier.serve.jobs.kinds import Train

STAND_IN = (sys.executable, "-S", "-E", str(Path(__file__).with_name("stand_in_job.py")))
IMAGES = Path("/images")  # which no stand-in reads


class QuickJobs(Jobs):
    """Jobs whose processes start at once."""

    def add(self, name: str) -> Job:
        """Submit a job that does what its name says."""
        return self.submit(Train(name=name, tier="tiny"), {"source": IMAGES})

    def until(self, job: Job, *states: str) -> Job:
        """Return a job as soon as it is in one of these states."""
        wait_until(lambda: self.get(job.id).state in states)
        return self.get(job.id)

    def until_it_waits(self, job: Job) -> None:
        """Wait until the process of a job does what it does, not only runs."""
        wait_until(lambda: self.starts(job) > 0)

    def starts(self, job: Job) -> int:
        """Return how often the process of a job has started."""
        path = self.folder / job.id / "output" / "starts"
        return path.stat().st_size if path.exists() else 0


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
