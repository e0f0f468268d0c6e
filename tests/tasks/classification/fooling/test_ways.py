"""Each way of finding fooling images, apart: how genes become images, who takes a place in a niche, how steps end."""

import math

import numpy as np
import pytest
import torch

from sablier.tasks.classification.fooling.ascent import ascend, roughness
from sablier.tasks.classification.fooling.base import Goal
from sablier.tasks.classification.fooling.evolution import ELITES, Niches, evolve
from sablier.tasks.classification.fooling.patterns import FUNCTIONS, HIDDEN, INPUTS, Patterns
from sablier.tasks.classification.fooling.pixels import Pixels, polynomial_mutation

SHAPE = (1, 6, 9)
WAYS = [lambda goal: evolve(Pixels(goal.shape), goal), lambda goal: evolve(Patterns(goal.shape), goal), ascend]


def linear(weights):
    """Return a classifier whose logits are weighted sums of pixels less a half."""
    return lambda x: (x - 0.5).flatten(1) @ weights.T


def goal(logits, classes=(0, 1, 2), sure=0.99, generations=300, temperature=1.0, shape=SHAPE):
    return Goal(logits, temperature, shape, torch.tensor(classes), sure, generations, seed=0)


def halves():
    """Return weights of three classes: bright above, bright below, bright left."""
    places = torch.zeros(3, *SHAPE)
    places[0, :, :3], places[1, :, 3:], places[2, :, :, :4] = 1, 1, 1
    return places.flatten(1)


@pytest.mark.parametrize("way", WAYS, ids=["direct", "cppn", "gradient"])
def test_every_class_is_reached_in_bytes(way):
    wanted = goal(linear(halves()))
    found = way(wanted)
    assert found.generations < 300
    assert torch.equal((found.images * 255).round() / 255, found.images)
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    probabilities = linear(halves())(found.images).softmax(dim=1).diagonal()
    assert (probabilities >= 0.99).all()


@pytest.mark.parametrize("way", WAYS, ids=["direct", "cppn", "gradient"])
def test_what_no_image_can_do_ends_with_the_generations(way):
    # Logits of at most 1 apart: no image makes it sure.
    found = way(goal(lambda x: torch.tanh(linear(halves())(x)) / 2, generations=7))
    assert found.generations == 7
    assert found.images.shape == (3, *SHAPE)


def test_log_odds_are_those_of_calibrated_probabilities():
    x = torch.rand(20, *SHAPE)
    weights = halves()
    wanted = goal(linear(weights), classes=(2, 0), temperature=0.5)
    p = (linear(weights)(x).double() / 0.5).softmax(dim=1)[:, [2, 0]]
    assert torch.allclose(wanted.log_odds(x), torch.log(p / (1 - p)))
    assert wanted.enough == pytest.approx(math.log(99), abs=0.01)
    # However sure, a number that can be compared and climbed.
    assert torch.isfinite(goal(linear(1e6 * weights)).log_odds(x)).all()


def test_a_child_takes_a_place_in_any_niche_where_it_is_better():
    first = torch.arange(ELITES).float()[:, None]
    niches = Niches.of((first,), torch.stack([first[:, 0], -first[:, 0]], dim=1))
    assert niches.champions[0].ravel().tolist() == [ELITES - 1, 0]
    child = torch.tensor([[100.0]])
    after = niches.challenged((child,), torch.tensor([[100.0, -0.5]]))
    assert after.champions[0].ravel().tolist() == [100, 0]
    assert after.genes[0][:, :, 0].tolist() == [[100, *range(ELITES - 1, 0, -1)], [0, 100, *range(1, ELITES - 1)]]
    assert torch.equal(niches.challenged((child,), torch.tensor([[-99.0, -99.0]])).genes[0], niches.genes[0])
    assert niches.below(0.0).tolist() == []
    assert niches.below(1.0).tolist() == [1]


def test_patterns_are_what_the_nets_say():
    encoding, random = Patterns((3, 5, 8)), torch.Generator().manual_seed(0)
    weights, functions = encoding.fresh(4, random)
    drawn = encoding.draw((weights, functions))
    for net in range(4):
        for row, column in ((0, 0), (4, 7), (2, 3)):
            across, down = 2 * (2 * column / 7 - 1), 2 * (2 * row / 4 - 1) * 5 / 8
            values = [across, down, math.hypot(across, down), 1.0]
            for node in range(HIDDEN + 3):
                before = INPUTS + min(node, HIDDEN)
                total = sum(w * v for w, v in zip(weights[net, node, :before].tolist(), values[:before], strict=True))
                values.append(float(FUNCTIONS[functions[net, node]](torch.tensor(total))))
            expected = np.clip((np.array(values[-3:]) + 1) / 2, 0, 1)
            assert drawn[net, :, row, column].numpy() == pytest.approx(expected, abs=1e-4)


def test_children_differ_from_their_parents_and_nets_stay_forward():
    random = torch.Generator().manual_seed(0)
    for encoding in (Pixels(SHAPE), Patterns(SHAPE)):
        genes = encoding.fresh(2 * ELITES, random)
        elites = tuple(gene.view(2, ELITES, *gene.shape[1:]) for gene in genes)
        children = encoding.children(elites, torch.tensor([0, 1, 1]), random)
        assert all(child.shape == (3, *gene.shape[1:]) for child, gene in zip(children, genes, strict=True))
        parents = encoding.draw(genes)
        # What changed in a net may lead nowhere; that of one child at least is seen.
        assert any((parents != image).flatten(1).any(dim=1).all() for image in encoding.draw(children))
    weights, _ = children
    assert isinstance(encoding, Patterns)
    assert not weights[:, ~encoding.possible].any()


def test_pixels_come_from_the_elites_of_their_niche():
    elites = (torch.stack([torch.full((ELITES, *SHAPE), 0.1), torch.full((ELITES, *SHAPE), 0.9)]),)
    (children,) = Pixels(SHAPE).children(elites, torch.tensor([0, 1]).repeat(500), torch.Generator().manual_seed(0))
    changed = (children != torch.tensor([0.1, 0.9]).repeat(500)[:, None, None, None]).flatten(1).float().mean(dim=1)
    # Log-uniform from 0.001 to 0.1 has a mean of 0.0215; some children change much, many next to nothing.
    assert 0.015 < changed.mean() < 0.03
    assert (changed == 0).any()
    assert changed.max() > 0.08


def test_a_mutated_pixel_stays_in_its_range():
    x = torch.tensor([0.0, 0.5, 1.0]).repeat(2000, 1)
    moved = polynomial_mutation(x, torch.Generator().manual_seed(0))
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert 0.02 < (moved - x)[:, 1].abs().mean() < 0.1
    assert (moved - x)[:, 1].mean().abs() < 0.01


def test_ascent_smooths_what_the_classifier_does_not_look_at():
    weights = torch.zeros(2, 12 * 12)
    weights[0, 0], weights[1, 0] = 30.0, -30.0  # one corner alone counts
    found = ascend(goal(linear(weights), classes=(0, 1), shape=(1, 12, 12))).images
    noise = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    assert (roughness(found) < roughness(noise) / 20).all()
