"""The classifiers of lesson 4, on the digits that ship inside."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from listing import visible

from sablier.course import digits_study
from sablier.course.backprop import INPUTS, LAYOUT, TARGET, WEIGHTS, both_passes
from sablier.course.digits_study import CONVOLUTIONAL, LINEAR, PRINTED, study
from sablier.course.printed_loss import NegativeProbability
from sablier.errors import ImagesError, UnknownName
from sablier.images import read_images
from sablier.models import create_model
from sablier.recipes.make import make_recipe
from sablier.training.objectives import Classification
from sablier.transforms.batches import Batch
from sablier.workflows.training.forecast import Forecast, unheard


@pytest.fixture(scope="module")
def lesson():
    return study(data="digits", settings=["batch_size=20", "threads=1", "dtype=float32"])


def accuracy(lesson, net):
    return [row.accuracy for row in lesson.rows if row.net == net]


def test_nets_that_have_learnt_nothing_guess_and_learn(lesson):
    for net in (LINEAR, CONVOLUTIONAL):
        before, one, more = accuracy(lesson, net)
        assert before < 0.25
        assert one > 0.8
        assert more > 0.9
    assert [row.epochs for row in lesson.rows] == [0, 1, 3] * 3
    assert [row.iterations for row in lesson.rows if row.net == LINEAR] == [0, 72, 216]


def test_the_loss_as_printed_learns_less_in_as_many_steps(lesson):
    assert all(
        ours > theirs + 0.1 for ours, theirs in zip(accuracy(lesson, LINEAR)[1:], accuracy(lesson, PRINTED)[1:], strict=True)
    )


def test_the_lessons_figures_stand_beside_those_they_are_of(lesson):
    printed = {(row.net, row.epochs): row.printed for row in lesson.rows if row.printed}
    assert printed == {(LINEAR, 0): "10 %", (LINEAR, 1): "90 %", (LINEAR, 3): "90-92 %", (CONVOLUTIONAL, 1): "97-98 %"}


def test_the_loss_as_printed_is_minus_the_probability():
    net = create_model("course_softmax", (8, 8, 1))
    batch = Batch(torch.rand(6, 1, 8, 8), torch.arange(6))
    ((group, loss, _),) = NegativeProbability().losses(net, batch)
    p = net.classify(batch.x).softmax(dim=1)[torch.arange(6), batch.labels]
    assert group == "model"
    assert loss.item() == pytest.approx(-p.mean().item())
    assert Classification().validate(net, batch).item() == pytest.approx(-p.log().mean().item())
    with pytest.raises(ImagesError, match="expected images with labels"):
        NegativeProbability().validate(net, Batch(batch.x))


def test_seeds_are_a_mean_and_the_same_seed_gives_the_same():
    settings = ["epochs=1", "batch_size=200", "threads=1"]
    one, again, other = (study(data="digits", settings=[*settings, f"seed={seed}"]) for seed in (0, 0, 1))
    both = study(data="digits", seeds=2, settings=settings)
    assert accuracy(one, LINEAR) == accuracy(again, LINEAR) != accuracy(other, LINEAR)
    assert accuracy(both, LINEAR) == pytest.approx(np.mean([accuracy(one, LINEAR), accuracy(other, LINEAR)], axis=0))
    assert [row.epochs for row in both.rows] == [0, 1] * 3  # one epoch is not trained twice


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "muon"])
def test_every_optimizer_learns_by_its_own_rate(optimizer):
    lesson = study(data="digits", settings=[f"optimizer={optimizer}", "epochs=1", "batch_size=20", "threads=1"])
    assert accuracy(lesson, LINEAR)[-1] > 0.75
    assert accuracy(lesson, CONVOLUTIONAL)[-1] > 0.6


def test_the_whole_command(sablier):
    done = sablier("course", "digits", "--data", "digits", "--set", "epochs=2", "--set", "batch_size=50")
    assert done.code == 0
    assert all(word in done.out for word in ("90-92 %", "97-98 %", "-sum log p", "Dropout2d", "convolutional"))
    page = Path("course-digits/digits.html").read_text()
    assert "linear, loss as printed" in page
    sections = ["data", "networks", "passes", "batches", "loop", "figures", "optimizers", "weights", "filters", "pooling"]
    assert [anchor for anchor in sections if f'<section id="{anchor}">' not in page] == []
    assert visible("course-digits") == ["digits.html", "mistakes"]
    rows = list(csv.DictReader(Path("course-digits/mistakes/mistakes.csv").read_text().splitlines()))
    tests = read_images("digits:test")
    assert {row["id"]: row["label"] for row in rows} == dict(zip(tests.ids.tolist(), tests.labels.tolist(), strict=True))
    assert rows[0]["label"] != rows[0]["predicted"]
    assert "convolutional net on digits:test" in Path("course-digits/mistakes/mistakes.html").read_text()


def test_what_does_not_exist_is_said():
    with pytest.raises(UnknownName, match="Did you mean 'optimizer'"):
        study(data="digits", settings=["optimiser=sgd"])
    with pytest.raises(UnknownName, match=r"unknown optimizer 'adagrad'\. Did you mean 'adam'"):
        study(data="digits", settings=["optimizer=adagrad"])
    with pytest.raises(UnknownName, match="Did you mean 'mnist'"):
        study(data="mnits")


@pytest.mark.public
def test_the_linear_net_on_mnist_is_the_lessons(public_data, monkeypatch):
    if not (public_data / "mnist").is_dir():
        pytest.skip("there is no mnist under SABLIER_DATA")
    desk = digits_study._Desk("mnist", 1, Forecast(unheard))
    before, after = (row.accuracy for row in desk.train(LINEAR, make_recipe("course-softmax")).rows)
    assert 0.02 < before < 0.2
    assert after > 0.9


def test_both_passes_by_hand_are_those_of_torch():
    passes = both_passes()
    given = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in WEIGHTS.items()}
    values = {**{name: torch.tensor(value, dtype=torch.float64) for name, value in INPUTS.items()}, **given}
    for neuron, inputs in LAYOUT.items():
        (one, weight), (other, weight_too) = inputs
        values[f"p{neuron}"] = values[weight] * values[one] + values[weight_too] * values[other]
        values[f"o{neuron}"] = torch.sigmoid(values[f"p{neuron}"])
    names = [*given, *(f"{letter}{neuron}" for neuron in LAYOUT for letter in "po")]
    loss = (values["o3"] - TARGET) ** 2 / 2
    found = torch.autograd.grad(loss, [values[name] for name in names])
    assert passes.values["L"] == pytest.approx(loss.item())
    assert passes.gradients == pytest.approx({name: value.item() for name, value in zip(names, found, strict=True)})
    assert passes.loss_after < passes.values["L"]


def test_the_mean_of_losses_at_sixty_times_the_rate_is_the_sum(lesson):
    of_sum, of_mean, same = (lesson.reductions[name] for name in ("sum", "mean", "mean_60"))
    assert same.accuracy == pytest.approx(of_sum.accuracy, abs=0.01)
    assert same.loss == pytest.approx(of_sum.loss, rel=1e-3)
    assert of_mean.loss[-1] > of_sum.loss[-1]
    assert of_mean.accuracy[0] == of_sum.accuracy[0] < 0.25


def test_the_lessons_loop_learns(lesson):
    assert lesson.epoch == 1437 // 60
    assert lesson.plain.iterations[0] == 0
    assert lesson.plain.iterations[-1] == 5 * lesson.epoch
    assert lesson.plain.accuracy[0] < 0.25
    assert len(lesson.untrained) == 20
    assert np.mean(lesson.untrained) == pytest.approx(0.1, abs=0.04)
    assert lesson.plain.at(lesson.epoch) > 0.7
    assert lesson.plain.accuracy[-1] > 0.85
    assert set(lesson.optimizers) == {"sgd", "momentum", "adam"}
    assert all(curve.loss[-1] < 0.8 * curve.loss[0] for curve in lesson.optimizers.values())


def test_pooling_and_dropout_do_what_the_page_says(lesson):
    inside = lesson.inside
    maps, height, width = inside.pooled.shape
    blocks = inside.second[:, : 2 * height, : 2 * width].reshape(maps, height, 2, width, 2)
    np.testing.assert_allclose(inside.pooled, blocks.max(axis=(2, 4)))
    off = (inside.dropped == 0).all(axis=(2, 3))
    kept = np.broadcast_to(inside.pooled, inside.dropped.shape)[~off]
    np.testing.assert_allclose(inside.dropped[~off], kept / (1 - inside.chance), rtol=1e-5)
    assert off.any()
    assert len(inside.filters) == 32
