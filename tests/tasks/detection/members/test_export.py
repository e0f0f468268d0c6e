"""Every kind of member as an ONNX program: it gives what the member gives, of any number of images."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from onnx_program import exported
from torch import Tensor

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models import create_model
from sablier.models.base import Model
from sablier.tasks.detection.members import MEMBERS, Fitting, Member
from sablier.training.objectives import Inpainting, Objective, Reconstruction, TransformationPrediction
from sablier.transforms.batches import Batches

TRACED, RUN = 3, 5  # images

OBJECTIVES: Mapping[str, Objective] = {
    "restoration": Reconstruction(),
    "transformations": TransformationPrediction(),
    "inpainting": Inpainting(),
}


def networks(kind: str, shape: tuple[int, int, int]) -> Model:
    """A narrow network with random weights, whose outputs differ from image to image."""
    options = {"restoration": ("bottleneck", {"latent": 4}), "transformations": ("convnet", {"classes": 17}), "inpainting": ("inpainter", {})}
    name, own = options[kind]
    network = create_model(name, shape, width=4, **own).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for each in network.parameters():
            each += 0.1 * torch.randn(each.shape, generator=generator)
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
    return tuple(each for each in (found.statistics, found.anomaly_map, found.reconstructions, member.appearance(x)) if each is not None)


CASES = [
    ("closed-form", (28, 28, 1)),
    ("closed-form", (40, 33, 3)),
    ("restoration", (28, 28, 1)),
    ("restoration", (36, 40, 3)),
    ("transformations", (28, 28, 1)),
    ("patches", (32, 30, 3)),
    ("inpainting", (32, 28, 3)),
    ("features", (64, 64, 3)),
]


@pytest.mark.parametrize(("kind", "shape"), CASES)
def test_a_member_is_exported(kind, shape):
    member, x = fitted(kind, shape)
    program = exported(lambda images: outputs(member, images), x[:TRACED])
    with torch.no_grad():
        expected = outputs(member, x[-RUN:])
    found = program(x[-RUN:])
    assert len(found) == len(expected)
    assert found[0].dtype == np.float64
    np.testing.assert_allclose(found[0], expected[0].numpy(), rtol=1e-4, atol=1e-4)
    for own, right in zip(found[1:], expected[1:], strict=True):
        assert own.dtype == np.float32
        np.testing.assert_allclose(own, right.numpy(), rtol=1e-4, atol=1e-4)
