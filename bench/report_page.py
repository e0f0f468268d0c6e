"""The report of `detect` on 2,000 photos: how soon it opens, how soon the next photo is there, how large its folder is.

Needs $SABLIER_DATA/industrial and Chromium. The photos are magnetic tiles of 256 x 256, mirrored and rolled to another place,
saved as PNG. A detector of tier tiny judges them at an alpha at which nearly all are flagged, so that the report shows them: what
it finds is not judged here. The page is opened several times, each in a new profile; the time runs from the start of navigation
until the frame after the pictures of the visible cards are decoded. In the large view the arrow key is pressed again and again
without a pause; the time runs until the frame after the photo at original resolution is decoded, and the 95th of 100 such times
is reported.
"""

import argparse
import json
import os
import re
import statistics
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from browser import opened
from harness import Bench, idle, print_table
from sablier.images.imageset import ImageSet
from sablier.images.sources import read_images
from sablier.recipes.make import make_recipe
from sablier.workflows.detect import detect
from sablier.workflows.training.detector import train_detector

ALPHA = 0.99
PHOTOS, QUICK_PHOTOS, QUICK_TRAINED = 2000, 60, 40
STEPS = 200
DATA = re.compile(r'<script type="application/json" id="review-data">(.*?)</script>', re.DOTALL)
# Notes when the pictures of all visible cards are decoded and drawn.
WATCH_CARDS = """
(() => {
  const look = () => {
    document.getElementById("review")?.scrollIntoView();
    const cards = [...document.querySelectorAll(".review-card img")];
    const visible = cards.filter((image) => image.getBoundingClientRect().top < innerHeight);
    if (!visible.length || !visible.every((image) => image.complete && image.naturalWidth)) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => { window.cardsDrawn = performance.now(); }));
  };
  requestAnimationFrame(look);
})();
"""
NEXT = """
async (steps) => {
  const times = [];
  const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  press("Enter");
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    press("ArrowRight");
    await document.querySelector(".review-photo").decode();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push(performance.now() - start);
  }
  return times;
}
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--opens", type=int, default=7, help="how often the page is opened")


def main() -> None:
    bench = Bench("report_page", __doc__ or "", add)
    quick = bench.args.quick
    category = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial" / "magnetic_tile"
    good = read_images(category / "train" / "good")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trained = good.take(np.arange(QUICK_TRAINED)) if quick else good
        train_detector(trained, make_recipe("detector", "tiny")).save(folder / "model.sablier")
        write_photos(good, folder / "photos", QUICK_PHOTOS if quick else PHOTOS)
        detect(folder / "model.sablier", folder / "photos", folder / "out", alpha=ALPHA)
        page = folder / "out" / "report.html"
        shown, ratio = size_of(folder / "out", folder / "photos", page)
        opens, steps = measured(page, 3 if quick else bench.args.opens, min(STEPS, shown - 1))
    payload = {
        "images": shown,
        "open_seconds": statistics.median(opens),
        "open_seconds_worst": max(opens),
        "next_ms": float(np.quantile(steps, 0.95)),
        "next_ms_median": statistics.median(steps),
        "folder_ratio": ratio,
        "opens": len(opens),
        "idle": idle(),
    }
    print_table(["figure", "value"], [[name, value] for name, value in payload.items()])
    bench.finish("magnetic_tile", [0], payload)


def write_photos(originals: ImageSet, folder: Path, count: int) -> None:
    """Write so many photos: the originals, mirrored and rolled to another place."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(count):
        photo = originals[index % len(originals)][:: int(random.choice([-1, 1]))]
        photo = np.roll(photo, random.integers(256, size=2), axis=(0, 1))
        Image.fromarray(photo[..., 0] if photo.shape[2] == 1 else photo).save(folder / f"{index:04}.png")


def size_of(output: Path, photos: Path, page: Path) -> tuple[int, float]:
    """Return how many photos a report shows, and the bytes of its folder over those of these photos."""
    found = DATA.search(page.read_text(encoding="utf-8"))
    assert found is not None
    names = [image["id"] for image in json.loads(found[1])["images"]]
    whole = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    return len(names), whole / sum((photos / name).stat().st_size for name in names)


def measured(page: Path, opens: int, steps: int) -> tuple[list[float], list[float]]:
    """Return seconds until the cards are drawn, one for each opening, and milliseconds until the next photo is."""
    drawn, following = [], []
    for tab in opened(page, opens, WATCH_CARDS):
        tab.wait_for_function("window.cardsDrawn")
        drawn.append(tab.evaluate("window.cardsDrawn") / 1000)
        following += tab.evaluate(NEXT, steps)
    return drawn, following


if __name__ == "__main__":
    main()
