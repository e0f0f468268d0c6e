"""Jobs: long work of the service, one at a time, each in a process of its own. Nothing here knows of HTTP.

| state | becomes | when |
|---|---|---|
| `queued` | `running` | it has waited longest, and no other job runs |
| `queued` | `paused`, `cancelled` | it is asked to, at once |
| `running` | `done`, `failed` | its process leaves an outcome: a result or an error |
| `running` | `paused`, `cancelled` | it was asked to, and its process has stopped |
| `running` | `queued` | the server stops, is killed, or the process ends by itself without an outcome |
| `running` | `failed` | the same, for the third time |
| `paused` | `queued` | it is resumed; it waits behind the others |
| `paused` | `cancelled` | it is asked to, at once |

`done`, `failed` and `cancelled` are final; only such jobs can be deleted, and only `done` keeps its output. A job that ends
before it hears that it should pause or cancel stays as it ended. A queued job that was running goes on where it stopped if it
trains (`Kind.continues`), at its last checkpoint; others start again.

A job is a folder, named by its id:

| name | written by | contains |
|---|---|---|
| `job.json` | `Jobs`, whole | kind, arguments, state and times (`record.py`) |
| `uploads/`, `model/` | `Jobs`, at first | uploaded images, a zip archive for each source; the model to work with |
| `events.jsonl` | both, a line at a time | what happened: states, progress, losses, warnings (`events.py`) |
| `output/` | the process | the model file, the report; during training also its checkpoints |
| `outcome.json` | the process, whole, as its last act | the result, or the error |
| `log.txt` | the process | what it printed; of use after a fault only |

The process reads its standard input, which nobody writes to. The end of that input tells it to stop: `Jobs` closes the pipe on
purpose, and the system closes it where the server ends, however it ends. Training then writes a checkpoint. A process that
does not stop in time is killed, which costs what it did since the last checkpoint, and nothing else.
"""

from sablier.serve.jobs.jobs import Jobs
from sablier.serve.jobs.kinds import KINDS
from sablier.serve.jobs.record import FINAL, Job, JobError, NoSuchJob, State, TooManyJobs, WrongState

__all__ = ["FINAL", "KINDS", "Job", "JobError", "Jobs", "NoSuchJob", "State", "TooManyJobs", "WrongState"]
