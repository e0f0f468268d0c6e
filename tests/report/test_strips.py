"""Strips, animations and sums of pictures: everything is there, and large enough to see."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sablier.report.strips import (
    combination_figure,
    combination_picture,
    interpolation_animation,
    interpolation_figure,
    leaving_sentence,
)
from sablier.tasks.latent.arithmetic import Combination, Term
from sablier.tasks.latent.interpolation import Interpolation


@pytest.fixture
def interpolation():
    images = np.linspace(0, 1, 5)[:, None, None, None] * np.ones((5, 28, 28, 1))
    return Interpolation(("from.png", "to.png"), images[[0, 4]], images, np.zeros((5, 2)), np.full(4, 0.25), "linear")


@pytest.fixture
def combination():
    picture = np.full((20, 28, 3), 0.5)
    term = Term("letters/bold", 1.0, 12, picture[None].repeat(6, 0), picture)
    terms = (term, replace(term, name="letters/new"), replace(term, name="letters/regular", weight=-1.0, count=1))
    ids, images = np.array(list("abcdef")), picture[None].repeat(6, 0)
    return Combination(terms, np.zeros(2), picture, ids, images, np.arange(6.0), p_value=0.005)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_a_walk_stands_between_its_images(interpolation):
    figure = interpolation_figure(interpolation)
    assert texts(figure)[1:] == ["from.png", "0%", "25%", "50%", "75%", "100%", "to.png"]
    assert len(figure.axes[0].images) == 7
    assert len(interpolation_figure(replace(interpolation, images=np.zeros((40, 8, 8, 1)))).axes[0].images) == 42


def test_small_images_are_enlarged_in_an_animation(interpolation):
    with Image.open(io.BytesIO(interpolation_animation(interpolation))) as animation:
        assert min(animation.size) >= 250
        assert animation.n_frames == 8  # type: ignore[attr-defined]
        assert animation.info["duration"] > 500  # it rests at its ends
        animation.seek(1)
        assert animation.info["duration"] < 100


def test_two_pictures_and_colour_are_animated_too(interpolation):
    two = replace(interpolation, images=np.zeros((2, 300, 200, 3)) + np.arange(2)[:, None, None, None])
    with Image.open(io.BytesIO(interpolation_animation(two))) as animation:
        assert (animation.n_frames, animation.size) == (2, (200, 300))  # type: ignore[attr-defined]


def test_a_sum_is_an_equation(combination):
    figure = combination_figure(combination)
    written = texts(figure)
    assert [text for text in written if text in "+=\N{MINUS SIGN}" and text] == ["+", "\N{MINUS SIGN}", "="]
    assert {"letters/bold", "letters/new", "letters/regular", "12 images", "1 image", "decoded"} <= set(written)
    assert leaving_sentence(combination) in written
    assert len(figure.axes[0].images) == 4 + 4 * 3
    with Image.open(io.BytesIO(combination_picture(combination))) as picture:
        assert picture.size[0] > 4 * 150


def test_what_is_said_of_the_data(combination):
    assert leaving_sentence(combination).startswith(
        "The result lies outside the training data: at most 0.5% of real images are as far out"
    )
    within = replace(combination, p_value=0.4)
    assert leaving_sentence(within) == "The result lies within the training data: 40% of real images are as far out."
    assert leaving_sentence(within) not in texts(combination_figure(within))
    assert leaving_sentence(replace(combination, p_value=None)) == ""


def test_averages_show_their_weights(combination):
    half = replace(combination, terms=tuple(replace(term, weight=1 / 3) for term in combination.terms))
    assert "12 images, weight 0.33" in texts(combination_figure(half))
