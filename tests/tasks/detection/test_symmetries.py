"""Whether parts lie anyhow is found from good photos, and then turned copies teach, too."""

import numpy as np
import pytest
from bar_photos import bars

from sablier.images.imageset import ImageSet
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.symmetries import found_symmetries, with_turned_copies
from sablier.transforms.turns import TURNS, Turn
from sablier.workflows.training import scorers
from sablier.workflows.training.detector import train_detector


@pytest.fixture
def asked(monkeypatch):
    """What `found_symmetries` answered in each fold of a training."""
    answers = []

    def noted(*args):
        answers.append(found_symmetries(*args))
        return answers[-1]

    monkeypatch.setattr(scorers, "found_symmetries", noted)
    return answers


def train(images: ImageSet) -> None:
    train_detector(images, make_recipe("detector", "tiny", ["folds=2", "repeats=no"]))


def test_parts_that_lie_anyhow_are_told_from_upright_ones(asked):
    train(bars(60, upright=False))
    anyhow = list(asked)
    asked.clear()
    train(bars(60, upright=True))
    assert all(Turn(1) in turns and Turn(3) in turns for turns in anyhow)
    assert asked == [(), ()]


def test_oblong_photos_are_only_turned_by_halves(asked):
    train(bars(60, upright=False, shape=(80, 128)))
    assert all(turns for turns in asked)
    assert {turn.quarters for turns in asked for turn in turns} <= {0, 2}


def test_few_photos_tell_nothing(asked):
    train(bars(10, upright=False))
    assert asked == [(), ()]


def test_copies_are_turned_and_the_same_whatever_else_is_copied():
    images = bars(6, upright=False)
    found = with_turned_copies(images, TURNS)
    assert len(found) == 2 * 6
    assert np.array_equal(found.array[:6], images.array)
    turned = {turn.of(images.take(np.array([number]))).array.tobytes() for turn in TURNS for number in range(6)}
    copies = {image.tobytes() for image in found.array[6:]}
    assert len(copies) == 6
    assert copies <= turned
    alone = with_turned_copies(images.take(np.array([2])), TURNS)
    assert {image.tobytes() for image in alone.array[1:]} < copies


def test_without_turns_there_are_no_copies():
    images = bars(3, upright=False)
    assert with_turned_copies(images, []) is images


def test_of_many_photos_none_are_turned(monkeypatch, asked):
    monkeypatch.setattr(scorers, "MOST_WITH_COPIES", 59)  # a fold learns from 30 of the 60
    train(bars(60, upright=False))
    assert asked == []
