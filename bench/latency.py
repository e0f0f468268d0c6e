"""One image in process, warm: milliseconds of the model and of its exported file; size and start of the runtime.

Detectors of MNIST threes of every tier judge one image of 28 x 28 at a time: `Detector.detect` with torch, and `detect` of the
exported detector with onnxruntime. The runtime is installed into an empty folder with what it needs, without torch, and judges
there one JPEG file of 256 x 256 with a detector of tier tiny, from the file to the verdict. Medians of repeated calls. Needs
$SABLIER_DATA, and an index of packages or a cache for the installation.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness import Bench, idle, print_table
from sablier.images.imageset import ImageSet
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.exported_files import open_exported
from sablier.workflows.exporting.export import export
from sablier.workflows.training.train import train

PHOTOS = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial" / "toothbrush"
TIERS, GOOD = ("tiny", "small", "base", "large"), "mnist[label=3]"
CALLS, WARM = 200, 20
MEASURE = """
import json, statistics, sys, time
start = time.perf_counter()
import sablier_runtime
imported = time.perf_counter() - start
detector = sablier_runtime.load(sys.argv[1])
def judged():
    start = time.perf_counter()
    detector.detect(sys.argv[2])
    return time.perf_counter() - start
for _ in range(5):
    judged()
print(json.dumps({"import": imported, "photo": 1000 * statistics.median(judged() for _ in range(30))}))
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-install", action="store_true", help="do not install the runtime: two figures are then missing")


def main() -> None:
    bench = Bench("latency", __doc__ or "", add)
    folder, steps = bench.workshop("models"), bench.partial("models")
    tiers = TIERS[:1] if bench.args.quick else TIERS
    rows = {tier: steps.get(tier, partial(of_tier, folder, tier)) for tier in tiers}
    payload: dict[str, Any] = {"rows": rows, **{f"p50_ms_{how}": rows["tiny"][how]["p50"] for how in ("native", "onnx")}}
    if not (bench.args.no_install or bench.args.quick):
        payload |= steps.get("runtime", partial(of_runtime, folder))
    payload["idle"] = idle()
    print_table(
        ["tier", "native p50 ms", "p99", "ONNX p50 ms", "p99"],
        [[tier, *(row[how][q] for how in ("native", "onnx") for q in ("p50", "p99"))] for tier, row in rows.items()],
    )
    print_table(["figure", "value"], [[name, value] for name, value in payload.items() if name != "rows"])
    bench.finish("models", [0], payload)
    shutil.rmtree(folder, ignore_errors=True)


def of_tier(folder: Path, tier: str) -> dict[str, Any]:
    """Return the milliseconds of one image by torch and by onnxruntime."""
    model, exported = folder / f"{tier}.sablier", folder / f"{tier}.onnx"
    train(GOOD, model, make_recipe("detector", tier))
    export(model, exported)
    images = read_images("mnist:test").take(np.arange(CALLS + WARM))
    judges = {"native": Detector.from_file(ModelFile.load(model)), "onnx": open_exported(exported)}
    return {how: milliseconds(judge.detect, images) for how, judge in judges.items()}


def milliseconds(judge: Callable[[ImageSet], Any], images: ImageSet) -> dict[str, float]:
    """Return the median and the 99 % quantile of calls with one image."""
    took = []
    for place in range(len(images)):
        one = images.take([place])
        start = time.perf_counter()
        judge(one)
        took.append(1000 * (time.perf_counter() - start))
    return {"p50": statistics.median(took[WARM:]), "p99": float(np.quantile(took[WARM:], 0.99))}


def of_runtime(folder: Path) -> dict[str, Any]:
    """Return the size of the installed runtime, the seconds of its import, and the milliseconds of a photo."""
    site, photo = folder / "site", folder / "photo.jpg"
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", site, root / "runtime"], check=True)
    train(PHOTOS / "train" / "good", folder / "photos.sablier", make_recipe("detector", "tiny"))
    export(folder / "photos.sablier", folder / "photos.onnx")
    pixels = read_images(PHOTOS / "test")[0]
    Image.fromarray(pixels).resize((256, 256)).save(photo, quality=92)
    megabytes = sum(file.stat().st_size for file in site.rglob("*") if file.is_file()) / 1e6
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(site)!r})\n{MEASURE}"]
    said = subprocess.run([*command, folder / "photos.onnx", photo], check=True, capture_output=True, text=True).stdout
    found = json.loads(said.splitlines()[-1])
    return {"runtime_install_mb": megabytes, "runtime_import_seconds": found["import"], "runtime_photo_ms": found["photo"]}


if __name__ == "__main__":
    main()
