"""A process in place of that of a job, which starts at once: it does what the name of the model says that it should train.

It keeps to what the docstring of `sablier.serve.jobs` says of such processes, and loads nothing of sablier.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path


def leave(folder: Path, outcome: dict[str, object]) -> None:
    (folder / "outcome.json").write_text(json.dumps(outcome))


def main(folder: Path) -> int:
    name = json.loads((folder / "job.json").read_text())["arguments"].get("name", "quick")
    with (folder / "output" / "starts").open("a") as starts:
        starts.write("x")
    if name == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "deaf":
        time.sleep(60)
    if name == "waits" or (name == "waits-once" and (folder / "output" / "starts").stat().st_size == 1):
        os.read(0, 1)
        return 130
    if name == "late":  # it is done just when it is told to stop
        os.read(0, 1)
    if name == "fails":
        leave(folder, {"error": "expected images, got none."})
        return 0
    (folder / "output" / f"{name}.sablier").write_bytes(b"a model")
    leave(folder, {"result": {"images": 3}})
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
