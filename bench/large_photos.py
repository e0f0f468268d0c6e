"""Photos of 12 megapixels in tiles: seconds and memory of whole commands, and whether tiles leave seams.

Needs $SABLIER_DATA/industrial. The photos are composed of boards, so they serve for time, memory and seams only. Commands are
processes of their own, start of Python included; `detect` writes its report on one photo. The map of that photo in tiles is
compared with its map computed whole: the difference is given as a share of the largest value.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from harness import Bench, idle, print_table, timed_command
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector

BOARDS = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial" / "pcb"
NETWORK = "shared/features/backbone"
TRAINING, TILE, WHOLE = 8, 256, 4096


def main() -> None:
    bench = Bench("large_photos", __doc__ or "")
    width, height = (1280, 960) if bench.args.quick else (4000, 3000)
    folder = bench.workshop("boards")
    for name, source, count in (("good", "train/good", TRAINING), ("new", "test/defect", 1)):
        compose(folder / name, BOARDS / source, count, (width, height))
    model = folder / "boards.sablier"
    trained, trained_mb = timed_command("train", folder / "good", "-o", model, "--tiles", TILE)
    detected, detected_mb = timed_command("detect", model, folder / "new", "-o", folder / "out")
    payload = {
        "megapixels": width * height / 1e6,
        "train_seconds": trained, "train_photos": TRAINING, "train_peak_mb": trained_mb,
        "detect_seconds": detected, "peak_mb": detected_mb,
        "largest_difference": difference(model, folder / "new"),
        "idle": idle(),
    }  # fmt: skip
    print_table(["figure", "value"], [[name, value] for name, value in payload.items()])
    bench.finish("boards", [0], payload)
    shutil.rmtree(folder, ignore_errors=True)


def compose(folder: Path, source: Path, count: int, size: tuple[int, int]) -> None:
    """Write so many photos of a width and height, each of boards side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    boards = read_images(source)
    for number in range(count):
        random, photo = np.random.default_rng(number), Image.new("RGB", size)
        side = boards[0].shape[0]
        for top in range(0, size[1], side):
            for left in range(0, size[0], side):
                board = boards[int(random.integers(len(boards)))]
                photo.paste(Image.fromarray(np.broadcast_to(board, (*board.shape[:2], 3)).copy()), (left, top))
        photo.save(folder / f"{number}.jpg", quality=92)


def difference(model: Path, photos: Path) -> float:
    """Return the largest difference between maps in tiles and maps computed whole, as a share of the largest value."""
    file, images = ModelFile.load(model), read_images(photos)
    network = file.parts[NETWORK]
    whole = {**file.parts, NETWORK: replace(network, config={**network.config, "tile": WHOLE})}
    maps = [Detector.from_file(each).detect(images, pictures=True).anomaly_maps for each in (file, replace(file, parts=whole))]
    assert maps[0] is not None
    assert maps[1] is not None
    return float(np.abs(maps[0] - maps[1]).max() / maps[1].max())


if __name__ == "__main__":
    main()
