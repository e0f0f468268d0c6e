"""A small model of every task, its parts and words changed at will under a checksum that is right again, and its use."""

import copy
import json
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sablier.backbones import BackboneFile
from sablier.errors import SablierError
from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile, pack, unpack
from sablier.recipes.make import make_recipe
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.codec.codec import Codec
from sablier.tasks.detection.detect import Detector
from sablier.workflows.calibrate_scores import calibrate_scores
from sablier.workflows.compare import compare
from sablier.workflows.denoise import noise_remover
from sablier.workflows.embed import embed
from sablier.workflows.evaluate import evaluate
from sablier.workflows.info import describe_model
from sablier.workflows.judge import judge
from sablier.workflows.reconstruct import reconstruct
from sablier.workflows.sample import sample
from sablier.workflows.training.train import MAKERS
from sablier.workflows.update import update

SOME = [0, -1, 1, 2, 7, 64, 1e-30, -1e-9, 0.5, 1e10, 1e30, 1e38, 1e308, float("nan"), float("inf"), -float("inf"), 2**31, 2**63]
WORDS: list[Any] = [
    *(None, True, "", "x", "x" * 3000, "../../x", "\x1b[2J", "\ud800", [], {}, [[]], [1] * 100, {"a": {"b": []}}),
    *("detect", "denoise", "bottleneck", "unet", "gan", "float32", "uint16", "fit", "exact", "nan", "closed-form", "restoration"),
]
REPORTED = 0.1  # of the cases, in which reports are drawn too, which takes seconds
DTYPES = ("float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool")


def photos(count: int = 30) -> ImageSet:
    """Return colour images too large to be taken as they are."""
    drawn = np.random.default_rng(0).random((count, 72, 72, 3)) * 60
    return ImageSet((drawn + np.linspace(0, 180, 72)[:, None]).astype(np.uint8))


@cache
def backbone() -> tuple[Path, tempfile.TemporaryDirectory[str]]:
    """Return a feature network as a user's own, in a folder that is there as long as it is held."""
    kept = tempfile.TemporaryDirectory()
    path = Path(kept.name) / "patches.pt2"
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 8, 8), torch.nn.Tanh()).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = {0: torch.export.Dim("batch")}
        torch.export.save(torch.export.export(net, (torch.rand(2, 3, 72, 72),), dynamic_shapes=(images,)), path)
    return path, kept


def made() -> dict[str, tuple[ModelFile, ImageSet]]:
    """Return a model of every task, hardly trained, and a few images for it."""
    digits = read_images("digits")
    some, threes = digits.take(np.arange(300)), read_images("digits[label=3]")
    wanted: dict[str, tuple[ImageSet, str, str, list[str]]] = {
        "detect": (threes, "detector", "tiny", [
            "members=restoration,transformations,closed-form", "epochs=1", "folds=2", "width=8", "transformations.width=4",
        ]),
        "detect with a pretrained network": (photos(), "detector", "base", ["folds=2", "size=72"]),
        "detect with a backbone": (photos(), "detector", "tiny", ["folds=2", "size=72"]),
        "detect photos": (photos(), "detector", "base", [
            "photo_members=patches,inpainting,closed-form", "folds=2", "steps=1", "inpainting.width=4", "size=72",
        ]),
        "reconstruct": (some, "generator", "tiny", ["steps=3", "width=8", "latent=3", "flow.width=8"]),
        "denoise": (some, "denoiser", "tiny", ["epochs=1", "width=8", "size=8"]),
        "generate": (some, "gan", "tiny", ["steps=2", "width=8"]),
        "compress": (some, "codec", "tiny", [
            "steps=3", "width=8", "latent=4", "context.width=8", "context.reach=3", "context.look=1",
        ]),
        "classify": (some, "classifier", "tiny", ["steps=3", "width=4"]),
    }  # fmt: skip
    found = {}
    for name, (images, recipe, tier, settings) in wanted.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen = make_recipe(recipe, tier, settings)
            own = {"backbone": BackboneFile.read(backbone()[0])} if "backbone" in name else {}
            found[name] = MAKERS[chosen.task](images, chosen, **own), images.take(np.arange(1 if name == "detect photos" else 2))
    with tempfile.TemporaryDirectory() as folder:
        found["judge"] = calibrate_scores(scores_in(Path(folder)), Path(folder) / "tool.sablier").file, some.take(np.arange(2))
    return found


def scores_in(folder: Path) -> Path:
    """Write a table of scores in groups; return its path."""
    table = folder / "scores.csv"
    table.write_text("id,score,group\n" + "".join(f"{place},{place % 7},{place // 2}\n" for place in range(60)))
    return table


def use(path: Path, images: ImageSet, folder: Path, draw: random.Random) -> None:
    """Load a model file and do with it what it is for; one verb that is refused does not spare it the others."""
    ways: tuple[Callable[[], Any], ...] = (
        lambda: Detector.from_file(ModelFile.load(path)).detect(images, pictures=True),
        lambda: Detector.from_file(ModelFile.load(path), backbone()[0]).detect(images, pictures=True),
        lambda: update(path, None, folder / "updated.sablier", false_alarms=others(images)),
        lambda: update(path, None, folder / "updated.sablier", false_alarms=others(images), backbone=backbone()[0]),
        lambda: Classifier.from_file(ModelFile.load(path)).classify(images).to_json(),
        lambda: noise_remover(ModelFile.load(path)).denoise(images).to_table(),
        lambda: _there_and_back(Codec(path), images),
        lambda: reconstruct(path, images, folder / "reconstructed"),
        lambda: embed(path, images),
        lambda: sample(path, folder / "samples.png", 2),
        lambda: sample(path, folder / "variations.png", 2, like=images),
        lambda: describe_model(path),
        lambda: judge(path, scores_in(folder), folder / "judged"),
    )
    if draw.random() < REPORTED:
        ways += (
            lambda: evaluate(path, images, images, folder / "report.html"),
            lambda: compare([path], good=images, bad=images),
        )
    try:
        ModelFile.load(path)
    except SablierError:
        return
    for way in ways:
        try:
            way()
        except SablierError:
            continue


def others(images: ImageSet) -> ImageSet:
    """Return images of the same size and type that trained no model."""
    return ImageSet(images.array[:, ::-1].copy())


def _there_and_back(codec: Codec, images: ImageSet) -> None:
    codec.decompress(codec.compressed(images, lossless=True, check=False).data)


def changed(data: bytes, draw: random.Random, folder: Path) -> tuple[bytes, str]:
    """Return a model file with one thing in it changed and its checksum renewed, and what was changed."""
    path = folder / "whole.sablier"
    path.write_bytes(data)
    text, tensors = unpack("model", path)
    if draw.random() < 0.5:
        name = draw.choice(sorted(tensors))
        what, tensors = _tensor_changed(tensors, name, draw)
        return pack("model", text, tensors), f"{name}: {what}"
    content = json.loads(text)
    places = [place for place in walk(content) if place[:1] != ["histories"] or draw.random() < 0.2]
    what = word_changed(content, draw.choice(places), draw)
    return pack("model", json.dumps(content), tensors), what


def _tensor_changed(tensors: dict[str, Any], name: str, draw: random.Random) -> tuple[str, dict[str, Any]]:
    value, found = np.array(tensors[name]), dict(tensors)
    what = draw.choice(
        ("one", "one", "all", "scale", "type", "drop", "double", "turn", "flat", "empty", "axis", "lose", "move", "other")
    )
    number = draw.choice(SOME)
    with np.errstate(all="ignore"):
        if what == "one" and value.size:
            value.reshape(-1)[draw.randrange(value.size)] = _fitting(number, value)
        elif what == "all":
            value[...] = _fitting(number, value)
        elif what == "scale":
            value = (value * float(_fitting(number, value))).astype(value.dtype)
        elif what == "type":
            value = value.astype(draw.choice(DTYPES))
        elif what == "drop" and value.ndim:
            value = np.take(value, np.arange(value.shape[axis := draw.randrange(value.ndim)] - 1), axis)
        elif what == "double" and value.ndim:
            value = np.concatenate([value, value], draw.randrange(value.ndim))
        elif what == "turn":
            value = value.T
        elif what == "flat":
            value = value.reshape(-1)
        elif what == "empty" and value.ndim:
            value = value[:0]
        elif what == "axis":
            value = value[None]
        elif what == "other":
            value = np.array(tensors[draw.choice(sorted(tensors))])
    found[name] = value
    if what in ("lose", "move"):
        found[draw.choice((name + "x", "a/" + name))] = found.pop(name)
        if what == "lose":
            found = {key: each for key, each in found.items() if key in tensors}
    return f"{what} {number!r}", found


def _fitting(number: Any, value: Any) -> Any:
    """Return a number as an array's type can hold it."""
    if value.dtype.kind == "f":
        return np.float64(number).astype(value.dtype)
    if value.dtype == bool:
        return bool(number)
    limits = np.iinfo(value.dtype)
    return limits.max if not number <= limits.max else limits.min if number < limits.min else int(number)


def walk(content: Any, place: tuple[Any, ...] = ()) -> Iterator[list[Any]]:
    """Yield the place of every value in nested dicts and lists."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in pairs:
        yield [*place, key]
        yield from walk(value, (*place, key))


def word_changed(content: Any, place: list[Any], draw: random.Random) -> str:
    """Change the value at a place, or lose it, or put another beside it; return what was done."""
    inside = content
    for key in place[:-1]:
        inside = inside[key]
    what = draw.choice(("set", "set", "set", "lose", "add", "other"))
    where = ".".join(map(str, place))
    if what == "lose":
        del inside[place[-1]]
        return f"{where} lost"
    if what == "add":
        value = draw.choice([*SOME, *WORDS])
        if isinstance(inside, dict):
            inside["new"] = value
        else:
            inside.append(value)
        return f"{where}: {value!r:.60} beside"
    value = draw.choice([*SOME, *WORDS])
    if what == "other":
        value = content
        for key in draw.choice(list(walk(content))):
            value = value[key]
        value = copy.deepcopy(value)
    inside[place[-1]] = value
    return f"{where} = {value!r:.60}"


def try_models(files: dict[str, tuple[ModelFile, ImageSet]], name: str, seed: int) -> str:
    """Change one model file by a seed and use it; return what was changed."""
    with tempfile.TemporaryDirectory() as made_here:
        folder, (file, images) = Path(made_here), files[name]
        path = folder / "changed.sablier"
        file.save(path)
        draw = random.Random(seed)
        data, what = changed(path.read_bytes(), draw, folder)
        path.write_bytes(data)
        use(path, images, folder, draw)
        return what
