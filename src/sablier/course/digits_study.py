"""What lesson 4 measures of its classifiers, a linear and a convolutional network on digits. The networks are the lesson's.

Each is trained for one epoch and, separately, for more: with a schedule down to zero, the state after the first of three
epochs is not the result of a one-epoch training. Beside it the linear network is trained by the loop of the lesson, with a
constant rate (`plain_loop.py`).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from torch.nn import functional as F

from sablier.course.backprop import Passes, both_passes
from sablier.course.digits_inside import Inside, looked_inside
from sablier.course.plain_loop import BATCH, LESSON_WAY, OPTIMIZERS, REDUCTIONS, TEST_BATCH, Curve, Way, trained_plainly
from sablier.course.printed_loss import NegativeProbability
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models import Model, create_model
from sablier.models.base import count_parameters, layer_table
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.report.words import counted
from sablier.tasks.classification.classify import all_logits, softmax
from sablier.tasks.classification.mistakes import MistakesResult, find_mistakes
from sablier.training.loop import fit
from sablier.training.progress import Progress
from sablier.transforms.batches import Batches, choose_device
from sablier.typing import Array
from sablier.workflows.training.classifier import check_labels, class_numbers
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, unheard
from sablier.workflows.training.trial import Trial, expected_training

LINEAR, PRINTED, CONVOLUTIONAL = "softmax-linear", "softmax-linear, loss as printed", "convolutional"
# What the lesson prints for MNIST: the accuracy on test digits.
LESSON = {(LINEAR, "before"): "10 %", (LINEAR, "one"): "90 %", (LINEAR, "more"): "90-92 %", (CONVOLUTIONAL, "one"): "97-98 %"}
MORE_EPOCHS = 3
LOOKS = 60  # how many times a network is evaluated during training
PLATEAU_EPOCHS = 5  # of the lesson's loop; its accuracy no longer rises then
SAMPLES = 10
UNTRAINED = 20  # draws of random weights
PLAIN, SUMS, METHODS = "the lesson's loop", "sum or mean of losses", "three optimizers"
TRIED = 40  # iterations of the lesson's loop that are timed


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
        data, settings: what was asked for.
        samples, sample_labels: the first training images, N,H,W,C in [0, 1], and their labels.
        trained_on: the number of training images.
        classes: their labels.
        layers, parameters: of both networks.
        rows: accuracies on all test images, and when.
        seeds: how many trainings of each length.
        curves: accuracy and loss during the longer training of each network, by name.
        untrained: the accuracy of the linear network with random weights, one for each of several draws.
        plain: the linear network, trained by the lesson's loop until its accuracy no longer rises.
        epoch: iterations of an epoch of that loop.
        reductions, optimizers: the same loop for one epoch, in other ways, by name.
        weights: of the linear network, K,H,W.
        passes: forward and backward pass of the lesson's small network.
        inside: the convolutional network at work on one image.
        model, tests, preprocess, mistakes: the convolutional network, the test images, and where it is wrong.
    """

    data: str
    settings: tuple[str, ...]
    samples: Array
    sample_labels: tuple[str, ...]
    trained_on: int
    classes: Array
    layers: dict[str, list[tuple[str, str, str, int]]]
    parameters: dict[str, int]
    rows: tuple[Row, ...]
    seeds: int
    curves: dict[str, Curve]
    untrained: list[float]
    plain: Curve
    epoch: int
    reductions: dict[str, Curve]
    optimizers: dict[str, Curve]
    weights: Array
    passes: Passes
    inside: Inside
    model: Model
    tests: ImageSet
    preprocess: Preprocess
    mistakes: MistakesResult


def study(
    *,
    data: str = "mnist",
    seeds: int = 1,
    settings: Sequence[str] = (),
    on_progress: OnProgress = unheard,
) -> Lesson:
    """Train the linear network, the same with the loss as printed, and the convolutional one; test them on all test images.

    Nothing is chosen by the test images, and the last epoch counts. The arguments are those of `sablier.course.digits.run`.
    """
    longer = [f"epochs={MORE_EPOCHS}", *settings]
    linear, convolutional = make_recipe("course-softmax", settings=longer), make_recipe("course-cnn", settings=longer)
    printed = replace(linear, objective=NegativeProbability())
    recipes = {LINEAR: linear, PRINTED: printed, CONVOLUTIONAL: convolutional}
    desk = _Desk(data, seeds, Forecast(on_progress))
    desk.expect(recipes)
    trained = {name: desk.train(name, recipe) for name, recipe in recipes.items()}
    nets = {name: trained[name].model for name in (LINEAR, CONVOLUTIONAL)}
    model, digits = nets[CONVOLUTIONAL], desk.digits
    epoch = desk.epoch
    return Lesson(
        data=data,
        settings=tuple(settings),
        samples=desk.preprocess.to_unit(digits.take(range(SAMPLES)).array),
        sample_labels=tuple(np.asarray(digits.labels).astype(str)[:SAMPLES]),
        trained_on=len(digits),
        classes=desk.classes,
        layers={name: layer_table(net) for name, net in nets.items()},
        parameters={name: count_parameters(net) for name, net in nets.items()},
        rows=tuple(row for training in trained.values() for row in training.rows),
        seeds=seeds,
        curves={name: training.watch.curve for name, training in trained.items()},
        untrained=[desk.untrained(draw) for draw in range(UNTRAINED)],
        plain=desk.plainly({PLAIN: LESSON_WAY}, PLATEAU_EPOCHS * epoch, PLAIN)[PLAIN],
        epoch=epoch,
        reductions=desk.plainly(REDUCTIONS, epoch, SUMS),
        optimizers=desk.plainly(OPTIMIZERS, epoch, METHODS),
        weights=_weights(nets[LINEAR], len(desk.classes)),
        passes=both_passes(),
        inside=looked_inside(model, Batches(desk.tests.take([0]), desk.preprocess).take(slice(None))),
        model=model,
        tests=desk.tests,
        preprocess=desk.preprocess,
        mistakes=desk.mistakes(model),
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
    curve: Curve = field(default_factory=lambda: Curve([], [], []))
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
        self.curve.iterations.append(iterations)
        self.curve.accuracy.append(float((logits.argmax(dim=1) == batch.labels).float().mean()))
        self.curve.loss.append(float(F.cross_entropy(logits, batch.labels)))
        self.model.train()


@dataclass(frozen=True)
class _Trained:
    """A network trained for one epoch, and for more: the longer training of the first seed, and the accuracies of all."""

    model: Model
    watch: _Watch
    rows: list[Row]


class _Desk:
    """The digits, and how a network is trained, measured and drawn."""

    def __init__(self, data: str, seeds: int, forecast: Forecast) -> None:
        self.data, self.digits = data, load_dataset(data, "train")
        self.classes = check_labels(self.digits)
        self.preprocess = Preprocess.for_images(self.digits, max(self.digits.shape[:2]))
        self.tests = load_dataset(data, "test").dense(self.preprocess)
        drawn = np.linspace(0, len(self.tests) - 1, min(TEST_BATCH, len(self.tests))).astype(int)
        self.test_batch = self.tests.take(drawn)
        self.truth = class_numbers(self.tests, self.classes)
        self.seeds, self.forecast = seeds, forecast
        self.epoch = max(1, len(self.digits) // BATCH)  # iterations of the lesson's loop

    def train(self, name: str, recipe: Recipe) -> _Trained:
        """Train a network for one epoch and for those of its recipe, with each seed, and measure it before and after."""
        lengths = {"one": 1, "more": recipe.fit.epochs or 1}
        rows: list[Row] = []
        for moment, epochs in lengths.items() if lengths["more"] > 1 else [("one", 1)]:
            figures, nets = [], []
            for seed in range(self.seeds):
                fitted = replace(recipe, fit=replace(recipe.fit, epochs=epochs, seed=recipe.fit.seed + seed))
                with self.forecast.stage(self._stage(name, epochs, seed)) as progressed:
                    model, watch, *measured = self._train_once(fitted, progressed)
                figures.append(measured)
                nets.append((model, watch))
            before, after, seconds = np.mean(figures, axis=0).tolist()
            if moment == "one":
                rows.append(Row(name, 0, 0, LESSON.get((name, "before"), ""), before, 0.0))
            rows.append(Row(name, epochs, watch.curve.iterations[-1], LESSON.get((name, moment), ""), after, seconds))
        return _Trained(*nets[0], rows)

    def _train_once(self, recipe: Recipe, on_progress: Callable[[Progress], None]) -> tuple[Model, _Watch, float, float, float]:
        """Return a network, its evaluations during training, its accuracy before and after, and the seconds of training alone."""
        rule, config = self.preprocess, recipe.fit
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = create_model(
                recipe.model, (rule.height, rule.width, rule.channels), **{**recipe.options, "classes": len(self.classes)}
            )
        device = choose_device(config.device)
        learnt = Batches(self.digits, rule, device)
        model.to(device).initialise(learnt.take(slice(100)).x, config.seed)  # as in training, from the same seed
        plan = config.plan(len(self.digits), rule.height * rule.width)
        watch = _Watch(model, Batches(self.test_batch, rule, device), max(1, plan.epochs * plan.steps_per_epoch // LOOKS))
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

    def plainly(self, ways: Mapping[str, Way], iterations: int, stage: str) -> dict[str, Curve]:
        """Train the linear network by the loop of the lesson, in each way from the same weights and with the same batches."""
        curves: dict[str, Curve] = {}
        with self.forecast.stage(stage) as progressed:
            for name, way in ways.items():
                curves[name] = self._plainly(way, iterations)
                progressed(Progress(len(curves), len(ways)))
        return curves

    def _plainly(self, way: Way, iterations: int) -> Curve:
        images, tests = Batches(self.digits, self.preprocess), Batches(self.test_batch, self.preprocess)
        return trained_plainly(self._linear(0), images, tests, way, iterations)

    def untrained(self, draw: int) -> float:
        """Return the accuracy of the linear network with random weights, on the test batch."""
        logits = all_logits(self._linear(draw), self.preprocess, self.test_batch)
        return float((logits.argmax(axis=1) == class_numbers(self.test_batch, self.classes)).mean())

    def _linear(self, draw: int) -> Model:
        rule = self.preprocess
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw)
            return create_model("course_softmax", (rule.height, rule.width, rule.channels), classes=len(self.classes))

    def expect(self, recipes: Mapping[str, Recipe]) -> None:
        """Tell how long each training is expected to take."""
        self.forecast.expect(f"lesson 4 with {len(self.digits):,} images of {self.data}", partial(self._stages, recipes))

    def _stages(self, recipes: Mapping[str, Recipe]) -> list[Stage]:
        stages = []
        for name, recipe in recipes.items():
            recipe = replace(recipe, options={**recipe.options, "classes": len(self.classes)})
            for epochs in sorted({1, recipe.fit.epochs or 1}):
                trial = Trial(replace(recipe, fit=replace(recipe.fit, epochs=epochs)), self.digits, self.preprocess)
                stages += [expected_training(trial, self._stage(name, epochs, seed)) for seed in range(self.seeds)]
        start = time.perf_counter()
        self._plainly(LESSON_WAY, TRIED)
        each = (time.perf_counter() - start) / TRIED * self.epoch
        epochs_of = {PLAIN: PLATEAU_EPOCHS, SUMS: len(REDUCTIONS), METHODS: len(OPTIMIZERS)}
        return [*stages, *(Stage(name, each * epochs, "plain") for name, epochs in epochs_of.items())]

    def _stage(self, name: str, epochs: int, seed: int) -> str:
        return f"{name}, {counted(epochs, 'epoch')}, seed {seed + 1} of {self.seeds}"

    def mistakes(self, model: Model) -> MistakesResult:
        """Return the test images that a network misclassifies; it was not trained on them."""
        return find_mistakes(self.tests, self.classes, softmax(all_logits(model, self.preprocess, self.tests)))


def _weights(model: Model, classes: int) -> Array:
    """Return the weights of a linear network, an image for each class, K,H,W."""
    height, width, channels = model.shape
    weights: Array = next(value for value in model.state_dict().values() if value.ndim == 2).numpy()
    return np.asarray(weights.reshape(classes, channels, height, width).mean(axis=1))
