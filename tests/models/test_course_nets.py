"""The nets of the course are exactly those of its lessons."""

import torch
from torch import nn
from torch.nn import functional as F

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


def test_course_conv_has_the_parameters_the_lesson_prints():
    rows = layer_table(create_model("course_conv", (28, 28, 1)))
    assert [row[3] for row in rows] == [320, 18_496, 73_856, 147_584, 73_792, 577]
    assert sum(row[3] for row in rows) == 314_625


def test_course_conv_computes_what_the_lesson_writes():
    model = create_model("course_conv", (28, 28, 1))
    x = torch.rand(3, 1, 28, 28)
    model.initialise(x, seed=0)
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    y = x
    for index, layer in enumerate(convolutions[:3]):
        y = torch.relu(layer(y))
        y = F.max_pool2d(y, 2) if index < 2 else y
    for layer in convolutions[3:5]:
        y = F.interpolate(torch.relu(layer(y)), scale_factor=2)
    expected = torch.sigmoid(convolutions[5](y))
    assert torch.allclose(model.reconstruct(x), expected, atol=1e-5)
