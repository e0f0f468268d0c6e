"""Noise removed: one blind model beside what is known of old, each of which is told the true noise. Needs the named set.

Training images train; noise is added to test images from a fixed seed and clipped to [0, 1] as a file of bytes would. PSNR is
that of the mean squared error over the test images, or over 500 of them, drawn evenly, for the slow methods of scikit-image.
The peers: no denoising; the best linear map, learnt from noisy and clean training images at the very level; PCA with Wiener's
weights; wavelets and non-local means, the latter with the strength that does best on these very images; the lesson's net, trained
as the lesson says at noise factor 0.5, for as many steps as the lesson takes.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from skimage.restoration import denoise_nl_means, denoise_wavelet
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from harness import Bench, print_table
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.metrics import psnr
from sablier.recipes.make import make_recipe
from sablier.training.objectives import Denoising
from sablier.workflows.denoise import noise_remover
from sablier.workflows.training.denoiser import train_denoiser
from sablier.workflows.training.network import train_model

Pixels = np.ndarray
LESSON_STEPS = 50 * 67  # 50 epochs of 8,488 images in batches of 128
SIGMAS = (0.25, 0.5, 1.0)
STRENGTHS = (0.4, 0.6, 0.8, 1.0)  # of non-local means, in standard deviations
CLASSICAL = 500  # test images, drawn evenly, that the slow classical methods are given


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="mnist, notmnist or fashion-mnist")


def main() -> None:
    bench = Bench("denoise", __doc__ or "", add)
    data, quick = bench.args.data, bench.args.quick
    training, tests = load_dataset(data, "train"), load_dataset(data, "test")
    if quick:
        training, tests = training.take(np.arange(4000)), tests.take(np.arange(500))
    clean = to_unit(tests.array)
    steps = bench.partial(data)
    noisy = {sigma: damaged(clean, sigma, seed=1) for sigma in SIGMAS}

    shorter = ["megapixels=4"] if quick else []
    tiers = {"tiny": "tiny"} if quick else {"small": "small", "large": "large"}
    ours = {name: steps.get(name, partial(blind, training, tier, shorter, clean, noisy)) for name, tier in tiers.items()}
    peers = steps.get("peers", lambda: classical(training, clean, noisy, 50 if quick else CLASSICAL))
    peers["the lesson's net"] = {
        "0.5": steps.get("lesson", lambda: lesson(training, noisy[0.5], clean, 100 if quick else LESSON_STEPS))
    }
    loss = steps.get("noisy only", lambda: noisy_only(training, clean, "tiny" if quick else "small", shorter))

    best = ours[list(tiers)[-1]]
    rows = [[name, *(values.get(str(sigma), "") for sigma in SIGMAS)] for name, values in peers.items()]
    rows += [
        [f"sablier, tier {name}, {each['seconds']:.0f} s", *(each["psnr"][str(s)] for s in SIGMAS)] for name, each in ours.items()
    ]
    print_table([f"{data}, PSNR in dB at sigma", *map(str, SIGMAS)], rows)
    print(f"noise level within 10 % for {best['within']:.1%}; from noisy images alone {loss['loss']:.2f} dB less")
    classics = [values for name, values in peers.items() if name != "the lesson's net"]
    payload = {
        "data": data,
        "psnr": best["psnr"],
        "train_seconds": best["seconds"],
        "psnr_small": ours[next(iter(tiers))]["psnr"],
        "train_seconds_small": ours[next(iter(tiers))]["seconds"],
        "psnr_lesson": peers["the lesson's net"]["0.5"],
        "psnr_best_classical": {str(sigma): max(values[str(sigma)] for values in classics) for sigma in SIGMAS},
        "gain_over_lesson_db": best["psnr"]["0.5"] - peers["the lesson's net"]["0.5"],
        "gain_over_classical_db": best["psnr"]["0.5"] - max(values["0.5"] for values in classics),
        "sigma_within_10_percent": best["within"],
        "noisy_only_loss_db": loss["loss"],
        "noisy_only_psnr": loss["noisy"],
        "clean_targets_psnr": loss["clean"],
        "peers": peers,
    }
    bench.finish(data, [0], payload)


def to_unit(pixels: Pixels) -> Pixels:
    return pixels.astype(np.float32) / 255


def damaged(clean: Pixels, sigma: float | Pixels, seed: int, clip: bool = True) -> Pixels:
    noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
    noisy: Pixels = clean + np.float32(sigma) * noise
    return noisy.clip(0, 1) if clip else noisy


def decibels(cleaned: Pixels, clean: Pixels) -> float:
    return float(psnr(np.mean((np.clip(cleaned, 0, 1) - clean) ** 2, dtype=np.float64)))


def blind(training: ImageSet, tier: str, settings: list[str], clean: Pixels, noisy: dict[float, Pixels]) -> dict[str, Any]:
    """Train one model over all levels; return its PSNR at each, and how often it finds the level within a tenth."""
    start = time.perf_counter()
    file = train_denoiser(training, make_recipe("denoiser", tier, settings))
    seconds = time.perf_counter() - start
    remover = noise_remover(file)
    levels = np.linspace(0.1, 1, len(clean), dtype=np.float32)
    found = remover.remove(damaged(clean, levels[:, None, None, None], seed=2))[1]
    values = {str(sigma): decibels(remover.remove(images)[0], clean) for sigma, images in noisy.items()}
    print(f"tier {tier}: {values} in {seconds:.0f} s", flush=True)
    return {"psnr": values, "seconds": seconds, "within": float(np.mean(np.abs(found / levels - 1) < 0.1))}


def classical(training: ImageSet, clean: Pixels, noisy: dict[float, Pixels], count: int) -> dict[str, dict[str, float]]:
    """Return the PSNR of every method without a network at every level."""
    known = to_unit(training.array[:20_000])
    flat = known.reshape(len(known), -1)
    pca = PCA().fit(flat)
    chosen = np.linspace(0, len(clean) - 1, count).astype(int)
    found: dict[str, dict[str, float]] = {}
    for sigma, images in noisy.items():

        def each(method: Callable[[Pixels], Pixels], images: Pixels = images) -> float:
            return decibels(np.stack([method(images[i, ..., 0])[..., None] for i in chosen]), clean[chosen])

        rows = images.reshape(len(images), -1)
        linear = Ridge(alpha=1.0).fit(damaged(known, sigma, seed=3).reshape(flat.shape), flat).predict(rows)
        shrunk = pca.explained_variance_ / (pca.explained_variance_ + np.mean((images - clean) ** 2))
        wiener = pca.inverse_transform(pca.transform(rows) * shrunk)
        values = {
            "noisy": decibels(images, clean),
            "best linear map": decibels(linear.reshape(clean.shape), clean),
            "PCA with Wiener's weights": decibels(wiener.reshape(clean.shape), clean),
            "wavelets": each(partial(denoise_wavelet, sigma=sigma, rescale_sigma=True)),
            "non-local means": max(
                each(partial(denoise_nl_means, patch_size=5, patch_distance=6, h=strength * sigma, sigma=sigma))
                for strength in STRENGTHS
            ),
        }
        for name, value in values.items():
            found.setdefault(name, {})[str(sigma)] = value
    return found


def lesson(training: ImageSet, noisy: Pixels, clean: Pixels, steps: int) -> float:
    """Train the lesson's net as the lesson says, at noise factor 0.5; return its PSNR there."""
    settings = [
        "optimizer=rmsprop",
        "schedule=constant",
        "learning_rate=0.001",
        "weight_decay=0",
        "gradient_clip=0",
        "ema=0",
        "dtype=float32",
    ]
    recipe = make_recipe(
        "course-conv", settings=[*settings, "batch_size=128", f"epochs={max(1, steps // -(-len(training) // 128))}"]
    )
    recipe = replace(recipe, objective=Denoising(noise_low=0.5, noise_high=0.5))
    model, _ = train_model(training, Preprocess.for_images(training, recipe.size), recipe)
    with torch.no_grad():
        parts = [model.reconstruct(torch.from_numpy(part).permute(0, 3, 1, 2)) for part in np.array_split(noisy, 20)]
    return decibels(torch.cat(parts).permute(0, 2, 3, 1).numpy(), clean)


def noisy_only(training: ImageSet, clean: Pixels, tier: str, settings: list[str]) -> dict[str, float]:
    """Return what is lost where training images are noisy too, sigma 0.5 and nothing clipped, and no clean one is known."""
    known = to_unit(training.array)
    tests = damaged(clean, 0.5, seed=1, clip=False)
    values = {}
    for name, images, recipe in (
        ("noisy", damaged(known, 0.5, seed=4, clip=False), "denoiser-noisy-only"),
        ("clean", known, "denoiser"),
    ):
        file = train_denoiser(ImageSet(images), make_recipe(recipe, tier, settings))
        rule = file.preprocess
        unit = (tests - rule.black) / (rule.white - rule.black)
        cleaned = noise_remover(file).remove(unit)[0] * (rule.white - rule.black) + rule.black
        values[name] = decibels(cleaned, clean)
        print(f"trained on {name} images: {values[name]:.2f} dB", flush=True)
    return {**values, "loss": values["clean"] - values["noisy"]}


if __name__ == "__main__":
    main()
