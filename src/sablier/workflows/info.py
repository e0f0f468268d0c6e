"""info and doctor: what a model file is, and what this machine can do."""

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path

import torch

import sablier
from sablier.calibration import percent
from sablier.images.datasets import list_datasets
from sablier.modelfile import ModelFile
from sablier.models.base import Model, count_parameters, layer_tables
from sablier.tasks.denoise import TASK as DENOISE
from sablier.tasks.detect import TASK as DETECT
from sablier.tasks.detect import Detector
from sablier.transforms.batches import choose_device
from sablier.workflows.network import network_of

ALPHAS = (0.01, 0.05, 0.1)


def describe_model(path: Path) -> tuple[dict[str, str], list[tuple[str, str, str, int]], list[str]]:
    """Return facts by name, the layer table of the network, and the promise at 1, 5 and 10 %."""
    file = ModelFile.load(path)
    detector = Detector.from_file(file) if file.task == DETECT else None
    networks = detector.scorers[0].networks if detector else {"net": network_of(file, file.task)}
    history = next(iter(file.histories.values()))
    last = history["rows"][-1] if history["rows"] else {}
    provenance = file.provenance
    settings = {key: value for part in ("options", "objective", "fit") for key, value in provenance.recipe[part].items()}
    facts = {
        "task": file.task,
        "file": f"{path}, {Path(path).stat().st_size / 1e6:.2f} MB",
        "network": "; ".join(f"{each.name}, {count_parameters(each):,} parameters" for each in networks.values())
        + (f"; {len(detector.scorers)} cross-conformal folds" if detector and len(detector.scorers) > 1 else ""),
        "images": _what_it_takes(file, networks),
        "trained on": f"{provenance.images} {'images or patches' if file.task == DENOISE else 'images'} from {provenance.source}",
        "fingerprint": provenance.fingerprint[:16],
        "skipped": f"{len(provenance.skipped)} unreadable images",
        "calibrated": provenance.calibrated if detector else "not a detector",
        "recipe": f"{provenance.recipe['name']}: " + ", ".join(f"{key}={value}" for key, value in settings.items()),
        "training": f"{len(file.histories)} x {history['seconds']:.0f} s, {history['dtype']} on {history['device']}, "
        f"{history['threads']} threads",
        "last losses": ", ".join(f"{key} {value:.5f}" for key, value in last.items() if "loss" in key),
        "made": f"{provenance.created} by sablier {provenance.sablier}, torch {provenance.torch}",
    }
    promises = [f"alpha {percent(alpha)}: {detector.calibration.promise(alpha)}" for alpha in ALPHAS] if detector else []
    return facts, layer_tables(networks), promises


def _what_it_takes(file: ModelFile, networks: Mapping[str, Model]) -> str:
    rule = file.preprocess
    if not all("any_size" in network.capabilities for network in networks.values()):
        return rule.describe()
    return f"any size, {'grey' if rule.channels == 1 else 'colour'}; trained at {rule.height} x {rule.width}"


def examine_machine() -> dict[str, str]:
    """Return findings by check: versions, processor, arithmetic speed of each type, data sets."""
    rates = {dtype: _matrix_rate(dtype) for dtype in (torch.float32, torch.bfloat16)}
    faster = rates[torch.bfloat16] > 1.15 * rates[torch.float32]
    present = [item.name for item in list_datasets() if item.where]
    return {
        "sablier": sablier.__version__,
        "python": platform.python_version(),
        "torch": f"{torch.__version__}, {torch.get_num_threads()} threads of {os.cpu_count()} processors",
        "device": str(choose_device()),
        "float32": f"{rates[torch.float32]:.0f} GFLOP/s",
        "bfloat16": f"{rates[torch.bfloat16]:.0f} GFLOP/s: training {'may use it' if faster else 'will not use it'}",
        "data sets": f"{', '.join(present)} (the others: sablier data list)",
        "SABLIER_DATA": os.environ.get("SABLIER_DATA", "not set"),
    }


def _matrix_rate(dtype: torch.dtype, side: int = 1024, repeats: int = 8) -> float:
    """Return the speed of a matrix product in 10^9 operations a second."""
    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best / 1e9
