"""The service under load: milliseconds of one request at a time, images a second of 32 clients, and what overload does.

The server is a process of its own (`sablier serve`, one computing thread), and the clients are another: both share the cores.
Single images of 28 x 28 (MNIST, detector of tier tiny) and JPEG photos of 256 x 256 (magnetic tiles, tier tiny), each a request
of its own over a connection that stays open. Under overload, four times as many clients as the server takes requests ask at
once, and each refused one asks again as late as it is told to; then one client measures when the server is as fast as before.
The verdicts of 500 files are compared with those of `sablier detect`. Needs $SABLIER_DATA.
"""

import asyncio
import csv
import os
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness import Bench, idle, print_table
from sablier import Client
from sablier.images.sources import read_images
from sablier.recipes.make import make_recipe
from sablier.workflows.detect import detect
from sablier.workflows.training.train import train

PHOTOS = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial" / "magnetic_tile"
CLIENTS, WAITING, OVERLOAD = 32, 64, 4
FILES = 500
AS_BEFORE = 2.0  # times the median: until then the server has not recovered


@dataclass
class Found:
    """What the clients of a load saw: seconds of each answer, and how often each status came."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    lost: int = 0  # requests without any answer

    def ms(self, share: float) -> float:
        return 1000 * float(np.quantile(self.seconds, share))


def main() -> None:
    bench = Bench("service_load", __doc__ or "")
    quick, folder = bench.args.quick, bench.workshop("tiny")
    models = folder / "models"
    models.mkdir(exist_ok=True)
    for name, source in {"digits": "mnist[label=3]", "photos": PHOTOS / "train" / "good"}.items():
        if not (models / f"{name}.sablier").exists() and not (quick and name == "photos"):
            train(source, models / f"{name}.sablier", make_recipe("detector", "tiny"))
    digits = [encoded(image, "PNG") for image in read_images("mnist:test").take(np.arange(FILES)).array]
    server = Server(models)
    try:
        payload = measured(server, digits, folder, quick)
    finally:
        server.process.kill()
    payload["idle"] = idle()
    print_table(["figure", "value"], [[name, value] for name, value in payload.items()])
    bench.finish("tiny", [0], payload)


def measured(server: "Server", digits: list[bytes], folder: Path, quick: bool) -> dict[str, Any]:
    """Return all figures."""
    server.loaded("digits", digits, 1, 1)  # the model is read at the first request
    first = server.loaded("digits", digits, 1, 2 if quick else 10)
    before = server.megabytes()
    seconds = 5 if quick else 30
    many = server.loaded("digits", digits, CLIENTS, seconds)
    after = server.megabytes()
    over = server.loaded("digits", digits, OVERLOAD * WAITING, 4 if quick else 15)
    payload: dict[str, Any] = {
        "p50_ms": first.ms(0.5), "p99_ms": first.ms(0.99),
        "images_per_second_32_clients": len(many.seconds) / seconds,
        "errors": sum(count for status, count in many.statuses.items() if status != 200) + many.lost,
        "memory_growth_mb": after - before,
        "overload_429": over.statuses.get(429, 0), "overload_lost": over.lost,
        "overload_other": sum(count for status, count in over.statuses.items() if status not in (200, 429)),
        "recover_seconds": server.recovered(digits, AS_BEFORE * first.ms(0.5) / 1000),
    }  # fmt: skip
    if not quick:
        photos = [path.read_bytes() for path in sorted((PHOTOS / "test").rglob("*.jpg"))[:40]]
        server.loaded("photos", photos, 1, 2)
        payload["photo_p50_ms"] = server.loaded("photos", photos, 1, 15).ms(0.5)
    return payload | equality(server, digits, folder)


def equality(server: "Server", digits: list[bytes], folder: Path) -> dict[str, Any]:
    """Return how the verdicts of the service on files compare with those of the command."""
    images = folder / "images"
    images.mkdir(exist_ok=True)
    for index, data in enumerate(digits):
        (images / f"{index:03}.png").write_bytes(data)
    detect(folder / "models" / "digits.sablier", images, folder / "out", report=False)
    with (folder / "out" / "detections.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    with Client(server.address) as client:
        batch = client.detect("digits", sorted(images.iterdir())).images
        single = [client.detect("digits", path).images[0] for path in sorted(images.iterdir())]
    different = {
        f"{name}_different": sum(
            (own.verdict, round(own.p_value, 9)) != (row["verdict"], round(float(row["p_value"]), 9))
            for own, row in zip(found, rows, strict=True)
        )
        for name, found in (("batch", batch), ("single", single))
    }
    largest = max(abs(own.score - float(row["score"])) for own, row in zip(single, rows, strict=True))
    return {"files": len(rows), **different, "largest_score_difference": largest}


def encoded(image: Any, kind: str) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image[..., 0]).save(buffer, kind)
    return buffer.getvalue()


class Server:
    """`sablier serve` as a process."""

    def __init__(self, models: Path) -> None:
        command = [sys.executable, "-m", "sablier", "serve", str(models), "--port", "0", "--max-waiting", str(WAITING)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "COLUMNS": "200"}
        )
        assert self.process.stdout is not None
        found = re.search(r"http://[^\s,]+", self.process.stdout.readline())
        assert found, "the server did not start"
        self.address = found[0]

    def megabytes(self) -> float:
        """Return the memory of the process."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def loaded(self, model: str, images: list[bytes], clients: int, seconds: float) -> Found:
        """Let clients, in a process of their own, ask for a time; each has one request at a time."""
        with get_context("spawn").Pool(1) as pool:
            return pool.apply(load, (self.address, model, images, clients, seconds))

    def recovered(self, images: list[bytes], most: float) -> float:
        """Return after how many seconds the median of ten answers is as fast as this again."""
        start = time.perf_counter()
        while time.perf_counter() - start < 60:
            found = load(self.address, "digits", images[:10], 1, 0.2)
            if found.seconds and statistics.median(found.seconds) <= most:
                return time.perf_counter() - start
        return float("inf")


def load(address: str, model: str, images: list[bytes], clients: int, seconds: float) -> Found:
    """Ask a server for a time."""
    return asyncio.run(_load(address, model, images, clients, seconds))


async def _load(address: str, model: str, images: list[bytes], clients: int, seconds: float) -> Found:
    found = Found()
    host, _, port = address.removeprefix("http://").rpartition(":")
    head = f"POST /v1/models/{model}/detect HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\n"
    requests = [f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data for data in images]
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        place = number
        try:
            while (start := time.perf_counter()) < end:
                place = (place + 1) % len(images)
                writer.write(requests[place])
                status, headers = await answered(reader)
                found.statuses[status] = found.statuses.get(status, 0) + 1
                if status == 200:
                    found.seconds.append(time.perf_counter() - start)
                elif status == 429:
                    await asyncio.sleep(float(headers.get("retry-after", "1")))
        except (OSError, asyncio.IncompleteReadError):
            found.lost += 1
        finally:
            writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return found


async def answered(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read one answer, and return its status and headers."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    await reader.readexactly(int(headers.get("content-length", "0")))
    return int(lines[0].split()[1]), headers


if __name__ == "__main__":
    main()
