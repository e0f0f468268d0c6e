"""Lesson 2: reconstruct letters, and denoise noisy ones. The network is the lesson's, the schedule sablier's or the lesson's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path

import numpy as np

from sablier.files import write_whole
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.metrics import psnr
from sablier.models.base import Model, count_parameters, layer_table
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.report.figures import loss_curves, picture_rows
from sablier.report.words import counted
from sablier.tasks.latent.reconstruct import fitted_pca, latent_size, reconstruct, reconstructed_by_pca, squared_errors
from sablier.training.config import FitConfig
from sablier.training.loop import History
from sablier.training.objectives import Denoising
from sablier.training.progress import Progress
from sablier.typing import Array
from sablier.workflows.outputs import writes
from sablier.workflows.training.network import train_model

# The lesson prints no error, only the number of parameters. bench/train_speed.py measures its 50 epochs in Keras.
LESSON = {"parameters": 314_625, "numbers": 6272, "epochs": 50, "keras_mse": 0.0047}
AS_PRINTED = FitConfig(
    epochs=50, batch_size=128, optimizer="rmsprop", learning_rate=1e-3, schedule="constant", weight_decay=0.0, ema=0.0,
    gradient_clip=0.0,
)  # fmt: skip
PCA_NUMBERS = (32, 128)
SHOWN = 10
MOST_VALIDATION = 2000  # test letters, an even sample, whose loss is reported at every epoch


@dataclass(frozen=True)
class Method:
    """The reconstruction of the test letters by one method.

    Args:
        name: in words.
        numbers: the length of a code.
        mse: the mean squared error of pixels in [0, 1], mean over seeds.
        seconds: of training, mean over seeds; 0 without training steps.
    """

    name: str
    numbers: int
    mse: float
    seconds: float = 0.0


@dataclass(frozen=True)
class Lesson:
    """The results of the lesson.

    Args:
        parameters, layers: of the lesson's network.
        pixels: of a letter.
        history: epoch, training loss and loss on 2,000 test letters, of the first training with sablier's schedule.
        methods: the methods of reconstruction, the lesson's network first.
        noisy_psnr, cleaned_psnr: of the noisy test letters before and after denoising, in dB, means over seeds.
        cleaning_seconds: of the training for denoising, mean over seeds.
        seeds: how many trainings of each kind.
        pictures: the files that were drawn.
    """

    parameters: int
    layers: list[tuple[str, str, str, int]]
    pixels: int
    history: list[dict[str, float]]
    methods: tuple[Method, ...]
    noisy_psnr: float
    cleaned_psnr: float
    cleaning_seconds: float
    seeds: int
    pictures: tuple[Path, ...]


@writes("course-letters")
def run(
    output: Path | None,
    *,
    epochs_as_printed: int = 0,
    noise: float = 0.5,
    tier: str = "tiny",
    seeds: int = 1,
    settings: Sequence[str] = (),
    on_progress: Callable[[str, Progress], None] = lambda stage, progress: None,
) -> Lesson:
    """Train the lesson's network to reconstruct and to denoise letters, and for comparison one that compresses.

    Args:
        output: a folder for losses.svg, reconstructions.png and denoising.png; None draws nothing.
        epochs_as_printed: epochs of a training with the lesson's own optimizer, too; 0 for none.
        noise: the standard deviation of the noise, before it is clipped to [0, 1].
        tier: of the recipe `autoencoder`, which compresses.
        seeds: how many trainings of each kind.
        settings: "key=value" changes to the recipe `course-conv`.
    """
    ours = make_recipe("course-conv", settings=settings)
    small = make_recipe("autoencoder", tier)
    cleaner = replace(ours, objective=Denoising(noise_low=noise, noise_high=noise))
    desk = _Desk(seeds, ours.size, on_progress)
    lesson = desk.train("our schedule", ours)
    trainings = {f"course net, our schedule, {counted(int(lesson.history.rows[-1]['epoch']), 'epoch')}": lesson}
    losses = {"losses.svg": lesson}
    if epochs_as_printed:
        printed = desk.train("as printed", replace(ours, fit=replace(AS_PRINTED, epochs=epochs_as_printed)))
        trainings[f"course net, as printed, {counted(epochs_as_printed, 'epoch')}"] = printed
        losses["losses-as-printed.svg"] = printed
    trainings["bottleneck"] = desk.train("bottleneck", small)
    methods = [Method(name, done.numbers, done.mse, done.seconds) for name, done in trainings.items()]
    redrawn = [done.redrawn for done in trainings.values()]
    for numbers in PCA_NUMBERS:
        again = reconstructed_by_pca(fitted_pca(desk.letters, desk.preprocess, numbers), desk.clean)
        methods.append(Method("PCA", numbers, float(squared_errors(desk.clean, again).mean())))
        redrawn.append(again)
    cleaning = desk.train("cleaning", cleaner, noise)
    noisy_psnr, cleaned_psnr = desk.noisy_psnr(noise), psnr(cleaning.mse)
    pictures = {}
    if output is not None:
        pictures = {output / name: loss_curves({"": training.history.__dict__}) for name, training in losses.items()}
        pictures[output / "reconstructions.png"] = desk.draw(dict(zip(map(_in_words, methods), redrawn, strict=True)))
        rows = {f"noisy, {noisy_psnr:.1f} dB": desk.noisy(noise, 0), f"predicted, {cleaned_psnr:.1f} dB": cleaning.redrawn}
        pictures[output / "denoising.png"] = desk.draw(rows)
        for path, data in pictures.items():
            write_whole(path, data)
    return Lesson(
        parameters=count_parameters(lesson.model),
        layers=layer_table(lesson.model),
        pixels=prod(desk.letters.shape),
        history=lesson.history.rows,
        methods=tuple(methods),
        noisy_psnr=noisy_psnr,
        cleaned_psnr=cleaned_psnr,
        cleaning_seconds=cleaning.seconds,
        seeds=seeds,
        pictures=tuple(pictures),
    )


def _in_words(method: Method) -> str:
    return f"{method.name}: {method.numbers:,} numbers, {psnr(method.mse):.1f} dB"


@dataclass(frozen=True)
class _Training:
    """A network trained with several seeds.

    Args:
        model, history, redrawn: the first network, its history, and its reconstructions of the test letters, N,H,W,C in [0,
            1].
        numbers: the length of a code.
        mse, seconds: means over seeds.
    """

    model: Model
    history: History
    redrawn: Array
    numbers: int
    mse: float
    seconds: float


class _Desk:
    """The letters, and how a network is trained, measured and drawn."""

    def __init__(self, seeds: int, size: int, on_progress: Callable[[str, Progress], None]) -> None:
        self.letters, self.tests = load_dataset("notmnist", "train"), load_dataset("notmnist", "test")
        self.preprocess = Preprocess.for_images(self.letters, size)
        self.clean = self.preprocess.to_unit(self.tests.array)
        self.seeds, self.on_progress = seeds, on_progress

    def train(self, name: str, recipe: Recipe, noise: float = 0.0) -> _Training:
        """Train a network with each seed and measure its output for the test letters with noise."""
        drawn = np.linspace(0, len(self.tests) - 1, min(MOST_VALIDATION, len(self.tests))).astype(int)
        rule = self.preprocess.model_copy(update={"dtype": "float32", "black": 0.0, "white": 1.0})
        found: list[_Training] = []
        for seed in range(self.seeds):
            model, history = train_model(
                self.letters, self.preprocess, replace(recipe, fit=replace(recipe.fit, seed=seed)),
                validation=self.tests.take(drawn),
                on_progress=partial(self.on_progress, f"{name}, seed {seed + 1} of {self.seeds}"),
            )  # fmt: skip
            redrawn = reconstruct(model, rule, ImageSet(self.noisy(noise, seed)))
            mse = float(squared_errors(self.clean, redrawn).mean())
            found.append(_Training(model, history, redrawn, latent_size(model, self.preprocess), mse, history.seconds))
        mse, seconds = np.mean([(each.mse, each.seconds) for each in found], axis=0).tolist()
        return replace(found[0], mse=mse, seconds=seconds)

    def noisy(self, noise: float, seed: int) -> Array:
        """Return the test letters with Gaussian noise, clipped to [0, 1]."""
        random = np.random.default_rng(seed).standard_normal(self.clean.shape, np.float32)
        return np.asarray((self.clean + np.float32(noise) * random).clip(0, 1))

    def noisy_psnr(self, noise: float) -> float:
        """Return the PSNR of the noisy letters, in dB, mean over seeds."""
        return psnr(np.mean([squared_errors(self.clean, self.noisy(noise, seed)).mean() for seed in range(self.seeds)]))

    def draw(self, rows: Mapping[str, Array]) -> bytes:
        """Draw ten of the test letters, of different classes, and below them a row for each N,H,W,C of their outputs."""
        classes = np.arange(len(self.tests)) if self.tests.labels is None else self.tests.labels
        chosen = np.unique(classes, return_index=True)[1][:SHOWN]
        return picture_rows({name: pictures[chosen] for name, pictures in {"real": self.clean, **rows}.items()})
