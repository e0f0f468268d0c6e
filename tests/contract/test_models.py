"""Every registered model does what it declares, for images of any size, and survives the model file."""

from typing import Any

import numpy as np
import pytest
import torch

from sablier.errors import ConfigError, UnknownName
from sablier.modelfile import Part
from sablier.models import create_model, list_models
from sablier.models.base import CAPABILITIES, count_parameters, layer_table
from sablier.models.registry import model_options

SHAPES = [(8, 8, 1), (28, 28, 1), (33, 47, 1), (33, 47, 3), (64, 64, 3), (5, 64, 1), (1, 1, 1)]

every_model = pytest.mark.parametrize("name", list_models())
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))


def images(shape: tuple[int, int, int], count: int = 6) -> torch.Tensor:
    height, width, channels = shape
    x = torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(0))
    return x.contiguous(memory_format=torch.channels_last)


def fitted(name: str, shape: tuple[int, int, int], **options: int) -> Any:
    """Return a model as training leaves it, its weights not those it starts from: some layers start at zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: Any = create_model(name, shape, **options)
        model.initialise(images(shape), seed=0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.02 * torch.randn_like(parameter))
    return model.to(memory_format=torch.channels_last).eval()


@torch.no_grad()
def everything(model: Any, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what each declared capability gives."""
    found = {}
    if "encode" in model.capabilities:
        found["encode"] = model.encode(x)
    if "decode" in model.capabilities:
        found["decode"] = model.decode(model.encode(x))
    if "reconstruct" in model.capabilities:
        found["reconstruct"] = model.reconstruct(x)
    if "denoise" in model.capabilities:
        found["denoise"], found["level"] = model.denoise(x)
    if "hidden" in model.capabilities:
        found |= {f"hidden{index}": layer for index, layer in enumerate(model.hidden(x))}
    if "classify" in model.capabilities:
        found["classify"] = model.classify(x)
    if "inpaint" in model.capabilities:
        found["inpaint"], found["variance"] = model.inpaint(x, (x[:, :1] > 0.5).float())
    if "sample" in model.capabilities:
        found["sample"] = model.sample(len(x), torch.Generator().manual_seed(0))
    if "count_bits" in model.capabilities:
        found["bits"] = model.count_bits(model.encode(x), torch.ones(len(x)))
    if "describe" in model.capabilities:
        found |= {f"view{index}": view for index, view in enumerate(model.describe(x))}
    if "predict" in model.capabilities:
        found["high"], found["low"] = (half.float() for half in model.predict(x, torch.arange(model.height * model.across)))
    return found


@every_model
def test_it_declares_known_capabilities(name):
    assert create_model(name, (28, 28, 1)).capabilities
    assert create_model(name, (28, 28, 1)).capabilities <= set(CAPABILITIES)


@every_model
@every_shape
def test_shapes_round_trip_and_outputs_are_finite(name, shape):
    model, x = fitted(name, shape), images(shape)
    found = everything(model, x)
    for capability, output in found.items():
        assert torch.isfinite(output).all(), capability
        assert len(output) == len(x), capability
        assert output.dtype == torch.float32, capability
    for capability in {"decode", "reconstruct", "denoise", "sample"} & set(found):
        assert found[capability].shape == x.shape
    if "encode" in found:
        assert found["encode"].ndim == 2
        if "hidden" in model.capabilities:
            assert torch.equal(model.hidden(x)[-1], found["encode"])


@every_model
@every_shape
def test_evaluation_is_deterministic(name, shape):
    model, x = fitted(name, shape), images(shape)
    first, again = everything(model, x), everything(model, x)
    assert all(torch.equal(first[key], again[key]) for key in first)


@every_model
@every_shape
def test_a_part_of_the_model_file_gives_the_same_bits(name, shape):
    model, x = fitted(name, shape), images(shape)
    before, after = everything(model, x), everything(Part.of_model(model).to_model(), x)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


@every_model
def test_the_part_does_not_change_when_the_model_does(name):
    model = fitted(name, (8, 8, 1))
    part = Part.of_model(fitted(name, (8, 8, 1)))
    loaded = part.to_model()
    with torch.no_grad():
        for parameter in loaded.parameters():
            parameter.zero_()
    x = images((8, 8, 1))
    before, after = everything(model, x), everything(part.to_model(), x)
    assert all(torch.equal(before[key], after[key]) for key in before)


@every_model
def test_a_dark_and_a_bright_image_are_finite_too(name):
    model = fitted(name, (28, 28, 1))
    for value in (0.0, 1.0):
        found = everything(model, torch.full((1, 1, 28, 28), value))
        assert all(torch.isfinite(output).all() for output in found.values())


@every_model
def test_every_weight_can_learn(name):
    model, x = fitted(name, (28, 28, 1)).train(), images((28, 28, 1))
    asked = {
        "reconstruct": lambda: ((model.reconstruct(x) - x) ** 2).mean(),
        "denoise": lambda: model.denoise(x)[1].sum(),
        "classify": lambda: model.classify(x).log_softmax(dim=1)[:, 0].mean(),
        "inpaint": lambda: sum(part.square().mean() for part in model.inpaint(x, (x[:, :1] > 0.5).float())),
        # What teaches a model to draw is not what it draws: it looks at images.
        "sample": lambda: model(x).square().mean(),
        "count_bits": lambda: model.count_bits(model.encode(x), torch.ones(len(x))).sum(),
        "describe": lambda: sum(view.square().mean() for view in model.describe(x)),
        "predict": lambda: sum(half.log_softmax(dim=-1)[..., 0].mean() for half in model.predict(x, torch.arange(14 * 28))),
    }
    sum(loss() for capability, loss in asked.items() if capability in model.capabilities).backward()
    still = [key for key, value in model.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0]
    assert not still


@every_model
def test_it_cannot_do_what_it_does_not_declare(name):
    model, x = create_model(name, (8, 8, 1)), images((8, 8, 1))
    for capability in {"encode", "decode", "hidden", "denoise", "classify"} - model.capabilities:
        with pytest.raises(NotImplementedError, match=f"{name} cannot {capability}"):
            getattr(model, capability)(x)
    if "sample" not in model.capabilities:
        with pytest.raises(NotImplementedError, match=f"{name} cannot sample"):
            model.sample(1, torch.Generator())


@every_model
def test_what_is_drawn_depends_on_the_generator_alone(name):
    model = fitted(name, (8, 8, 1))
    if "sample" not in model.capabilities:
        pytest.skip(f"{name} draws nothing")
    state = torch.get_rng_state()
    with torch.no_grad():
        first, again, other = (model.sample(3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@every_model
def test_unknown_options_offer_the_nearest(name):
    option = next(iter(model_options(name)), None)
    if option is None:
        pytest.skip(f"{name} has no options")
    with pytest.raises(UnknownName, match=f"Did you mean '{option}'"):
        create_model(name, (8, 8, 1), **{option + "s": 3})


@every_model
def test_whole_number_options_start_at_1(name):
    for option, default in model_options(name).items():
        if isinstance(default, int):
            for value in (0, -5):
                with pytest.raises(ConfigError, match=f"expected {option} of {name} to be at least 1, got {value}"):
                    create_model(name, (8, 8, 1), **{option: value})


@every_model
def test_the_layer_table_counts_every_parameter_once(name):
    model = create_model(name, (28, 28, 1))
    rows = layer_table(model)
    assert sum(row[3] for row in rows) == count_parameters(model)
    assert model.training  # looking changes nothing


@every_model
def test_options_are_kept_in_the_configuration(name):
    model = create_model(name, (9, 11, 3))
    assert (model.name, model.config) == (name, {"shape": [9, 11, 3], **model_options(name)})


@every_model
@pytest.mark.parametrize("shape", [(8, 8, 1), (33, 47, 3)])
def test_starting_from_images_that_are_all_the_same_is_finite(name, shape):
    model = create_model(name, shape)
    x = torch.full((4, shape[2], *shape[:2]), 0.5)
    model.initialise(x, seed=0)
    assert all(torch.isfinite(output).all() for output in everything(model.eval(), x).values())


@every_model
def test_the_same_seed_starts_from_the_same_weights(name):
    x = images((8, 8, 1), 40)
    first, again = create_model(name, (8, 8, 1)), create_model(name, (8, 8, 1))
    again.load_state_dict(first.state_dict())
    for model in (first, again):
        model.initialise(x, seed=3)
    assert all(np.array_equal(a.detach(), b.detach()) for a, b in zip(first.parameters(), again.parameters(), strict=True))
