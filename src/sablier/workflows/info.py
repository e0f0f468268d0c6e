"""The workflows of `info` and `doctor`: the facts of a model file, and the capabilities of this machine."""

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import sablier
from sablier.calibration import percent
from sablier.images.datasets import list_datasets
from sablier.images.grouping import counted
from sablier.modelfile import JUDGE, ModelFile, Provenance
from sablier.models.base import Model, count_parameters, layer_tables
from sablier.report.settings import as_text, settings_in_use
from sablier.report.words import counted as counted_noun
from sablier.report.words import duration
from sablier.tasks.codec.blocks import CONTEXT, NET, BlockCoder
from sablier.tasks.codec.blocks import TASK as COMPRESS
from sablier.tasks.codec.codec import fingerprint
from sablier.tasks.codec.latents import GRID
from sablier.tasks.denoise import TASK as DENOISE
from sablier.tasks.detection.detect import TASK as DETECT
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.members.backbone import OwnBackbone
from sablier.tasks.detection.named_backbone import named_backbone
from sablier.tasks.detection.score_judge import ScoreJudge, ties_words
from sablier.transforms.batches import choose_device
from sablier.workflows.compress import examine
from sablier.workflows.training.network import network_of

ALPHAS = (0.01, 0.05, 0.1)
MOST_FILTERED = 5
MOST_LISTED = 5


def describe_model(path: Path) -> tuple[dict[str, str], list[tuple[str, str, str, int]], list[str]]:
    """Return facts by name, the layer table of the networks, if any, and the guarantee at 1, 5 and 10 %."""
    file = ModelFile.load(path)
    if file.task == JUDGE:
        return _describe_scores(file, path)
    detector = Detector.from_file(file) if file.task == DETECT else None
    networks = detector.scorers[0].networks if detector else _networks(file)
    provenance = file.provenance
    facts = {
        "task": file.task,
        "file": f"{path}, {Path(path).stat().st_size / 1e6:.2f} MB",
        **_what_looks(detector, networks),
        **_backbone(file),
        "images": _what_it_takes(file, networks),
        **_listed_part(networks),
        "trained on": f"{provenance.images} {'images or patches' if file.task == DENOISE else 'images'} from {provenance.source}",
        **_groups(provenance, detector),
        "fingerprint": provenance.fingerprint[:16],
        **({"codec": f"{fingerprint(file)}: compressed files name it"} if file.task == COMPRESS else {}),
        "skipped": f"{len(provenance.skipped)} unreadable images",
        **_listed(provenance),
        **({"updated": f"with {'; then with '.join(provenance.updates)}"} if provenance.updates else {}),
        "calibrated": provenance.calibrated if detector else "not a detector",
        "tier": provenance.recipe.get("tier", "not noted"),
        **_recipe(provenance),
        **({} if provenance.seconds is None else {"took": f"{duration(provenance.seconds)}, images read and all"}),
        **_training(file),
        "made": f"{provenance.created} by sablier {provenance.sablier}, torch {provenance.torch}",
    }
    return facts, layer_tables(networks), _promises(detector)


def _promises(judge: Judge | None) -> list[str]:
    return [f"alpha {percent(alpha)}: {judge.calibration.promise(alpha)}" for alpha in ALPHAS] if judge else []


def _describe_scores(file: ModelFile, path: Path) -> tuple[dict[str, str], list[tuple[str, str, str, int]], list[str]]:
    """Return the same of a calibration of another tool's scores."""
    judge, provenance = ScoreJudge.from_file(file), file.provenance
    facts = {
        "task": "judge: verdicts on the scores of another tool, which is not in this file",
        "file": f"{path}, {Path(path).stat().st_size / 1e6:.2f} MB",
        "scores": f"column {judge.columns['score']}; {'lower' if judge.lower_is_worse else 'higher'} is more anomalous",
        "images": f"named by column {judge.columns['id']}" if judge.columns["id"] else "numbered by rows",
        "calibrated": provenance.calibrated,
        "calibration": judge.calibration.size,
        **({"ties": ties} if (ties := ties_words(judge.calibration)) else {}),
        "fingerprint": provenance.fingerprint[:16],
        "made": f"{provenance.created} by sablier {provenance.sablier}",
    }
    return facts, [], _promises(judge)


def _listed_part(networks: Mapping[str, Model]) -> dict[str, str]:
    """Return for images of which size layers are listed, where it is not that of the model."""
    sizes = {network.listed_size for network in networks.values() if network.listed_size != network.shape[:2]}
    return {"layers": "listed for a part of " + ", ".join(f"{height} x {width}" for height, width in sizes)} if sizes else {}


def describe_container(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return facts of a .sabz file by name, and its damage in words."""
    container = examine(path)
    header = container.header
    sizes = [
        f"{count:,} of {height} x {width}, {'grey' if channels == 1 else 'colour'}"
        for count, height, width, channels in header.sizes
    ]
    ids = container.names.ids if container.names else []
    more = f" and {len(sizes) - MOST_LISTED} more runs" if len(sizes) > MOST_LISTED else ""
    coded = sum(block.bytes for block in header.blocks)
    facts = {
        "file": f"{path}, {path.stat().st_size:,} bytes",
        "images": f"{header.images:,}: {'; '.join(sizes[:MOST_LISTED])}{more}",
        "kept": "every pixel as it was" if header.mode == "lossless" else f"lossy, rounded to steps of {header.step / GRID:.3f}",
        "blocks": f"{len(header.blocks)} of at most 64 images, {coded:,} bytes",
        "headers": f"2, {container.header_bytes:,} bytes in all",
        "names": f"{header.names[0]:,} bytes: {', '.join(ids[:MOST_LISTED])}{' ...' if len(ids) > MOST_LISTED else ''}"
        if ids
        else "none",
        "checksums": "all as they should be" if not container.damage else "see below",
        "model": f"{header.model}, tiles of {header.tile[0]} x {header.tile[1]}: it takes that model to decompress",
    }
    return facts, container.damage


def _networks(file: ModelFile) -> dict[str, Model]:
    """Return the networks of a model that is no detector."""
    if file.task == COMPRESS:
        coder = BlockCoder.of(file)
        return {NET: coder.net, CONTEXT: coder.context}
    return {NET: network_of(file, file.task)}


def _what_looks(detector: Detector | None, networks: Mapping[str, Model]) -> dict[str, str]:
    """Return the members of a detector, with their networks, or the one network of another model."""
    described = {name: f"{each.name}, {count_parameters(each):,} parameters" for name, each in networks.items()}
    if detector is None:
        return {"network": "; ".join(described.values())}
    described[OwnBackbone.kind] = "the backbone below"
    kinds = [member.kind for member in detector.scorers[0].members]
    folds = f"; {len(detector.scorers)} cross-conformal folds" if len(detector.scorers) > 1 else ""
    return {"members": "; ".join(f"{kind}: {described.get(kind, 'no network')}" for kind in kinds) + folds}


def _backbone(file: ModelFile) -> dict[str, str]:
    """Return what a model file keeps of its backbone; nothing if it needs none."""
    record = named_backbone(file)
    if record is None:
        return {}
    outputs = [f"{output.name}, {' x '.join(map(str, output.shape))}" for output in record.outputs]
    return {
        "backbone": f"{record.file}, not in this file: name it with --backbone",
        "its SHA-256": record.sha256,
        "its outputs": "; ".join(outputs),
    }


def _groups(provenance: Provenance, detector: Detector | None) -> dict[str, str]:
    """Return the number of groups if some images are not independent, and what calibrates."""
    facts = {}
    if provenance.groups not in (0, provenance.images):
        joined = provenance.joined_groups
        also = f"; {joined} given groups hold copies of each other and were joined" if joined else ""
        facts["groups"] = f"{counted(provenance.images, provenance.groups)}, {provenance.grouping}; each counts once{also}"
    return facts if detector is None else facts | {"calibration": detector.calibration.size}


def _listed(provenance: Provenance) -> dict[str, str]:
    """Return the number of training images that may not belong, and the highest-scoring; nothing if there are none."""
    listed = provenance.filtered
    if not listed:
        return {}
    more = f" and {len(listed) - MOST_FILTERED} more" if len(listed) > MOST_FILTERED else ""
    names = ", ".join(name for name, _ in listed[:MOST_FILTERED])
    return {
        "contamination filter": f"{len(listed)} training images may not belong; they only calibrate. Worst first: {names}{more}"
    }


def _recipe(provenance: Provenance) -> dict[str, str]:
    """Return the name of the recipe, with the values of a detector, and a line of values for each network."""
    lines = {}
    for network, settings in settings_in_use(provenance.recipe).items():
        of_detectors = network or provenance.recipe.get("task") == DETECT
        shown = [
            f"{key}={as_text(value)}" for key, value in settings.items() if of_detectors and key not in ("name", "task", "tier")
        ]
        lines[f"recipe of {network}" if network else "recipe"] = ", ".join(shown)
    lines["recipe"] = ": ".join(filter(None, (provenance.recipe.get("name"), lines["recipe"])))
    return lines


def _training(file: ModelFile) -> dict[str, str]:
    """Return how long each kind of network was trained, on what, and its last losses, from its first fold."""
    if not file.histories:
        return {"training": "none: it has no network"}
    kinds: dict[str, list[dict[str, Any]]] = {}
    for name, history in file.histories.items():
        kinds.setdefault(name.partition("/")[2], []).append(history)
    facts = {}
    for kind, histories in kinds.items():
        first = histories[0]
        last = first["rows"][-1] if first["rows"] else {}
        of_kind = f" of {kind}" if kind else ""
        facts[f"training{of_kind}"] = (
            f"{len(histories)} x {first['seconds']:.0f} s, {first['dtype']} on {first['device']}, "
            f"{counted_noun(first['threads'], 'thread')}"
        )
        facts[f"last losses{of_kind}"] = ", ".join(f"{key} {value:.5f}" for key, value in last.items() if "loss" in key)
    return facts


def _what_it_takes(file: ModelFile, networks: Mapping[str, Model]) -> str:
    rule = file.preprocess
    if file.task == DETECT or not all("any_size" in network.capabilities for network in networks.values()):
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
        "torch": f"{torch.__version__}, {counted_noun(torch.get_num_threads(), 'thread')}, {os.cpu_count()} processors",
        "device": str(choose_device()),
        "float32": f"{rates[torch.float32]:.0f} GFLOP/s",
        "bfloat16": f"{rates[torch.bfloat16]:.0f} GFLOP/s: training {'may use it' if faster else 'will not use it'}",
        "data sets": f"{', '.join(present)} (the others: sablier data list)",
        "SABLIER_DATA": os.environ.get("SABLIER_DATA", "not set"),
    }


def _matrix_rate(dtype: torch.dtype, side: int = 1024, repeats: int = 8) -> float:
    """Return the speed of a matrix product in 10^9 operations per second."""
    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best / 1e9
