"""What lesson 2 measures: networks and PCA that reconstruct letters, and networks that remove noise from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from sablier.errors import ConfigError
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.metrics import psnr
from sablier.models.base import Model, count_parameters, layer_table
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.settings import settings_of_the_run
from sablier.tasks.latent.reconstruct import fitted_pca, latent_size, reconstruct, reconstructed_by_pca, squared_errors
from sablier.training.config import FitConfig
from sablier.training.loop import History
from sablier.training.objectives import Denoising
from sablier.typing import Array
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, unheard
from sablier.workflows.training.network import train_model
from sablier.workflows.training.trial import Trial, expected_training

EPOCHS = 50  # of the lesson
AS_STATED = FitConfig(
    epochs=EPOCHS, batch_size=128, optimizer="rmsprop", learning_rate=1e-3, schedule="constant", weight_decay=0.0, ema=0.0,
    gradient_clip=0.0,
)  # fmt: skip
STATED, OURS, SMALL = "as stated", "our schedule", "bottleneck"
PCA_NUMBERS = (32, 128)
SHOWN = 10
MOST_VALIDATION = 2000  # test letters, an even sample, whose loss is reported at every epoch


@dataclass(frozen=True)
class Training:
    """A network trained with several seeds.

    Args:
        name: `STATED`, `OURS` or `SMALL`.
        model, history, redrawn: the first network, its history, and its output for the test letters, N,H,W,C in [0, 1].
        epochs: how many.
        numbers: the length of a code.
        mse, seconds: means over seeds.
    """

    name: str
    model: Model
    history: History
    redrawn: Array
    epochs: int
    numbers: int
    mse: float
    seconds: float


@dataclass(frozen=True)
class Projection:
    """The test letters, reconstructed by PCA: the number of components, the outputs and the mean squared error."""

    numbers: int
    redrawn: Array
    mse: float


@dataclass(frozen=True)
class Lesson:
    """The results of the lesson.

    Args:
        data, epochs, noise, tier, seeds, settings: what was asked for.
        trained_on: the number of training letters.
        parameters, layers: of the lesson's network.
        samples, sample_labels: the first ten training letters in [0, 1], and their labels.
        clean, noisy: the test letters in [0, 1], without and with noise.
        shown: the positions of ten test letters, of different classes.
        trainings: the networks that reconstruct, the lesson's own first.
        projections: PCA.
        cleaners: the networks that remove noise.
        noisy_psnr: of the noisy letters, in dB, mean over seeds.
    """

    data: str
    epochs: int
    noise: float
    tier: str
    seeds: int
    settings: tuple[str, ...]
    trained_on: int
    parameters: int
    layers: list[tuple[str, str, str, int]]
    samples: Array
    sample_labels: tuple[str, ...]
    clean: Array
    noisy: Array
    shown: Array
    trainings: tuple[Training, ...]
    projections: tuple[Projection, ...]
    cleaners: tuple[Training, ...]
    noisy_psnr: float

    @property
    def pixels(self) -> int:
        """The number of values of a letter."""
        return prod(self.clean.shape[1:])


def study(
    *,
    data: str = "notmnist",
    epochs: int = EPOCHS,
    noise: float = 0.5,
    tier: str = "tiny",
    seeds: int = 1,
    settings: Sequence[str] = (),
    on_progress: OnProgress = unheard,
) -> Lesson:
    """Train the lesson's network to reconstruct and to denoise letters, and for comparison one that compresses.

    The arguments are those of `sablier.course.letters.run`.
    """
    if epochs < 0:
        raise ConfigError(f"expected a number of epochs from 0 on, got {epochs}.")
    recipes = _recipes(epochs, tier, settings)
    desk = _Desk(data, seeds, noise, recipes, Forecast(on_progress))
    trainings = tuple(desk.train(name, recipe) for name, recipe in recipes.items())
    cleaners = tuple(desk.train(name, recipe, noise) for name, recipe in desk.cleaners.items())
    first = desk.letters.take(np.arange(min(SHOWN, len(desk.letters))))
    return Lesson(
        data=data, epochs=epochs, noise=noise, tier=tier, seeds=seeds, settings=tuple(settings),
        trained_on=len(desk.letters),
        parameters=count_parameters(trainings[0].model),
        layers=layer_table(trainings[0].model),
        samples=desk.preprocess.to_unit(first.array),
        sample_labels=tuple(map(str, desk.names(first))),
        clean=desk.clean,
        noisy=desk.noisy(noise, 0),
        shown=desk.one_of_each(),
        trainings=trainings,
        projections=tuple(map(desk.project, PCA_NUMBERS)),
        cleaners=cleaners,
        noisy_psnr=desk.noisy_psnr(noise),
    )  # fmt: skip


def _recipes(epochs: int, tier: str, settings: Sequence[str]) -> dict[str, Recipe]:
    """Return what is trained to reconstruct: the lesson's network as stated and with our schedule, and one that compresses."""
    ours = make_recipe("course-conv", settings=settings)
    recipes = {OURS: ours, SMALL: make_recipe("autoencoder", tier, settings_of_the_run(settings))}
    if not epochs:
        return recipes
    of_the_run = {name: getattr(ours.fit, name) for name in ("seed", "threads", "device", "dtype")}
    return {STATED: replace(ours, fit=replace(AS_STATED, epochs=epochs, **of_the_run)), **recipes}


class _Desk:
    """The letters, and how a network is trained and measured."""

    def __init__(self, data: str, seeds: int, noise: float, recipes: Mapping[str, Recipe], forecast: Forecast) -> None:
        self.letters, self.tests = load_dataset(data, "train"), load_dataset(data, "test")
        self.preprocess = Preprocess.for_images(self.letters, recipes[OURS].size)
        self.clean = self.preprocess.to_unit(self.tests.array)
        self.seeds, self.forecast, self.recipes = seeds, forecast, recipes
        denoising = Denoising(noise_low=noise, noise_high=noise)
        self.cleaners = {name: replace(recipe, objective=denoising) for name, recipe in recipes.items() if name != SMALL}
        some = np.linspace(0, len(self.tests) - 1, min(MOST_VALIDATION, len(self.tests))).astype(int)
        self.validation = self.tests.take(some)
        forecast.expect(f"lesson 2 with {len(self.letters):,} letters", self._stages)

    def names(self, images: ImageSet) -> Array:
        """Return the names of the classes of images, or their labels."""
        return np.asarray(images.attributes.get("class_name", images.labels))

    def one_of_each(self) -> Array:
        """Return the positions of ten test letters, of different classes."""
        classes = np.arange(len(self.tests)) if self.tests.labels is None else np.asarray(self.tests.labels)
        return np.asarray(np.unique(classes, return_index=True)[1][:SHOWN])

    def train(self, name: str, recipe: Recipe, noise: float = 0.0) -> Training:
        """Train a network with each seed and measure its output for the test letters with noise."""
        rule = self.preprocess.model_copy(update={"dtype": "float32", "black": 0.0, "white": 1.0})
        found: list[Training] = []
        for seed in range(self.seeds):
            seeded = replace(recipe, fit=replace(recipe.fit, seed=recipe.fit.seed + seed))
            with self.forecast.stage(_stage(name, noise, seed)) as progressed:
                model, history = train_model(
                    self.letters, self.preprocess, seeded, validation=self.validation, on_progress=progressed
                )
            redrawn = reconstruct(model, rule, ImageSet(self.noisy(noise, seed)))
            mse = float(squared_errors(self.clean, redrawn).mean())
            epochs, numbers = int(history.rows[-1]["epoch"]), latent_size(model, self.preprocess)
            found.append(Training(name, model, history, redrawn, epochs, numbers, mse, history.seconds))
        mse, seconds = np.mean([(each.mse, each.seconds) for each in found], axis=0).tolist()
        return replace(found[0], mse=mse, seconds=seconds)

    def project(self, numbers: int) -> Projection:
        """Return the test letters as PCA of the training letters reconstructs them."""
        again = reconstructed_by_pca(fitted_pca(self.letters, self.preprocess, numbers), self.clean)
        return Projection(numbers, again, float(squared_errors(self.clean, again).mean()))

    def noisy(self, noise: float, seed: int) -> Array:
        """Return the test letters with Gaussian noise, clipped to [0, 1]."""
        random = np.random.default_rng(seed).standard_normal(self.clean.shape, np.float32)
        return np.asarray((self.clean + np.float32(noise) * random).clip(0, 1))

    def noisy_psnr(self, noise: float) -> float:
        """Return the PSNR of the noisy letters, in dB, mean over seeds."""
        return psnr(float(np.mean([squared_errors(self.clean, self.noisy(noise, seed)).mean() for seed in range(self.seeds)])))

    def _stages(self) -> list[Stage]:
        """Return every training with its expected time; the lesson's network as stated takes as long with noise as without."""
        trials = {name: Trial(recipe, self.letters, self.preprocess) for name, recipe in self.recipes.items()}
        jobs = [(name, 0.0) for name in self.recipes] + [(name, 1.0) for name in self.cleaners]
        return [
            replace(expected_training(trials[name], _stage(name, noise, seed), len(self.validation)), kind=name)
            for name, noise in jobs
            for seed in range(self.seeds)
        ]


def _stage(name: str, noise: float, seed: int) -> str:
    return f"{'denoising' if noise else 'reconstruction'}, {name}, seed {seed + 1}"
