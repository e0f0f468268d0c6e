"""The nets of the course are exactly those of its lessons."""

import torch

from sablier.models import create_model
from sablier.models.base import count_parameters, layer_table


def test_course_dense_has_the_parameters_the_lesson_prints():
    assert count_parameters(create_model("course_dense", (28, 28, 1))) == 1_132_944


def test_course_dense_has_the_layers_of_the_lesson():
    widths = [row[2] for row in layer_table(create_model("course_dense", (28, 28, 1)))]
    assert widths == ["512", "256", "128", "256", "512", "784"]


def test_course_dense_answers_with_pixels():
    made = create_model("course_dense", (28, 28, 1)).reconstruct(50 * torch.randn(3, 1, 28, 28))
    assert made.shape == (3, 1, 28, 28)
    assert 0 <= made.min() <= made.max() <= 1
