"""The recipe `codec` on the test split of named sets: real bytes, exact decoding, damage, and speed. Needs the named sets.

One codec per set learns from its training split. *Lossless*: the test split as one .sabz file, headers and checksums included,
names left out; every pixel is compared. *Lossy*: the fewest bytes an image at which the mean squared error, of pixels in [0, 1],
is at most 0.005. Beside both the same images by others: each image as a file of its own, or all pixels in a row through a general
compressor; PCA, with as many numbers an image as reach the same error, each rounded to a byte.

*Decoding* runs in other processes, with 1 and 2 threads, from files of 1 and of 256 images, with a copy of the model file; the
digests of the pixels must be those of this process. *Damage*: every bit of a small file is flipped, and it is cut at every byte;
what unpacking does not notice is counted, and so are blocks that were not touched and are lost. Speeds are images a second,
without the check that follows compressing; the median of three.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from generate import splits
from harness import Bench, print_table
from sablier.errors import ContainerError
from sablier.files import write_whole
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.report.rates import rates_chart
from sablier.tasks.codec.codec import Codec
from sablier.tasks.codec.container import unpack
from sablier.tasks.codec.latents import QUALITIES
from sablier.tasks.codec.peers import lossless_bytes, lossy_rates, pca_rates
from sablier.typing import Array
from sablier.workflows.compress import compare
from sablier.workflows.training.codec import train_codec

MOST_ERROR = 0.005
DECODE = """
import sys, hashlib, torch
torch.set_num_threads(int(sys.argv[1]))
from sablier.tasks.codec.codec import Codec
codec = Codec(sys.argv[2])
for path in sys.argv[3:]:
    for image in codec.decompress(open(path, "rb").read()).images:
        print(hashlib.sha256(image.tobytes()).hexdigest())
"""
REPEATS = 3


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", default="mnist,fashion-mnist", help="comma-separated named sets; the first is looked at closely"
    )
    parser.add_argument("--tier", default="base", choices=TIERS)
    parser.add_argument("--set", action="append", default=[], dest="settings", help="key=value of the recipe; again for more")
    parser.add_argument("--held-out", action="store_true", help="compress the last 10,000 training images instead")
    parser.add_argument("--picture", type=Path, help="a .png file for the error of each way by its bytes")


def main() -> None:
    bench = Bench("compress", __doc__ or "", add)
    args = bench.args
    sets = ["digits"] if args.quick else args.data.split(",")
    tier = "tiny" if args.quick else args.tier
    key = "-".join(
        [*sets, *([] if tier in ("base", "tiny") else [tier]), *(["held-out"] if args.held_out else []), *args.settings]
    )
    steps, recipe = bench.partial(key), make_recipe("codec", tier, args.settings)
    folder = bench.workshop(key, recipe)
    bits: dict[str, float] = {}
    first: dict[str, Any] = {}
    for name in sets:
        training, tests = map(bare, splits(name, args.held_out))
        path = folder / f"{name}.sablier"
        seconds = steps.get(f"train/{name}", partial(train, path, training, recipe))
        codec = Codec(path)
        exact = steps.get(f"lossless/{name}", partial(lossless, codec, tests))
        bits[name] = exact["bits_per_pixel"]
        others = steps.get(f"others/{name}", partial(lossless_peers, tests))
        print_table(
            [f"{name}, lossless", "bits per pixel"], [["sablier", bits[name]], *sorted(others.items(), key=lambda row: row[1])]
        )
        if name != sets[0]:
            continue
        lossy = steps.get("lossy", partial(fewest_bytes, codec, tests))
        peers = steps.get("peers", partial(lossy_peers, training, tests))
        rows = [["sablier", lossy["bytes"], lossy["mse"]], *([peer, *found] for peer, found in peers.items())]
        print_table([f"{name}, lossy", "bytes an image", "mean squared error"], rows)
        first = {
            "train_seconds": seconds,
            "lossy_bytes_at_mse_0005": lossy["bytes"],
            "lossy_quality": lossy["quality"],
            "lossless_peers": others,
            "peers": {peer: found[0] for peer, found in peers.items()},
            "decode_identical": steps.get("identical", partial(identical, codec, path, folder, tests)),
            **steps.get("damage", partial(damage, codec, tests.take(range(20 if args.quick else 130)))),
            **steps.get("speed", partial(speeds, codec, tests, lossy["quality"])),
            "header_bytes": exact["header_bytes"],
        }
        if args.picture:
            draw(args.picture, codec, training, tests)
    print(", ".join(f"{name} {value:,.1f}" for name, value in first.items() if name.endswith("per_second")))
    print(f"decoded the same: {first['decode_identical']:.0%}; not noticed: {first['flips_undetected']} of {first['flips']:,}")
    bench.finish(key, [0], {"data": sets, "tier": tier, "lossless_bits_per_pixel": bits, **first})
    shutil.rmtree(folder, ignore_errors=True)


def bare(images: ImageSet) -> ImageSet:
    """Return images without labels."""
    return ImageSet(images.array, ids=images.ids, source=images.source)


def train(path: Path, training: ImageSet, recipe: Recipe) -> float:
    """Train a codec, save it, and return the seconds its networks took."""
    if not path.exists():
        train_codec(training, recipe).save(path)
    return float(sum(history["seconds"] for history in ModelFile.load(path).histories.values()))


def lossless(codec: Codec, tests: ImageSet) -> dict[str, float]:
    """Return the bits a pixel of one file, after every pixel was compared."""
    data = codec.compress(tests, lossless=True, names=False, check=False)
    if not np.array_equal(codec.decompress(data).images.array, tests.array):
        raise SystemExit("a lossless file does not decode to the images it was made of")
    return {"bits_per_pixel": 8 * len(data) / tests.array.size, "header_bytes": unpack(data).header_bytes}


def lossless_peers(tests: ImageSet) -> dict[str, float]:
    """Return the bits a pixel of others."""
    return {name: 8 * size / tests.array[0].size for name, size in lossless_bytes(list(tests)).items()}


def fewest_bytes(codec: Codec, tests: ImageSet) -> dict[str, float | None]:
    """Return the lowest quality whose error is small enough, with its bytes an image; None where not even 100 is."""
    low, high = 1, QUALITIES
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if codec.compressed(tests, middle, names=False).mse <= MOST_ERROR else (middle + 1, high)  # type: ignore[operator]
    found = codec.compressed(tests, low, names=False)
    mse = float(found.mse or 0)
    return {"quality": low, "bytes": found.bytes_an_image if mse <= MOST_ERROR else None, "mse": mse}


def lossy_peers(training: ImageSet, tests: ImageSet) -> dict[str, list[float]]:
    """Return bytes an image, and error, of others at the smallest setting whose error is small enough."""
    some = list(tests.take(np.arange(0, len(tests), max(1, len(tests) // 500))))
    found = {}
    for name, points in lossy_rates(some).items():
        good = [point for point in points if point[1] <= MOST_ERROR]
        if good:
            found[f"{name}, a file each"] = list(min(good))
    enough = next((point for point in pca_rates(training.array, tests.array) if point[1] <= MOST_ERROR), None)
    return found | ({"PCA, a byte a number": list(enough)} if enough else {})


def identical(codec: Codec, path: Path, folder: Path, tests: ImageSet) -> float:
    """Return the share of images that other processes decode to the pixels of this one, whatever file they are in.

    For lossless files these must be the originals; for lossy ones, what this process draws of all of them together.
    """
    copy = folder / "copy.sablier"
    shutil.copy(path, copy)
    some = tests.take(np.arange(min(256, len(tests))))
    right = []
    for lossless in (False, True):
        files: dict[Path, Array] = {}
        for rows in ([0], [100], [200], list(range(len(some)))):
            file = folder / f"{lossless}-{len(files)}.sabz"
            file.write_bytes(codec.compress(some.take(rows), lossless=lossless, check=False))
            files[file] = np.array(rows)
        together = codec.decompress(codec.compress(some, lossless=lossless, check=False)).images.array
        pixels = some.array if lossless else together
        expected = [hashlib.sha256(pixels[row].tobytes()).hexdigest() for rows in files.values() for row in rows]
        for threads in (1, 2):
            command = [sys.executable, "-c", DECODE, str(threads), str(copy), *map(str, files)]
            found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            right += [a == b for a, b in zip(expected, found, strict=True)]
    return float(np.mean(right))


def damage(codec: Codec, tests: ImageSet) -> dict[str, int]:
    """Return how many flips of a bit and cuts there are, how many go unnoticed, and how many blocks they cost for nothing."""
    whole = codec.compress(tests, lossless=True, check=False)
    header, blocks = unpack(whole).header, unpack(whole).blocks
    start = whole.index(blocks[0] or b"")
    places = start + np.cumsum([0, *(block.bytes for block in header.blocks)])
    unnoticed = lost = 0
    for flip in range(8 * len(whole)):
        data = bytearray(whole)
        data[flip // 8] ^= 1 << flip % 8
        missed, found = _looked_at(bytes(data))
        unnoticed += missed
        hit = int(np.searchsorted(places, flip // 8, side="right")) - 1
        lost += sum(kept != block for index, (kept, block) in enumerate(zip(found, blocks, strict=True)) if index != hit)
    for length in range(len(whole)):
        missed, found = _looked_at(whole[:length])
        unnoticed += missed
        lost += (
            sum(kept != block for kept, block, end in zip(found, blocks, places[1:], strict=True) if end <= length)
            if found
            else 0
        )
    return {"flips": 8 * len(whole), "cuts": len(whole), "flips_undetected": unnoticed, "blocks_lost_for_nothing": lost}


def _looked_at(data: bytes) -> tuple[bool, list[bytes | None]]:
    """Return whether nothing is found wrong with a file, and its blocks."""
    try:
        found = unpack(data)
    except ContainerError:
        return False, []
    return not found.damage, found.blocks


def speeds(codec: Codec, tests: ImageSet, quality: int) -> dict[str, float]:
    """Return images a second each way."""
    some = {False: tests, True: tests.take(np.arange(min(2000, len(tests))))}
    found = {}
    for lossless, images in some.items():
        seconds: dict[str, list[float]] = {"encode": [], "decode": []}
        for _ in range(REPEATS):
            start = time.perf_counter()
            data = codec.compress(images, quality, lossless=lossless, names=False, check=False)
            middle = time.perf_counter()
            codec.decompress(data)
            seconds["encode"].append(middle - start)
            seconds["decode"].append(time.perf_counter() - middle)
        for way, each in seconds.items():
            found[f"{'lossless_' if lossless else ''}{way}_images_per_second"] = len(images) / float(np.median(each))
    return found


def draw(path: Path, codec: Codec, training: ImageSet, tests: ImageSet) -> None:
    """Draw the error of each way by the bytes it takes."""
    lossy, exact = compare(codec, tests)
    lossy = {name: points for name, points in lossy.items() if not name.startswith("PCA")}
    write_whole(path, rates_chart(lossy | {"PCA, a byte a number": pca_rates(training.array, tests.array)}, exact))


if __name__ == "__main__":
    main()
