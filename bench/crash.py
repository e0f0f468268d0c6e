"""SIGKILL at random points of six verbs: no broken file, no row lost or double, and the next run ends as an undisturbed one.

Each hit is a process of its own, killed after a random time or at a random one of its calls that open, rename or remove a file.
Its output held the results of an earlier run on other images. What is there after the kill must be whole, old or new; the same
command is then run to its end. Needs nothing but sablier.
"""

import csv
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness import Bench, print_table
from sablier.errors import SablierError
from sablier.files.cells import plain_row
from sablier.files.locking import LOCK
from sablier.files.whole import UNFINISHED
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.training import loop
from sablier.training.checkpoint import Checkpoint
from sablier.workflows import watch as watching
from sablier.workflows import watcher
from sablier.workflows.calibrate import calibrate
from sablier.workflows.compress import compress, decompress
from sablier.workflows.detect import detect
from sablier.workflows.training.train import train

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HITS, QUICK_HITS = 48, 1
PRELOADED = (
    "sablier.report.html",
    "sablier.report.anomaly_maps",
    "sablier.workflows.review_pictures",
    "sablier.report.figures",
    "scipy.stats",
)
TOUCHES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod")
NETWORK = ["members=restoration", "epochs=4", "folds=2", "width=4", "latent=4", "batch_size=64", "threads=1", "seed={}"]
CODEC = ["steps=12", "latent=8", "width=8", "context.width=16", "threads=1"]

Verb = Callable[[Path, Path, bool], Any]


@dataclass(frozen=True)
class Job:
    """A verb as it is killed.

    Args:
        run: calls it with the folder of what it reads, the folder it writes to, and whether its input is that of the earlier run.
        table: the table whose rows count, if there is one.
    """

    run: Verb
    table: str = ""


def run_train(given: Path, out: Path, earlier: bool) -> None:
    loop.CHECKPOINT_SECONDS = 0.0
    recipe = make_recipe("detector", "tiny", [setting.format(int(earlier)) for setting in NETWORK])
    train("digits[label=3]", out / "m.sablier", recipe, resume=not earlier)


def run_detect(given: Path, out: Path, earlier: bool) -> None:
    detect(given / "m.sablier", f"digits:test[label={'5' if earlier else '3'}]", out, audit=10)


def run_watch(given: Path, out: Path, earlier: bool) -> None:
    watcher.MOST_AT_ONCE = 3
    if not earlier:  # its runs go on from each other: there is no earlier one
        watching.watch(
            given / "m.sablier", given / "incoming", out, once=True, every_seconds=0.001, now=lambda: NOON
        )  # fmt: skip


def run_calibrate(given: Path, out: Path, earlier: bool) -> None:
    if earlier:
        shutil.copy(given / "m.sablier", out / "m.sablier")
    else:
        calibrate(out / "m.sablier", "digits:test[label=3]")


def run_compress(given: Path, out: Path, earlier: bool) -> None:
    compress(given / "codec.sablier", given / "incoming", out / "a.sabz", 50 if earlier else 80)


def run_decompress(given: Path, out: Path, earlier: bool) -> None:
    if not earlier:  # it replaces nothing: there is no earlier one
        decompress(given / "a.sabz", out, given / "codec.sablier")


JOBS = {
    "train": Job(run_train),
    "detect": Job(run_detect, "detections.csv"),
    "watch": Job(run_watch, "watch.csv"),
    "calibrate": Job(run_calibrate),
    "compress": Job(run_compress),
    "decompress": Job(run_decompress),
}


def make_given(given: Path) -> None:
    """Write what the verbs read: two models, a folder of images, a compressed file."""
    given.mkdir()
    (given / "incoming").mkdir()
    for index, image in enumerate(read_images("digits:test[label=3,5]").take(range(20))):
        Image.fromarray(image[..., 0]).save(given / "incoming" / f"{index:02}.png")
        os.utime(given / "incoming" / f"{index:02}.png", (1_600_000_000 + index, 1_600_000_000 + index))
    train("digits[label=3]", given / "m.sablier", make_recipe("detector", "tiny", ["threads=1"]))
    train("digits", given / "codec.sablier", make_recipe("codec", "tiny", CODEC))
    compress(given / "codec.sablier", given / "incoming", given / "a.sabz")


def in_a_process(work: Callable[[], Any], kill_after: float | None = None, kill_at: int | None = None) -> tuple[bool, int]:
    """Run something in a process of its own; return whether it was killed, and how often it touched files.

    Args:
        work: what to run.
        kill_after: seconds after which to kill it, if it still runs.
        kill_at: the number of the call that touches a file before which it is killed.
    """
    reads, writes = os.pipe()
    process = os.fork()
    if not process:
        touched = 0

        def touch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal touched
            if event in TOUCHES and "sablier-crash-" in str(arguments[0]):
                touched += 1
                if touched == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.addaudithook(touch)
            warnings.simplefilter("ignore")
            work()
            os.write(writes, str(touched).encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    os.close(writes)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    with os.fdopen(reads) as pipe:
        touched_files = int(pipe.read() or 0)
    if os.WIFSIGNALED(status):
        return True, touched_files
    if os.WEXITSTATUS(status):
        raise RuntimeError("a run failed that was not killed: see above")
    return False, touched_files


def essence(path: Path) -> str:
    """Return a digest of what counts in a file, "damaged" where it cannot be read; of a model all but when it was made."""
    try:
        if path.suffix == ".resume":
            Checkpoint.load(path)
            return "a checkpoint"
        if path.suffix != ".sablier":
            return hashlib.sha256(path.read_bytes()).hexdigest()
        file = ModelFile.load(path)
    except SablierError:
        return "damaged"
    digest = hashlib.sha256(repr(file.provenance.model_copy(update={"created": ""})).encode())
    for name, part in sorted(file.parts.items()):
        for key, value in sorted(part.tensors.items()):
            digest.update(f"{name}/{key}".encode() + np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def state(out: Path) -> dict[str, str]:
    """Return the essence of every file that a person sees."""
    found = [path for path in out.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(out).as_posix(): essence(path) for path in found}


def rows_of(path: Path) -> Counter[str]:
    """Return how often each image is in a table."""
    if not path.exists():
        return Counter()
    with path.open(newline="", encoding="utf-8") as file:
        return Counter(plain_row(row)["id"] for row in csv.DictReader(file))


def hit(verb: str, job: Job, given: Path, folder: Path, seed: int) -> dict[str, int]:
    """Kill a verb at random points until one kill came before its end; run it to its end; return what was found wrong."""
    chance = random.Random(f"{verb} {seed}")
    reference = json.loads((given / f"{verb}.json").read_text())
    old, new = reference["old"], reference["new"]
    killed = False
    while not killed:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(given / f"{verb}-old", folder)
        if chance.random() < 0.5:
            killed, _ = in_a_process(partial(job.run, given, folder, False), kill_after=chance.uniform(0, reference["seconds"]))
        else:
            killed, _ = in_a_process(partial(job.run, given, folder, False), kill_at=chance.randint(1, reference["touches"]))
    appended = {job.table} if verb == "watch" else set()  # which grows, a row at a time
    broken = sum(
        found not in (old.get(name), new.get(name), "a checkpoint")
        for name, found in state(folder).items()
        if name not in appended
    )
    with suppress(RuntimeError):  # where it cannot go on, its end is not as it should be
        in_a_process(partial(job.run, given, folder, False))
    broken += sum(bool(UNFINISHED.fullmatch(path.name)) or path.name == LOCK for path in folder.rglob("*"))
    rows, wanted = (rows_of(place / job.table) if job.table else Counter[str]() for place in (folder, given / f"{verb}-new"))
    return {
        "broken": broken,
        "lost": (wanted - rows).total(),
        "doubled": (rows - wanted).total(),
        "unequal": int(state(folder) != new),
    }


def make_reference(verb: str, job: Job, given: Path) -> None:
    """Write the state before and after an undisturbed run, how long it takes and how often it touches files."""
    for name in ("old", "new"):
        shutil.rmtree(given / f"{verb}-{name}", ignore_errors=True)
    old, new = given / f"{verb}-old", given / f"{verb}-new"
    old.mkdir()
    in_a_process(partial(job.run, given, old, True))
    shutil.copytree(old, new)
    start = time.perf_counter()
    _, touches = in_a_process(partial(job.run, given, new, False))
    seconds = time.perf_counter() - start
    found = {"old": state(old), "new": state(new), "seconds": seconds, "touches": touches}
    (given / f"{verb}.json").write_text(json.dumps(found))


def main() -> None:
    bench = Bench("crash", __doc__ or "")
    torch.set_num_threads(1)  # a process that has threads must not be copied
    for name in PRELOADED:  # so that kills fall into the work
        import_module(name)
    hits = QUICK_HITS if bench.args.quick else HITS
    steps = bench.partial("digits")
    rows = []
    with tempfile.TemporaryDirectory(prefix="sablier-crash-") as place:
        given = Path(place) / "given"
        in_a_process(partial(make_given, given))
        for verb, job in JOBS.items():
            make_reference(verb, job, given)
            seeds = range(hits)
            found = [steps.get(f"{verb} {seed}", partial(hit, verb, job, given, Path(place) / "out", seed)) for seed in seeds]
            sums = {key: sum(each[key] for each in found) for key in ("broken", "lost", "doubled")}
            rows.append({"verb": verb, "hits": hits, **sums, "resume_equal": not any(each["unequal"] for each in found)})
            print(f"{verb}: {hits} hits", file=sys.stderr)
    columns = ["verb", "hits", "broken", "lost", "doubled", "resume_equal"]
    print_table(columns, [[row[column] for column in columns] for row in rows])
    whole = [row["verb"] for row in rows if row["resume_equal"] and not row["broken"] + row["lost"] + row["doubled"]]
    bench.finish("digits", list(range(hits)), {"data": "digits", "rows": rows, "hits_least": hits, "verbs_whole": len(whole)})


if __name__ == "__main__":
    main()
