"""Noise removed from colour photos: trained on good ones, tested on others. Needs industrial/toothbrush under $SABLIER_DATA.

Test photos get Gaussian noise of sigma 0.1 from a fixed seed, clipped and rounded to bytes. scikit-image's wavelets and non-local
means are told the true sigma; of the latter the strength that does best on these very photos counts. Then one photo of 12
megapixels, a mosaic of the test photos, goes through the whole command, and one photo is cleaned in tiles and at once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.restoration import denoise_nl_means, denoise_wavelet

from harness import Bench, print_table
from sablier.images.imageset import ImageSet
from sablier.images.sources import read_images
from sablier.metrics import psnr
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.denoise import NoiseRemover
from sablier.workflows.denoise import noise_remover
from sablier.workflows.training.denoiser import train_denoiser

SIGMA = 0.1
STRENGTHS = (0.4, 0.6, 0.8, 1.0)
HEIGHT, WIDTH = 3000, 4000


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tier", default="base", choices=TIERS)


def main() -> None:
    bench = Bench("denoise_photos", __doc__ or "", add)
    folder = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial" / "toothbrush"
    tier = "tiny" if bench.args.quick else bench.args.tier
    start = time.perf_counter()
    file = train_denoiser(read_images(folder / "train" / "good"), make_recipe("denoiser", tier))
    seconds = time.perf_counter() - start
    remover = noise_remover(file)
    photos = list(read_images(folder / "test" / "good"))[: 2 if bench.args.quick else None]
    noisy = [noised(photo, seed) for seed, photo in enumerate(photos)]

    result = remover.denoise(ImageSet(np.stack(noisy)))
    peers = {
        "noisy": decibels(noisy, photos),
        "wavelets": decibels([wavelets(image) for image in noisy], photos),
        "non-local means": max(decibels([means(image, h) for image in noisy], photos) for h in STRENGTHS),
    }
    ours = decibels(list(result.cleaned), photos)
    with tempfile.TemporaryDirectory() as place:
        large_seconds = clean_a_large_photo(Path(place), file, noisy)
    x = mosaic_of(noisy, 1024, 1024)[None].astype(np.float32) / 255
    apart = np.abs(remover.remove(x)[0] - at_once(remover, x)).max()
    print_table(
        [f"{len(photos)} colour photos, sigma {SIGMA}", "PSNR in dB"],
        [*map(list, peers.items()), [f"sablier, tier {tier}, trained {seconds:.0f} s", ours]],
    )
    print(f"12 megapixels: {large_seconds:.1f} s; in tiles and at once differ by at most {255 * apart:.5f} of 255")
    payload = {
        "data": "toothbrush",
        "tier": tier,
        "sigma": SIGMA,
        "psnr": ours,
        "psnr_best_classical": max(peers["wavelets"], peers["non-local means"]),
        "gain_db": ours - max(peers["wavelets"], peers["non-local means"]),
        "peers": peers,
        "sigma_found": [float(level) for level in result.levels],
        "train_seconds": seconds,
        "seconds_12_megapixels": large_seconds,
        "tiled_difference_of_255": float(255 * apart),
    }
    bench.finish("toothbrush", [0], payload)


def noised(photo: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(photo.shape)
    return np.round(np.clip(photo / 255 + SIGMA * noise, 0, 1) * 255).astype(np.uint8)


def decibels(cleaned: list[np.ndarray], photos: list[np.ndarray]) -> float:
    """Return the PSNR of the mean squared error of byte images."""
    errors = [np.mean((np.clip(a, 0, 255) / 255 - b / 255) ** 2) for a, b in zip(cleaned, photos, strict=True)]
    return float(psnr(np.mean(errors)))


def wavelets(image: np.ndarray) -> np.ndarray:
    cleaned = denoise_wavelet(image / 255, sigma=SIGMA, channel_axis=-1, convert2ycbcr=True, rescale_sigma=True)
    return np.asarray(255 * cleaned)


def means(image: np.ndarray, strength: float) -> np.ndarray:
    options = {"patch_size": 5, "patch_distance": 6, "h": strength * SIGMA, "sigma": SIGMA, "channel_axis": -1}
    return np.asarray(255 * denoise_nl_means(image / 255, **options))


def at_once(remover: NoiseRemover, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return remover.model.reconstruct(torch.from_numpy(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()


def mosaic_of(images: list[np.ndarray], height: int, width: int) -> np.ndarray:
    rows, columns = -(-height // images[0].shape[0]), -(-width // images[0].shape[1])
    tiles = [images[i % len(images)] for i in range(rows * columns)]
    lines = [np.concatenate(tiles[row * columns : (row + 1) * columns], axis=1) for row in range(rows)]
    return np.concatenate(lines)[:height, :width]


def clean_a_large_photo(place: Path, file: ModelFile, noisy: list[np.ndarray]) -> float:
    """Write a noisy photo of 12 megapixels and return how long the whole command takes to clean it."""
    (place / "in").mkdir()
    Image.fromarray(mosaic_of(noisy, HEIGHT, WIDTH)).save(place / "in" / "large.png", compress_level=1)
    file.save(place / "photos.sablier")
    command = [str(Path(sys.executable).with_name("sablier")), "denoise", str(place / "photos.sablier"), str(place / "in")]
    start = time.perf_counter()
    subprocess.run([*command, "-o", str(place / "out")], check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
