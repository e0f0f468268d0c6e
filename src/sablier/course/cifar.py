"""The lab of lesson 4: two networks on CIFAR-10, their worst mistakes, and attacks on them.

It is a chain of commands: train, compare, mistakes, attack, fool. All files, models included, are in one folder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sablier.errors import ConfigError
from sablier.images.datasets import load_dataset
from sablier.models.base import count_parameters
from sablier.recipes.make import make_recipe
from sablier.tasks.classification.attack import AttackResult
from sablier.tasks.classification.classify import NET, ClassificationResult
from sablier.tasks.classification.fool import FoolResult
from sablier.tasks.classification.fooling import WAYS
from sablier.training.progress import Progress
from sablier.workflows.attack import attack
from sablier.workflows.compare import compare
from sablier.workflows.fool import fool
from sablier.workflows.mistakes import mistakes
from sablier.workflows.training.forecast import OnProgress, unheard
from sablier.workflows.training.train import READING, train

SIMPLE, DEEPER = "simple", "deeper"
EPS = 2 / 255  # of the range from black to white: invisible
METHOD = "apgd"
RATE = 1e-3  # of the simple network: at the rate for digits, its training on photos fails (docs/LOG.md)


@dataclass(frozen=True)
class Net:
    """The results of one network.

    Args:
        name, parameters: of the network.
        seconds: of training.
        told: the predictions on the test photos.
        attacked: the results of attacks on some of them.
        fooled: its fooling images, also classified by the other network.
    """

    name: str
    parameters: int
    seconds: float
    told: ClassificationResult
    attacked: AttackResult
    fooled: FoolResult


@dataclass(frozen=True)
class Lesson:
    """The results of the lab: the networks, and the files that were written."""

    nets: tuple[Net, ...]
    written: tuple[Path, ...]


def run(
    output: Path,
    *,
    data: str = "cifar10",
    tier: str = "small",
    count: int = 200,
    settings: Sequence[str] = (),
    on_progress: OnProgress = unheard,
) -> Lesson:
    """Train a simple and a deeper network, compare them, and attack both.

    Args:
        output: a folder for simple.sablier and deeper.sablier, for compare.csv, compare.json and curves.png, and for
            NAME-mistakes/, NAME-attacked/ and NAME-fooled/ of each network, which these commands write.
        data: a named set with labels.
        tier: of the recipe `classifier`, for the deeper network.
        count: how many test photos to attack, an even sample.
        settings: "key=value" changes to the recipe `classifier`.

    Raises:
        ImagesError: for a set without labels.
    """
    if count < 1:
        raise ConfigError(f"expected to attack at least 1 image, got {count}.")
    recipes = {
        SIMPLE: make_recipe("course-cnn", settings=[f"learning_rate={RATE}"]),
        DEEPER: make_recipe("classifier", tier, settings),
    }
    images, tests = (load_dataset(data, split) for split in ("train", "test"))
    paths = {name: output / f"{name}.sablier" for name in recipes}
    files = {
        name: train(images, paths[name], recipes[name], on_progress=partial(_training, on_progress, name)) for name in recipes
    }
    compared = compare(list(paths.values()), tests, output)
    nets, written = [], [output / "curves.png"]
    for found, (name, file) in zip(compared.models, files.items(), strict=True):
        told = found.measured
        assert isinstance(told, ClassificationResult)  # the models classify
        mistakes(paths[name], tests, output / f"{name}-mistakes", folds=0)
        attacked = attack(
            paths[name], tests, output / f"{name}-attacked", method=METHOD, eps=EPS, count=count,
            on_progress=partial(_attacking, on_progress, name, count),
        )  # fmt: skip
        judge = next(path for other, path in paths.items() if other != name)
        fooled = fool(paths[name], output / f"{name}-fooled", judge=judge, on_progress=partial(_fooling, on_progress, name))
        nets.append(Net(name, count_parameters(file.parts[NET].to_model()), found.seconds, told, attacked, fooled))
        pages = ("mistakes/mistakes.html", "attacked/attack.png", "fooled/fool.png")
        written += [output / f"{name}-{page}" for page in pages]
    return Lesson(tuple(nets), tuple(written))


def _training(on_progress: OnProgress, name: str, stage: str, progress: Progress) -> None:
    on_progress(stage if stage == READING else f"{stage} the {name} net", progress)


def _attacking(on_progress: OnProgress, name: str, count: int, images: int) -> None:
    on_progress(f"attacking the {name} net", Progress(images, count))


def _fooling(on_progress: OnProgress, name: str, way: str, images: int) -> None:
    on_progress(f"fooling the {name} net", Progress(list(WAYS).index(way), len(WAYS)))
