"""The classifiers of lesson 4, a linear and a convolutional network on digits. The networks are the lesson's.

Each is trained for one epoch and, separately, for more: with a schedule down to zero, the state after the first of three
epochs is not the result of a one-epoch training.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from sablier.course.printed_loss import NegativeProbability
from sablier.files import write_whole
from sablier.images.datasets import load_dataset
from sablier.images.preprocess import Preprocess
from sablier.models import Model, create_model
from sablier.models.base import count_parameters, layer_tables
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.report.curves import Line, Panel, curve_panels
from sablier.report.figures import Sheet, to_png
from sablier.report.pictures import signed_colours
from sablier.report.words import counted
from sablier.tasks.classification.classify import all_logits, softmax
from sablier.tasks.classification.mistakes import find_mistakes
from sablier.training.loop import fit
from sablier.training.progress import Progress
from sablier.transforms.batches import Batches, choose_device
from sablier.typing import Array
from sablier.workflows.mistakes import write_mistakes
from sablier.workflows.outputs import writes
from sablier.workflows.training.classifier import check_labels, class_numbers

LINEAR, PRINTED, CONVOLUTIONAL = "softmax-linear", "softmax-linear, loss as printed", "convolutional"
# What the lesson prints for MNIST: the accuracy on test digits.
LESSON = {(LINEAR, "before"): "10 %", (LINEAR, "one"): "90 %", (LINEAR, "more"): "90-92 %", (CONVOLUTIONAL, "one"): "97-98 %"}
PRINTED_LEVELS = {"the lesson's linear net: 90 %": 0.1, "its convolutional net: 97-98 %": 0.025}  # as error rates
MORE_EPOCHS = 3
LOOKS = 60  # how many times a network is evaluated during training
MOST_LOOKED_AT = 1000  # test digits, as in the lesson


@dataclass(frozen=True)
class Row:
    """The accuracy of a network on test digits at one point of training.

    Args:
        net: its name.
        epochs: of training; 0 is before it.
        iterations: the number of batches.
        printed: the figure of the lesson, in words, or "".
        accuracy: mean over seeds.
        seconds: of training, mean over seeds.
    """

    net: str
    epochs: int
    iterations: int
    printed: str
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class Lesson:
    """The results of the lesson.

    Args:
        layers, parameters: of both networks.
        rows: accuracies, and when.
        seeds: how many trainings of each length.
        pictures: the files that were written.
    """

    layers: list[tuple[str, str, str, int]]
    parameters: dict[str, int]
    rows: tuple[Row, ...]
    seeds: int
    pictures: tuple[Path, ...]


@writes("course-digits")
def run(
    output: Path | None,
    *,
    data: str = "mnist",
    seeds: int = 1,
    settings: Sequence[str] = (),
    on_progress: Callable[[str, Progress], None] = lambda stage, progress: None,
) -> Lesson:
    """Train the linear network, the same with the loss as printed, and the convolutional one; test them on all test images.

    Nothing is chosen by the test images, and the last epoch counts.

    Args:
        output: a folder for curves.png, weights.png, and mistakes/, which `mistakes` writes for the convolutional network
            and the test images; None writes nothing.
        data: a named set with labels.
        seeds: how many trainings of each length.
        settings: "key=value" changes to the recipes `course-softmax` and `course-cnn`; epochs is the longer of the two
            lengths.

    Raises:
        ImagesError: for a set without labels.
    """
    longer = [f"epochs={MORE_EPOCHS}", *settings]
    linear, convolutional = make_recipe("course-softmax", settings=longer), make_recipe("course-cnn", settings=longer)
    printed = replace(linear, objective=NegativeProbability())
    desk = _Desk(data, seeds, on_progress)
    trained = {
        name: desk.train(name, recipe)
        for name, recipe in {LINEAR: linear, PRINTED: printed, CONVOLUTIONAL: convolutional}.items()
    }
    written: list[Path] = []
    if output is not None:
        pictures = {"curves.png": _curve_picture(trained), "weights.png": _weight_picture(trained[LINEAR].model, desk.classes)}
        for name, data_of_picture in pictures.items():
            write_whole(output / name, data_of_picture)
        desk.write_mistakes(output / "mistakes", CONVOLUTIONAL, trained[CONVOLUTIONAL].model)
        written = [*(output / name for name in pictures), output / "mistakes" / "mistakes.html"]
    nets = {name: trained[name].model for name in (LINEAR, CONVOLUTIONAL)}
    return Lesson(
        layers=layer_tables(nets),
        parameters={name: count_parameters(net) for name, net in nets.items()},
        rows=tuple(row for training in trained.values() for row in training.rows),
        seeds=seeds,
        pictures=tuple(written),
    )


@dataclass
class _Watch:
    """Evaluates a network during training, on the same images each time, with its present weights.

    Args:
        every: iterations between two evaluations.
        seconds: the time of the evaluations.
    """

    model: Model
    images: Batches
    every: int
    iterations: list[int] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.row is None and progress.done % self.every == 0 and progress.done < progress.total:
            start = time.perf_counter()
            self.look(progress.done)
            self.seconds += time.perf_counter() - start

    @torch.no_grad()
    def look(self, iterations: int) -> None:
        """Note accuracy and cross-entropy after so many iterations."""
        self.model.eval()
        batch = self.images.take(slice(None))
        logits = self.model.classify(batch.x).float()
        assert batch.labels is not None  # the desk checked
        self.iterations.append(iterations)
        self.accuracy.append(float((logits.argmax(dim=1) == batch.labels).float().mean()))
        self.loss.append(float(F.cross_entropy(logits, batch.labels)))
        self.model.train()


@dataclass(frozen=True)
class _Trained:
    """A network trained for one epoch, and for more: the longer training of the first seed, and the accuracies of all."""

    model: Model
    watch: _Watch
    rows: list[Row]


class _Desk:
    """The digits, and how a network is trained, measured and drawn."""

    def __init__(self, data: str, seeds: int, on_progress: Callable[[str, Progress], None]) -> None:
        self.digits = load_dataset(data, "train")
        self.classes = check_labels(self.digits)
        self.preprocess = Preprocess.for_images(self.digits, max(self.digits.shape[:2]))
        self.tests = load_dataset(data, "test").dense(self.preprocess)
        self.truth = class_numbers(self.tests, self.classes)
        self.seeds, self.on_progress = seeds, on_progress

    def train(self, name: str, recipe: Recipe) -> _Trained:
        """Train a network for one epoch and for those of its recipe, with each seed, and measure it before and after."""
        lengths = {"one": 1, "more": recipe.fit.epochs or 1}
        rows: list[Row] = []
        for moment, epochs in lengths.items() if lengths["more"] > 1 else [("one", 1)]:
            figures, nets = [], []
            for seed in range(self.seeds):
                fitted = replace(recipe, fit=replace(recipe.fit, epochs=epochs, seed=recipe.fit.seed + seed))
                stage = f"{name}, {counted(epochs, 'epoch')}, seed {seed + 1} of {self.seeds}"
                model, watch, *measured = self._train_once(fitted, partial(self.on_progress, stage))
                figures.append(measured)
                nets.append((model, watch))
            before, after, seconds = np.mean(figures, axis=0).tolist()
            if moment == "one":
                rows.append(Row(name, 0, 0, LESSON.get((name, "before"), ""), before, 0.0))
            rows.append(Row(name, epochs, watch.iterations[-1], LESSON.get((name, moment), ""), after, seconds))
        return _Trained(*nets[0], rows)

    def _train_once(self, recipe: Recipe, on_progress: Callable[[Progress], None]) -> tuple[Model, _Watch, float, float, float]:
        """Return a network, its evaluations during training, its accuracy before and after, and the seconds of training alone."""
        rule, config = self.preprocess, recipe.fit
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = create_model(
                recipe.model, (rule.height, rule.width, rule.channels), **{**recipe.options, "classes": len(self.classes)}
            )
        drawn = np.linspace(0, len(self.tests) - 1, min(MOST_LOOKED_AT, len(self.tests))).astype(int)
        device = choose_device(config.device)
        learnt = Batches(self.digits, rule, device)
        model.to(device).initialise(learnt.take(slice(100)).x, config.seed)  # as in training, from the same seed
        plan = config.plan(len(self.digits), rule.height * rule.width)
        watch = _Watch(model, Batches(self.tests.take(drawn), rule, device), max(1, plan.epochs * plan.steps_per_epoch // LOOKS))
        before = self.accuracy(model)

        def watched(progress: Progress) -> None:
            watch(progress)
            on_progress(progress)

        history = fit(model, learnt, recipe.objective, config, on_progress=watched)
        seconds = history.seconds - watch.seconds
        watch.look(plan.epochs * plan.steps_per_epoch)
        return model, watch, before, self.accuracy(model), seconds

    def accuracy(self, model: Model) -> float:
        """Return the accuracy on the test images; the network is then on the CPU."""
        return float((all_logits(model.cpu(), self.preprocess, self.tests).argmax(axis=1) == self.truth).mean())

    def write_mistakes(self, folder: Path, name: str, model: Model) -> None:
        """Write the misclassified test images of a network that was not trained on them."""
        probabilities = softmax(all_logits(model, self.preprocess, self.tests))
        found = find_mistakes(self.tests, self.classes, probabilities)
        title = f"the {name} net on {self.tests.source}"
        write_mistakes(folder, found, self.tests, self.preprocess, [model], np.zeros(len(self.tests), int), title)


def _curve_picture(trained: dict[str, _Trained]) -> bytes:
    """Draw error rate and cross-entropy by iterations of the longer training; dots are the ends of the shorter ones."""
    wrong, losses = [], []
    for name, training in trained.items():
        watch, short = training.watch, training.rows[1]
        wrong.append(Line(name, watch.iterations, [1 - accuracy for accuracy in watch.accuracy]))
        wrong.append(Line(name, [short.iterations], [1 - short.accuracy], linked=False))
        losses.append(Line(name, watch.iterations, watch.loss))
    return curve_panels(
        [
            Panel(wrong, "iterations", "test images misclassified", PRINTED_LEVELS, shares=True),
            Panel(losses, "iterations", "cross-entropy of test images"),
        ],
        dots="trained for one epoch only",
    )


def _weight_picture(model: Model, classes: Array) -> bytes:
    """Draw the weights of a linear network as an image for each class: orange for positive, blue for negative."""
    height, width, channels = model.shape
    weights = next(value for value in model.state_dict().values() if value.ndim == 2).numpy()
    images = weights.reshape(len(classes), channels, height, width).mean(axis=1)
    full = float(np.quantile(np.abs(images), 0.995))
    groups = [(signed_colours(image, full),) for image in images]
    title = f"Weights of the pixels for each class:\norange raises its score, blue lowers it, in full colour from {full:.2f} on"
    return to_png(Sheet(groups, [str(name) for name in classes], columns=5, title=title).figure())
