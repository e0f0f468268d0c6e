"""The GAN of lesson 4: on a small grid of points, and the whole command on the digits that ship inside."""

from dataclasses import replace

import numpy as np
import pytest
from listing import visible

from sablier.course import gaussians
from sablier.course.gaussians import Game, centres, gaussians_found, play, real_points
from sablier.errors import UnknownName
from sablier.images import read_images
from sablier.training.objectives import Adversarial


@pytest.fixture
def brief(monkeypatch):
    """A game of a few hundred steps between narrow players, about nine Gaussians that are wider."""
    monkeypatch.setattr(gaussians, "SIDE", 3)
    monkeypatch.setattr(gaussians, "SPREAD", 0.2)
    monkeypatch.setattr(gaussians, "POINTS", 6400)
    game = Game(width=64, objective=Adversarial(gamma=0.003))
    return replace(game, fit=replace(game.fit, steps=400, batch_size=128, learning_rate=3e-3, threads=1))


def test_real_points_are_all_found():
    assert gaussians_found(real_points(20_000, 1)) == (25, pytest.approx(1 - np.exp(-4.5), abs=0.005))


def test_a_gaussian_without_points_is_not_found():
    points = real_points(20_000, 1)
    kept = np.linalg.norm(points - centres()[7], axis=1) > 1
    assert gaussians_found(points[kept])[0] == 24
    assert gaussians_found(np.zeros((100, 2)) + 1.0) == (0, 0.0)


def test_the_game_finds_every_gaussian(brief):
    played = play(brief, moments=1)
    assert played.found == 9
    assert played.near > 0.3
    before, after = played.points.values()
    assert gaussians_found(after) == (played.found, played.near)
    assert not np.array_equal(before, after)


def test_a_generator_that_does_not_learn_does_not_find_them(brief):
    assert play(replace(brief, fit=replace(brief.fit, learning_rate=0.0, steps=60))).found < 7


def test_the_whole_command(sablier):
    done = sablier(
        "course", "gan", "--data", "digits", "--tier", "tiny", "--point-steps", "100", "--set", "epochs=2", "--set", "width=4",
        "--seeds", "2",
    )  # fmt: skip
    assert done.code == 0
    assert all(word in done.out for word in ("Generator, ", "discriminator", "of 25 Gaussians found", "seed 1", "diversity"))
    assert visible("course-gan") == ["gaussians.png", "learning.png", "samples.png"]
    assert len(read_images("course-gan")) == 3


def test_the_list_of_lessons_names_it(sablier):
    assert "Lesson 4, GANs" in sablier("course", "list").out


def test_what_does_not_exist_is_said():
    from sablier.course.gan import run

    with pytest.raises(UnknownName, match="tier"):
        run(None, data="digits", tier="huge")
