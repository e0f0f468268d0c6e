"""What lesson 1 measures: a network trained on one digit, the errors of all test images, and the codes of mixed digits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sablier.baselines import Baselines
from sablier.course.anomaly_uses import Groups, Sizes, grouped, sizes_of_codes
from sablier.errors import TooFewImages
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.metrics import auroc
from sablier.models.base import Model, count_parameters, layer_table
from sablier.recipes.make import make_recipe
from sablier.recipes.settings import settings_of_the_run
from sablier.tasks.latent.reconstruct import reconstruct, squared_errors
from sablier.training.loop import History
from sablier.typing import Array
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, unheard
from sablier.workflows.training.network import train_model
from sablier.workflows.training.trial import Trial, expected_training

RECIPE = "course-dense"
SAMPLES = 5
FALSE_ALARMS = 0.05  # of held-out images of the normal digit
MIXED = "the network for all digits"


@dataclass(frozen=True)
class Run:
    """One training and what it scores.

    Args:
        model, history: the network and its training; the last row holds the validation loss.
        threshold: the error that 5 % of the validation images exceed.
        again: the reconstructions of the test images, N,H,W,C in [0, 1].
        errors: their mean squared errors, N.
        auroc, auroc_pca: of the errors, and of those of PCA.
    """

    model: Model
    history: History
    threshold: float
    again: Array
    errors: Array
    auroc: float
    auroc_pca: float


@dataclass(frozen=True)
class Lesson:
    """The results of the lesson.

    Args:
        data, normal, settings: what was asked for.
        trained_on: the number of training images.
        parameters, layers: of the network.
        samples, sample_labels: the first images of the normal digit, N,H,W,C in [0, 1], and their labels.
        tests, labels, is_normal: the test images in [0, 1], their labels, and whether they are normal.
        runs: the trainings, one a seed.
        groups: clusters of mixed digits.
        sizes: the bytes of an image and of its code.
    """

    data: str
    normal: str
    settings: tuple[str, ...]
    trained_on: int
    parameters: int
    layers: list[tuple[str, str, str, int]]
    samples: Array
    sample_labels: tuple[str, ...]
    tests: Array
    labels: Array
    is_normal: Array
    runs: tuple[Run, ...]
    groups: Groups
    sizes: Sizes

    @property
    def validation_mse(self) -> float:
        """The validation loss at the last epoch, mean over seeds."""
        return float(np.mean([run.history.rows[-1]["validation_loss"] for run in self.runs]))

    @property
    def auroc(self) -> float:
        """The AUROC of the errors, mean over seeds."""
        return float(np.mean([run.auroc for run in self.runs]))

    @property
    def auroc_pca(self) -> float:
        """The AUROC of the errors of PCA, mean over seeds."""
        return float(np.mean([run.auroc_pca for run in self.runs]))

    @property
    def first_error(self) -> float:
        """The error of the first test image, mean over seeds."""
        return float(np.mean([run.errors[0] for run in self.runs]))

    @property
    def seconds(self) -> float:
        """The seconds of a training, mean over seeds."""
        return float(np.mean([run.history.seconds for run in self.runs]))


def study(
    *,
    data: str = "mnist",
    normal: str = "5",
    seeds: int = 1,
    settings: Sequence[str] = (),
    on_progress: OnProgress = unheard,
) -> Lesson:
    """Train on 80 % of one digit, validate on the rest, and score the whole test set by squared error.

    The arguments are those of `sablier.course.anomaly.run`.
    """
    desk = _Desk(data, normal, seeds, settings, Forecast(on_progress))
    runs = tuple(desk.run(seed) for seed in range(seeds))
    mixed, model = desk.mixed()
    first = desk.digits.take(np.arange(SAMPLES))
    assert first.labels is not None  # they were selected by their label
    return Lesson(
        data=data,
        normal=normal,
        settings=tuple(settings),
        trained_on=len(desk.parts(0)[0]),
        parameters=count_parameters(runs[0].model),
        layers=layer_table(runs[0].model),
        samples=desk.preprocess.to_unit(first.array),
        sample_labels=tuple(map(str, first.labels)),
        tests=desk.clean,
        labels=np.asarray(desk.tests.labels).astype(str),
        is_normal=desk.is_normal,
        runs=runs,
        groups=grouped(model, desk.preprocess, desk.tests),
        sizes=sizes_of_codes(model, desk.preprocess, mixed, desk.tests),
    )


class _Desk:
    """The images, and how a network is trained and measured."""

    def __init__(self, data: str, normal: str, seeds: int, settings: Sequence[str], forecast: Forecast) -> None:
        self.recipe = make_recipe(RECIPE, settings=settings)
        self.settings, self.seeds, self.forecast = settings, seeds, forecast
        self.all, self.tests = load_dataset(data, "train"), load_dataset(data, "test")
        self.digits = self.all.where(label=normal)
        if len(self.digits) < SAMPLES:
            known = ", ".join(np.unique(np.asarray(self.all.labels)).astype(str)) if self.all.labels is not None else "no labels"
            raise TooFewImages(f"expected --normal to be a label of {data} ({known}), got {normal!r}.")
        self.is_normal = self.tests.matches("label", normal)
        self.preprocess = Preprocess.for_images(self.digits, self.recipe.size)
        self.clean = self.preprocess.to_unit(self.tests.array)
        forecast.expect(f"lesson 1 with {len(self.digits):,} images of {data}", self._stages)

    def parts(self, seed: int) -> tuple[ImageSet, ...]:
        """Return the training and the validation images of a seed."""
        return self.digits.split(0.8, 0.2, seed=seed)

    def run(self, seed: int) -> Run:
        """Train with a seed, and score the test images."""
        training, validation = self.parts(seed)
        recipe = replace(self.recipe, fit=replace(self.recipe.fit, seed=self.recipe.fit.seed + seed))
        with self.forecast.stage(self._stage(seed)) as progressed:
            model, history = train_model(training, self.preprocess, recipe, validation=validation, on_progress=progressed)
        again = reconstruct(model, self.preprocess, self.tests)
        errors = squared_errors(self.clean, again)
        held = squared_errors(self.preprocess.to_unit(validation.array), reconstruct(model, self.preprocess, validation))
        floor = Baselines.fit(training.array, self.preprocess, seed).scores(self.tests.array, self.preprocess)["pca"]
        return Run(
            model=model,
            history=history,
            threshold=float(np.quantile(held, 1 - FALSE_ALARMS)),
            again=again,
            errors=errors,
            auroc=auroc(errors[self.is_normal], errors[~self.is_normal]),
            auroc_pca=auroc(floor[self.is_normal], floor[~self.is_normal]),
        )

    def mixed(self) -> tuple[ImageSet, Model]:
        """Train the lesson's network on as many digits of all kinds, without their labels; settings of the run apply."""
        images = self.all.take(np.arange(min(len(self.digits), len(self.all))))
        recipe = make_recipe(RECIPE, settings=settings_of_the_run(self.settings))
        with self.forecast.stage(MIXED) as progressed:
            model, _ = train_model(images, self.preprocess, recipe, ("encode", "decode"), on_progress=progressed)
        return images, model

    def _stages(self) -> list[Stage]:
        training, validation = self.parts(0)
        trial = Trial(self.recipe, training, self.preprocess)
        return [expected_training(trial, name, len(validation)) for name in [*map(self._stage, range(self.seeds)), MIXED]]

    def _stage(self, seed: int) -> str:
        return f"seed {seed + 1} of {self.seeds}"
