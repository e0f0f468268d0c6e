"""Models are made by name, and a misspelt name is answered with the nearest."""

import pytest

from sablier.errors import ConfigError, UnknownName
from sablier.models import create_model, list_models, register


def test_models_are_listed_by_name_and_pattern():
    assert {"bottleneck", "course_conv", "course_dense", "unet"} <= set(list_models())
    assert list_models("course*") == ["course_cnn", "course_conv", "course_dense", "course_softmax"]
    assert list_models("nothing*") == []


def test_an_unknown_model_offers_the_nearest():
    with pytest.raises(UnknownName, match=r"unknown model 'botleneck'\. Did you mean 'bottleneck'"):
        create_model("botleneck", (28, 28, 1))


def test_a_name_is_taken_once():
    def bottleneck(shape, *, latent=1):
        raise AssertionError("never built")

    with pytest.raises(ConfigError, match="'bottleneck' is registered already"):
        register(bottleneck)
