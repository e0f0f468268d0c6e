"""The GAN of lesson 4: two networks trained against each other, first on points of the plane, then on digits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sablier.course.gaussians import EDGE, SIDE, Game, Played, play, real_points
from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.models.base import Model, count_parameters, layer_table
from sablier.recipes.make import make_recipe
from sablier.report.figures import picture_rows
from sablier.report.points import point_panels
from sablier.report.words import counted
from sablier.tasks.latent.coverage import Coverage, coverage
from sablier.tasks.latent.sample import Sampler
from sablier.training.progress import Progress
from sablier.typing import Array
from sablier.workflows.outputs import writes
from sablier.workflows.training.generator import train_generator
from sablier.workflows.training.network import NET

MOMENTS = 3  # of the training on points that are drawn, before its end
POINTS_SHOWN = 4000
SHOWN = 10  # images of each class
NEIGHBOURS = 5
MOST_JUDGED, MOST_KNOWN = 2000, 20_000  # generated images that nearest neighbours classify, and real ones for that


@dataclass(frozen=True)
class Lesson:
    """The results of the lesson.

    Args:
        points: the training on 25 Gaussians.
        layers: of the two networks for images.
        parameters: of the generator, and of the discriminator.
        judged: how many generated images were classified.
        coverage: of each training, with generated images classified by nearest neighbours among real ones.
        real: share of each class among the real images.
        seconds: of training on images, mean over seeds.
        pictures: the files that were drawn.
    """

    points: Played
    layers: list[tuple[str, str, str, int]]
    parameters: tuple[int, int]
    judged: int
    coverage: tuple[Coverage, ...]
    real: dict[str, float]
    seconds: float
    pictures: tuple[Path, ...]


@writes("course-gan")
def run(
    output: Path | None,
    *,
    data: str = "mnist",
    tier: str = "small",
    seeds: int = 1,
    point_steps: int | None = None,
    settings: Sequence[str] = (),
    on_progress: Callable[[str, Progress], None] = lambda stage, progress: None,
) -> Lesson:
    """Train on 25 Gaussians, then train a GAN on images and count the generated classes.

    Args:
        output: a folder for gaussians.png, samples.png and learning.png, which is updated during the first training; None
            draws nothing.
        data: a named set with labels, which are used for counting only.
        tier: of the recipe `gan`.
        seeds: how many trainings on images.
        point_steps: steps of the training on points; None: 30,000.
        settings: "key=value" changes to the recipe `gan`.

    Raises:
        ConfigError: for a set without labels.
    """
    images = load_dataset(data, "train")
    if images.labels is None:
        raise ConfigError(f"expected a set with labels to count classes by, got {data}. Try mnist or digits.")
    recipes = [make_recipe("gan", tier, [*settings, f"seed={seed}"]) for seed in range(seeds)]
    game = Game()
    if point_steps is not None:
        game = replace(game, fit=replace(game.fit, steps=point_steps))
    points = play(game, moments=MOMENTS if output else 0, on_progress=partial(on_progress, "25 Gaussians"))
    files = []
    for seed, recipe in enumerate(recipes):
        stage = f"seed {seed + 1} of {seeds}"
        picture = output / "learning.png" if output and not seed else None
        files.append(train_generator(images, recipe, picture=picture, on_progress=_named(on_progress, stage)))
    teller = _Teller(images, files[0])
    judged = [teller.judge(file) for file in files]
    pictures: dict[Path, bytes] = {}
    if output is not None:
        pictures = {output / "gaussians.png": _point_picture(points), output / "samples.png": teller.picture(*judged[0])}
        for path, data_of_picture in pictures.items():
            write_whole(path, data_of_picture)
    pair: Any = files[0].parts[NET].to_model()
    return Lesson(
        points=points,
        layers=layer_table(pair),
        parameters=(count_parameters(pair.generator), count_parameters(pair.discriminator)),
        judged=MOST_JUDGED,
        coverage=tuple(teller.coverage(*each) for each in judged),
        real=teller.shares,
        seconds=float(np.mean([history["seconds"] for file in files for history in file.histories.values()])),
        pictures=(*pictures, *([output / "learning.png"] if output else [])),
    )


def _named(on_progress: Callable[[str, Progress], None], stage: str) -> Callable[[str, Progress], None]:
    return lambda _, progress: on_progress(stage, progress)


def _point_picture(played: Played) -> bytes:
    """Draw real points, and generated points during training and at the end."""
    panels = {f"{SIDE**2} Gaussians": real_points(POINTS_SHOWN, 0)}
    panels |= {f"after {counted(epoch, 'epoch')}": points[:POINTS_SHOWN] for epoch, points in played.points.items()}
    return point_panels(panels, EDGE)


class _Teller:
    """Classifies generated images by their nearest neighbours among real images, independently of the generator."""

    def __init__(self, images: ImageSet, file: ModelFile) -> None:
        # scikit-learn is imported only when needed.
        from sklearn.neighbors import KNeighborsClassifier

        self.preprocess = file.preprocess
        known = images.take(np.linspace(0, len(images) - 1, min(MOST_KNOWN, len(images))).astype(int)).dense(file.preprocess)
        self.known = file.preprocess.to_unit(known.array)
        assert images.labels is not None  # the lesson checked
        names, counts = np.unique(images.labels, return_counts=True)
        self.shares = {str(name): float(count / counts.sum()) for name, count in zip(names, counts, strict=True)}
        self.neighbours = KNeighborsClassifier(NEIGHBOURS).fit(_flat(self.known), known.labels)

    def judge(self, file: ModelFile) -> tuple[Array, Array]:
        """Return images of the generator in a file, and the class of each."""
        network: Model = file.parts[NET].to_model()
        drawn = Sampler(network, self.preprocess).sample(MOST_JUDGED).images
        return drawn, self.neighbours.predict(_flat(drawn))

    def coverage(self, drawn: Array, found: Array) -> Coverage:
        """Return how generated images cover the classes."""
        return coverage(found, list(self.shares), drawn, self.known)

    def picture(self, drawn: Array, found: Array) -> bytes:
        """Draw the first images of each class in a row."""
        rows = {}
        for name in self.shares:
            of_class = drawn[found == name]
            blank = np.ones((max(0, SHOWN - len(of_class)), *drawn.shape[1:]))
            rows[f"{name}: {len(of_class) / len(drawn):.1%} of {len(drawn):,} drawn"] = np.concatenate([of_class[:SHOWN], blank])
        return picture_rows(rows)


def _flat(images: Array) -> Array:
    return images.reshape(len(images), -1)
