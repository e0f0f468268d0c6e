"""The lab of lesson 4: two nets on CIFAR-10, the photos on which they are most wrong, and how they are fooled.

It is a chain of verbs: train, compare, mistakes, attack, fool. Everything it makes lies in one folder, models too.
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
EPS = 2 / 255  # of the range from black to white: no eye sees it
METHOD = "apgd"
RATE = 1e-3  # of the simple net: at the rate that digits bear it learns nothing from photos (docs/LOG.md)


@dataclass(frozen=True)
class Net:
    """What came of one net.

    Args:
        name, parameters: of the net.
        seconds: of training.
        told: the test photos as it tells them.
        attacked: what slight changes do to some of them.
        fooled: fooling images for it, judged by the other net.
    """

    name: str
    parameters: int
    seconds: float
    told: ClassificationResult
    attacked: AttackResult
    fooled: FoolResult


@dataclass(frozen=True)
class Lesson:
    """What the lab gave: the nets, and the files that were written."""

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
    """Train a simple net and a deeper one, compare them, and attack both.

    Args:
        output: a folder for simple.sablier and deeper.sablier, for compare.csv, compare.json and curves.png, and of each net for
            NAME-mistakes/, NAME-attacked/ and NAME-fooled/, what these verbs write.
        data: a named set with labels.
        tier: of the recipe `classifier`, which makes the deeper net.
        count: how many test photos to attack, drawn evenly.
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
