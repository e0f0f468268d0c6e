"""The settings of training: what they take, and what they plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sablier.errors import ConfigError, UnknownName
from sablier.training.config import FitConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("epochs", -1), ("steps", 0), ("batch_size", 0), ("learning_rate", -1), ("learning_rate", float("nan")),
     ("ema", 1.0), ("warmup", 1.5), ("threads", -1), ("seed", -1), ("seed", 2**32), ("gradient_clip", -1)],
)  # fmt: skip
def test_a_value_out_of_range_says_the_range(name, value):
    with pytest.raises(ConfigError, match=f"expected {name} from .* to .*, got {value}"):
        FitConfig(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("dtype", "float16"), ("schedule", "none")])
def test_a_choice_that_is_none_lists_the_choices(name, value):
    with pytest.raises(ConfigError, match=f"expected {name} to be one of .*, got '{value}'"):
        FitConfig(**{name: value})


def test_an_optimizer_that_is_none_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match=r"unknown optimizer 'sgdd'\. Did you mean 'sgd'\? Known: adam, adamw, muon"):
        FitConfig(optimizer="sgdd")


def test_a_device_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="expected device auto, cpu, cuda or mps, got 'tpu'"):
        FitConfig(device="tpu")


@given(st.integers(1, 10**6), st.integers(1, 4096**2), st.integers(1, 5000), st.none() | st.integers(1, 500))
def test_a_plan_goes_through_every_image(images, pixels, steps, batch):
    plan = FitConfig(steps=steps, batch_size=batch).plan(images, pixels)
    assert 1 <= plan.batch_size <= images
    assert (plan.steps_per_epoch - 1) * plan.batch_size < images <= plan.steps_per_epoch * plan.batch_size
    assert plan.epochs >= 1
    assert plan.epochs * plan.steps_per_epoch <= max(1.5 * steps, plan.steps_per_epoch)


def test_epochs_rule_when_they_are_given():
    assert FitConfig(epochs=7, steps=1).plan(1000, 64).epochs == 7
