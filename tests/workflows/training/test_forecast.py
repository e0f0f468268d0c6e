"""The time left: expected before the work starts, and corrected by what its stages take."""

from typing import Any

import numpy as np
import pytest

from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.training.progress import Progress
from sablier.workflows.training import detector_forecast, trial
from sablier.workflows.training.detector import train_detector
from sablier.workflows.training.forecast import Forecast, Stage, unheard
from sablier.workflows.training.train import train

FOLDS = 5


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Told:
    """What a forecast tells."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.wholes: list[Any] = []

    def __call__(self, stage, progress) -> None:
        self.stages.append(stage)
        self.wholes.append(progress.whole)

    @property
    def left(self) -> float:
        return self.wholes[-1].seconds_left


def worked(expected, real, *, ticks=20, kinds=lambda number: "net"):
    """Return what is told of five stages that take `real` seconds where `expected` were, and when: (seconds passed, whole)."""
    clock, told = Clock(), Told()
    forecast = Forecast(told, clock)
    names = [f"fold {number}" for number in range(FOLDS)]
    forecast.expect("work", lambda: [Stage(name, expected, kinds(number)) for number, name in enumerate(names)])
    found = [(0.0, told.wholes[-1])]
    for name in names:
        with forecast.stage(name) as progressed:
            for tick in range(1, ticks + 1):
                clock.now += real / ticks
                progressed(Progress(tick, ticks))
                found.append((clock.now - 100, told.wholes[-1]))
    found.append((clock.now - 100, told.wholes[-1]))
    return found


def test_it_says_first_what_is_expected_of_all_stages():
    told = Told()
    Forecast(told, Clock()).expect("3 photos", lambda: [Stage("one", 10.0, "a"), Stage("two", 20.0, "b", done=0.5)])
    assert told.stages == ["one"]
    assert told.wholes[0].work == "3 photos"
    assert told.wholes[0].share == 0
    assert told.wholes[0].seconds_left == 20


@pytest.mark.parametrize("real", [5.0, 10.0, 30.0])
def test_what_the_first_fold_takes_corrects_the_others(real):
    found = worked(10.0, real)
    total = FOLDS * real
    assert found[0][1].seconds_left == 50
    for passed, whole in found:
        if passed >= 0.3 * total:
            assert whole.seconds_left == pytest.approx(total - passed, abs=0.1 * total)
            assert whole.share == pytest.approx(passed / total, abs=0.1)
    assert found[-1][1].share == 1
    assert found[-1][1].seconds_left == 0


@pytest.mark.parametrize("real", [2.0, 10.0, 30.0])
def test_the_share_never_falls_and_the_time_does_not_jump(real):
    found = worked(10.0, real, ticks=50)
    shares = [whole.share for _, whole in found]
    assert shares == sorted(shares)
    ends = np.array([passed + whole.seconds_left for passed, whole in found])
    assert np.abs(np.diff(ends)).max() <= 0.25 * FOLDS * max(real, 10.0)


def test_a_short_stage_of_another_kind_hardly_counts():
    clock, told = Clock(), Told()
    forecast = Forecast(told, clock)
    forecast.expect("work", lambda: [Stage("short", 0.1, "short"), Stage("long", 100.0, "long")])
    with forecast.stage("short"):
        clock.now += 1  # ten times longer than expected
    assert told.left == pytest.approx(100, rel=0.15)


def test_a_stage_that_says_nothing_is_given_what_is_left_of_it_and_then_a_little():
    clock, told = Clock(), Told()
    forecast = Forecast(told, clock)
    forecast.expect("work", lambda: [Stage("silent", 10.0)])
    with forecast.stage("silent"):
        clock.now += 6
        forecast.beat()
        assert told.left == pytest.approx(4)
        clock.now += 30
        forecast.beat()
        assert 0 < told.left < 10


def test_what_an_earlier_run_has_done_is_not_expected_again():
    clock, told = Clock(), Told()
    forecast = Forecast(told, clock)
    forecast.expect("work", lambda: [Stage("done", 50.0, "net", done=1.0), Stage("half", 50.0, "net", done=0.5)])
    assert told.stages == ["half"]
    assert told.left == 25
    with forecast.stage("half") as progressed:
        for tick in range(51, 101):
            clock.now += 0.5
            progressed(Progress(tick, 100))
            assert told.left == pytest.approx(25 - (clock.now - 100), abs=1)
    assert told.wholes[-1].share == 1


def test_a_training_within_another_gives_its_share():
    clock, told = Clock(), Told()
    outer = Forecast(told, clock)
    outer.expect("many", lambda: [Stage("training 1", 10.0), Stage("training 2", 10.0)])
    with outer.stage("training 1") as progressed:
        inner = Forecast(outer.within(progressed), clock)
        inner.expect("one", lambda: [Stage("a", 5.0), Stage("b", 5.0)])
        with inner.stage("a"):
            clock.now += 5
        assert set(told.stages) == {"training 1"}
        assert told.wholes[-1].work == "many"
        assert told.wholes[-1].share == pytest.approx(0.25, abs=0.01)


def test_where_nobody_listens_nothing_is_tried(digit_threes, tiny_recipe, monkeypatch):
    def never(*arguments, **options):
        raise AssertionError("a trial that nobody asked for")

    monkeypatch.setattr(trial.Trial, "__init__", never)
    monkeypatch.setattr(detector_forecast, "_rates", never)
    train_detector(digit_threes, tiny_recipe)
    assert Forecast(unheard).within(lambda progress: None) is unheard
    with pytest.raises(AssertionError, match="nobody asked for"):
        train_detector(digit_threes, tiny_recipe, on_progress=lambda stage, progress: None)


def test_a_forecast_changes_nothing_of_what_is_learnt(digit_threes, tiny_recipe, digits_file):
    listened = train_detector(digit_threes, tiny_recipe, on_progress=lambda stage, progress: None)
    alone = ModelFile.load(digits_file)
    for name, part in alone.parts.items():
        for key, value in part.tensors.items():
            np.testing.assert_array_equal(listened.parts[name].tensors[key], value)


@pytest.mark.parametrize(
    ("recipe", "settings", "stages"),
    [
        ("detector", ["members=closed-form", "contamination_filter=yes", "folds=2"], [
            "filtering the training images", "learning what good images look like, fold 1 of 2",
            "learning what good images look like, fold 2 of 2", "calibrating", "listing what was filtered",
        ]),
        ("detector", ["members=restoration", "width=8", "epochs=2", "folds=2"], [
            "training the network of restoration, fold 1 of 2", "learning what good images look like, fold 1 of 2",
            "training the network of restoration, fold 2 of 2", "learning what good images look like, fold 2 of 2", "calibrating",
        ]),
        ("autoencoder", ["epochs=2", "width=8"], ["training the network", "learning which codes images have"]),
        ("generator", ["epochs=2", "width=8"], [
            "training the network", "learning which codes images have", "training the flow over codes",
        ]),
        ("denoiser", ["epochs=2", "width=8"], ["training the network"]),
        ("codec", ["epochs=2", "width=8"], ["training the network", "training the network of pixels"]),
        ("gan", ["epochs=2", "width=8"], ["training the network"]),
    ],
)  # fmt: skip
def test_every_stage_is_expected_and_told_in_its_order(recipe, settings, stages, digit_threes, tmp_path):
    told = Told()
    train(digit_threes, tmp_path / "m.sablier", make_recipe(recipe, "tiny", settings), on_progress=told)
    assert list(dict.fromkeys(told.stages)) == ["reading the images", *stages]
    wholes = told.wholes[1:]
    assert all(whole.work.startswith("155 images") and whole.work.count("8 x 8") for whole in wholes)
    assert wholes[0].share < 0.01
    assert wholes[0].seconds_left > 0
    assert (wholes[-1].share, wholes[-1].seconds_left) == (1, 0)
    shares = [whole.share for whole in wholes]
    assert shares == sorted(shares)


def test_of_photos_it_counts_the_images_that_are_looked_at(tmp_path, monkeypatch):
    photos = np.random.default_rng(0).integers(0, 255, (12, 72, 72, 3)).astype(np.uint8)
    seen = []

    def on_progress(stage, progress):
        if stage.startswith("learning") and progress.total > 1:
            seen.append(progress)

    file = train(photos, tmp_path / "m.sablier", make_recipe("detector", settings=["folds=2"]), on_progress=on_progress)
    assert seen[-1].whole.work == "12 photos of 72 x 72, 2 folds"
    # What the member sees in the six images of the other fold is known; it looks at them and at copies with defects.
    assert seen[-1].total == 6 + 6
    assert seen[-1].done >= 0.8 * seen[-1].total
    assert file.provenance.seconds > 0
    assert file.provenance.recipe["tier"] == "base"
