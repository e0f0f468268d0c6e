"""The map page: how soon 10,000 images are drawn in Chromium, and how soon an image answers a pointer.

The page is made by `map_images` with an autoencoder that trained for one epoch: what the map shows is not judged here. It is
opened several times, each in a new profile; the time runs from the start of navigation until all points are drawn and the
pictures decoded. A pointer is moved to random images; the time runs until the frame after the picture and the name are there,
and the 95th of 100 such times is reported.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np

from browser import opened
from harness import Bench, print_table
from sablier.images.sources import read_images
from sablier.recipes.make import make_recipe
from sablier.workflows.map import map_images
from sablier.workflows.training.autoencoder import train_autoencoder

QUICK_IMAGES, HOVERS = 1000, 300
MOST_IMAGES = 10_000
HOVER = """
async (places) => {
  const map = document.getElementById("map"), tip = document.getElementById("tip"), times = [];
  for (const i of places) {
    const { x, y } = window.sablierMap.placeOf(i), start = performance.now();
    map.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, pointerType: "mouse", bubbles: true }));
    if (tip.hidden || !tip.textContent) throw new Error(`image ${i} does not answer`);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push(performance.now() - start);
  }
  return times;
}
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="the named set whose test images are mapped, the first 10,000")
    parser.add_argument("--opens", type=int, default=7, help="how often the page is opened")


def main() -> None:
    bench = Bench("map_page", __doc__ or "", add)
    args = bench.args
    images = read_images(f"{args.data}:test")
    images = images.take(np.arange(min(len(images), QUICK_IMAGES if args.quick else MOST_IMAGES)))
    method = "pca" if args.quick else "auto"
    with tempfile.TemporaryDirectory() as folder:
        model, page = Path(folder) / "model.sablier", Path(folder) / "map.html"
        train_autoencoder(images, make_recipe("autoencoder", "tiny", ["epochs=1"])).save(model)
        result = map_images(model, images, page, method)
        opens, hovers = measured(page, len(images), 3 if args.quick else args.opens)
        size = page.stat().st_size
    rows = [["opened", statistics.median(opens), max(opens)], ["hover, ms", float(np.quantile(hovers, 0.95)), max(hovers)]]
    print_table(["what", "reported", "worst"], rows)
    payload = {
        "data": args.data,
        "images": len(images),
        "method": result.projection.method,
        "page_megabytes": size / 1e6,
        "open_seconds": statistics.median(opens),
        "open_seconds_worst": max(opens),
        "hover_ms": float(np.quantile(hovers, 0.95)),
        "hover_ms_median": statistics.median(hovers),
        "opens": len(opens),
    }
    bench.finish(args.data, [0], payload)


def measured(page: Path, count: int, opens: int) -> tuple[list[float], list[float]]:
    """Return seconds until the page is drawn, one for each time it is opened, and milliseconds until an image answers."""
    drawn, hovers = [], []
    places = np.random.default_rng(0).integers(0, count, HOVERS).tolist()
    for tab in opened(page, opens):
        tab.wait_for_selector("html[data-drawn=yes]", state="attached")
        drawn.append(tab.evaluate("performance.getEntriesByName('sablier:drawn')[0].startTime") / 1000)
        hovers += tab.evaluate(HOVER, places)
    return drawn, hovers


if __name__ == "__main__":
    main()
