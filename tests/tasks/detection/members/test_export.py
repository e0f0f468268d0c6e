"""Every kind of member as an ONNX program: it gives what the member gives, of any number of images."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pytest
import torch
from onnx_program import Computed, exported
from torch import Tensor

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models import create_model
from sablier.models.base import Model
from sablier.tasks.detection.members import MEMBERS, Fitting, Member
from sablier.training.objectives import Inpainting, Objective, Reconstruction, TransformationPrediction
from sablier.transforms.batches import Batches

TRACED, RUN = 3, 5  # images
slow = partial(pytest.param, marks=pytest.mark.slow)

OBJECTIVES: Mapping[str, Objective] = {
    "restoration": Reconstruction(),
    "transformations": TransformationPrediction(),
    "inpainting": Inpainting(),
}


def networks(kind: str, shape: tuple[int, int, int]) -> Model:
    """A narrow network with random weights, whose outputs differ from image to image."""
    name, own = {
        "restoration": ("bottleneck", {"latent": 4}),
        "transformations": ("convnet", {"classes": 17}),
        "inpainting": ("inpainter", {}),
    }[kind]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = create_model(name, shape, width=4, **own).eval()
        for each in network.parameters():
            torch.nn.init.normal_(each, std=0.5 if kind == "transformations" else 0.1)
    return network


@torch.no_grad()
def fitted(kind: str, shape: tuple[int, int, int], tiles: int = 0) -> tuple[Member, Tensor]:
    """Return a member, fitted on images of a texture, and others."""
    random = np.random.default_rng(0)
    wave = 120 + 60 * np.sin(np.arange(shape[1]) / 3)[None, None, :, None]
    pixels = (wave + random.normal(0, 20, (60, *shape))).clip(0, 255).astype(np.uint8)
    rule = Preprocess(height=shape[0], width=shape[1], channels=shape[2])
    good, new = ImageSet(pixels[:50]), Batches(ImageSet(pixels[50:]), rule)
    shared = MEMBERS[kind].share(rule, None, 1, tiles)
    network = networks(kind, shape) if kind in OBJECTIVES else None
    member = MEMBERS[kind].fit(Fitting((good,), rule, Batches(good, rule), 0, network, OBJECTIVES.get(kind), shared))
    x = new.take(slice(0, TRACED + RUN)).x
    x[-1, :, 4:9, 4:9] = 0
    return member, x


def outputs(member: Member, x: Tensor) -> tuple[Tensor, ...]:
    found = member.score(x)
    return tuple(
        each for each in (found.statistics, found.anomaly_map, found.reconstructions, member.appearance(x)) if each is not None
    )


@pytest.mark.parametrize(
    ("kind", "shape", "tiles"),
    [
        slow("closed-form", (28, 28, 1), 0),
        slow("closed-form", (40, 33, 3), 0),
        ("restoration", (28, 28, 1), 0),
        ("restoration", (36, 40, 3), 0),
        slow("transformations", (28, 28, 1), 0),
        ("patches", (32, 30, 3), 0),
        slow("inpainting", (32, 28, 3), 0),
        slow("features", (64, 64, 3), 0),
        slow("features", (80, 64, 3), 32),
    ],
)
def test_a_member_is_the_same_as_an_onnx_program(kind, shape, tiles):
    member, x = fitted(kind, shape, tiles)
    program = exported(lambda images: outputs(member, images), x[:TRACED])
    with torch.no_grad():
        expected = outputs(member, x[-RUN:])
    found = program(x[-RUN:])
    assert [each.dtype for each in found] == [np.float64, *[np.float32] * (len(expected) - 1)]
    assert np.ptp(found[0], axis=0).min() > 0.01
    np.testing.assert_allclose(found[0], expected[0].numpy(), rtol=1e-4)
    if kind == "features":  # of half precision, in which rounding errors move a value by a step, and whitened
        np.testing.assert_allclose(found.pop(), expected[2].numpy(), atol=0.1)
    for own, right in zip(found[1:], expected[1:], strict=False):
        np.testing.assert_allclose(own, right.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["closed-form", "transformations", "patches"])
def test_nothing_that_is_made_while_torch_traces_is_kept(kind):
    traced, x = fitted(kind, (16, 16, 1))
    fresh, _ = fitted(kind, (16, 16, 1))
    with torch.no_grad():
        torch.export.export(Computed(lambda images: outputs(traced, images)), (x,), strict=False)
        assert torch.equal(traced.score(x).statistics, fresh.score(x).statistics)
