"""The nets of the course are exactly those of its lessons."""

from typing import Any

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


def test_course_classifiers_have_the_parameters_of_the_lesson():
    assert count_parameters(create_model("course_softmax", (28, 28, 1))) == 784 * 10 + 10
    rows = layer_table(create_model("course_cnn", (28, 28, 1)))
    assert [row[2] for row in rows] == ["32 x 26 x 26", "64 x 24 x 24", "128", "10"]
    assert [row[3] for row in rows] == [320, 18_496, 9216 * 128 + 128, 1290]


def test_course_cnn_computes_what_the_lesson_writes():
    model: Any = create_model("course_cnn", (28, 28, 1)).eval()
    x = torch.rand(3, 1, 28, 28)
    y = F.max_pool2d(model.second(torch.relu(model.first(x))), 2).flatten(1)
    assert torch.allclose(model.classify(x), model.layer(torch.relu(model.hidden_layer(y))), atol=1e-5)


def test_course_cnn_drops_channels_first_and_single_numbers_later():
    model = create_model("course_cnn", (28, 28, 1)).train()
    seen = {}
    for name in ("drop_features", "drop_numbers"):
        getattr(model, name).register_forward_hook(lambda layer, given, made, name=name: seen.update({name: (given[0], made)}))
    model.classify(torch.rand(40, 1, 28, 28))
    given, made = seen["drop_features"]
    gone = (made == 0) & (given != 0)
    assert ((gone.sum(dim=(2, 3)) == 0) | (made.abs().sum(dim=(2, 3)) == 0)).all()  # whole channels or none of it
    assert 0.2 < gone.float().mean() < 0.3
    given, made = seen["drop_numbers"]
    assert given.shape == (40, 128)
    assert 0.4 < ((made == 0) & (given != 0)).sum() / (given != 0).sum() < 0.6
