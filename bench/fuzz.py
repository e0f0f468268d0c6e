"""Hostile bytes: every reader of images, model files whose checksum is renewed after a change, and .sabz files.

Each target runs in a process of its own for so many minutes; what has ended is kept. A case is drawn from its number alone:
`--target T --case N` runs that one again. A failure is any exception that is no SablierError, or a case that takes the processor
more than 10 seconds.
"""

import argparse
import json
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from harness import Bench, print_table

MINUTES = {"parsers": 20.0, "models": 20.0, "containers": 10.0}
QUICK_MINUTES = 0.2
SLOW_SECONDS = 10.0  # of the processor, so that other work on the machine is not counted
STUCK_SECONDS = 120
MOST_SHOWN = 10
START_SECONDS = 120

Case = Callable[[int], str]  # runs a case by its number, and returns what it was


class Stuck(BaseException):
    """A case took longer than anybody waits."""


def parsers() -> Case:
    """Return what damages a file that images are read from, and reads it."""
    from fuzz_files import damaged, read_all, valid_files

    files = valid_files()
    for name, data in files.items():
        with tempfile.TemporaryDirectory() as folder:
            read_all(Path(folder), name, data)

    def run(number: int) -> str:
        draw = random.Random(number)
        name = draw.choice(list(files))
        data = draw.randbytes(draw.randrange(300)) if draw.random() < 0.05 else damaged(files[name], draw)
        shown = draw.choice(list(files)) if draw.random() < 0.1 else name  # under another name
        with tempfile.TemporaryDirectory() as folder:
            read_all(Path(folder), shown, data)
        return f"{name} as {shown}"

    return run


def models() -> Case:
    """Return what changes a model file, signs it again, and uses it."""
    from fuzz_models import made, try_models

    files = made()
    return lambda number: (name := random.Random(number).choice(list(files))) + ": " + try_models(files, name, number)


def containers() -> Case:
    """Return what damages a .sabz file, or changes what its header says and signs it again, and reads it."""
    from fuzz_files import damaged
    from fuzz_models import made, walk, word_changed
    from sablier.errors import SablierError
    from sablier.tasks.codec.codec import Codec
    from sablier.tasks.codec.container import MAGIC, VERSION

    file, images = made()["compress"]
    codec = Codec(file)
    whole = [codec.compressed(images, lossless=lossless, check=False).data for lossless in (True, False)]

    def with_checksums(data: bytes, draw: random.Random) -> bytes:
        length = struct.unpack("<4sHHIII", data[:20])[3]
        header = json.loads(zlib.decompress(data[20 : 20 + length]))
        word_changed(header, draw.choice(list(walk(header))), draw)
        text = zlib.compress(json.dumps(header).encode())
        start = struct.pack("<4sHHII", MAGIC, draw.choice((VERSION, VERSION, VERSION, 0, 2)), 0, len(text), zlib.crc32(text))
        mark = start + struct.pack("<I", zlib.crc32(start))
        return mark + text + data[20 + length : -20 - length] + text + mark

    def run(number: int) -> str:
        draw = random.Random(number)
        data = draw.choice(whole)
        again = draw.random() < 0.6
        data = with_checksums(data, draw) if again else damaged(data, draw)
        with suppress(SablierError):
            codec.decompress(data, only=None if draw.random() < 0.8 else {draw.randrange(6)})
        return "checksums renewed" if again else "damaged"

    return run


TARGETS: dict[str, Callable[[], Case]] = {"parsers": parsers, "models": models, "containers": containers}


def run_cases(target: str, minutes: float, start: int) -> dict[str, Any]:
    """Run cases from a number on until the time is over; return the row of the target."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    case = TARGETS[target]()
    row: dict[str, Any] = {"target": target, "cases": 0, "tracebacks": 0, "slow": 0, "peak_mb": 0, "failures": []}
    until = time.monotonic() + 60 * minutes
    signal.signal(signal.SIGALRM, _stuck)
    number = start
    while time.monotonic() < until:
        began = time.process_time()
        signal.alarm(STUCK_SECONDS)
        failed = ""
        try:
            case(number)
        except Stuck:
            failed = "stuck"
        except Exception:
            row["tracebacks"] += 1
            failed = traceback.format_exc(limit=-4)
        finally:
            signal.alarm(0)
        if (took := time.process_time() - began) > SLOW_SECONDS or failed == "stuck":
            row["slow"] += 1
            failed = failed or f"took {took:.0f} s"
        if failed and len(row["failures"]) < MOST_SHOWN:
            row["failures"].append({"case": number, "what": failed})
        row["cases"], number = row["cases"] + 1, number + 1
    row["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return row


def _stuck(number: int, frame: FrameType | None) -> None:
    raise Stuck


def in_a_process(target: str, minutes: float, start: int) -> dict[str, Any]:
    """Run a target apart from the others, so that its memory is its own."""
    command = [sys.executable, __file__, "--child", target, "--minutes", str(minutes), "--start", str(start)]
    limit = 60 * minutes + STUCK_SECONDS + START_SECONDS
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it was killed"]
        failure = {"case": start, "what": "\n".join(lines[-8:])}
        return {"target": target, "cases": 0, "tracebacks": 1, "slow": 0, "peak_mb": 0, "failures": [failure]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, help="for each target; otherwise 20 parsers, 20 models, 10 containers")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one; may be given several times")
    parser.add_argument("--start", type=int, default=0, help="the number of the first case")
    parser.add_argument("--case", type=int, help="run one case of the target again, and show what becomes of it")
    parser.add_argument("--strict", action="store_true", help="end with exit code 1 where anything failed")
    parser.add_argument("--child", choices=TARGETS, help=argparse.SUPPRESS)


def main() -> None:
    bench = Bench("fuzz", __doc__ or "", options)
    args = bench.args
    if args.child:
        print(json.dumps(run_cases(args.child, args.minutes, args.start)))
        return
    chosen = args.target or list(TARGETS)
    if args.case is not None:
        print(TARGETS[chosen[0]]()(args.case))
        return
    rows = []
    steps = bench.partial("all")
    for target in chosen:
        minutes = args.minutes or (QUICK_MINUTES if args.quick else MINUTES[target])
        row = dict(steps.get(f"{target} for {minutes:g} minutes", partial(in_a_process, target, minutes, args.start)))
        for failure in row.pop("failures"):
            print(f"{target}: python bench/fuzz.py --target {target} --case {failure['case']}\n{failure['what']}")
        rows.append(row)
    print_table(list(rows[0]), [list(row.values()) for row in rows])
    totals = {"tracebacks": sum(row["tracebacks"] for row in rows), "slow": sum(row["slow"] for row in rows)}
    payload = {"rows": rows, **totals, "peak_mb": max(row["peak_mb"] for row in rows)}
    bench.finish("all" if len(rows) == len(TARGETS) else "-".join(chosen), [args.start], payload)
    if args.strict and any(totals.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
