"""Adversarial training: a generator, and a discriminator that distinguishes generated images from real ones."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn import functional as F

from sablier.errors import ConfigError
from sablier.limits import check_limits
from sablier.models.adversarial import AdversarialPair
from sablier.models.base import Model
from sablier.training.objectives.base import Loss
from sablier.transforms.batches import Batch

DRAWN_TO_VALIDATE = 500


@dataclass(frozen=True)
class Adversarial:
    """The relativistic GAN loss with gradient penalties (R3GAN; Huang, Gokaslan, Kuleshov and Tompkin 2024).

    The discriminator is trained to score each real image higher than a generated one, the generator the reverse
    (Jolicoeur-Martineau 2019). Every real image counts, so the generator cannot drop a kind of image at no cost. The penalty
    is gamma / 2 times the squared gradient of the discriminator at real and at generated images (R1 and R2; Mescheder,
    Geiger and Nowozin 2018). It makes the training converge.

    Args:
        gamma: the weight of the penalty. Larger is steadier and slower to learn details. It depends on the images: try
            powers of ten.
    """

    gamma: Annotated[float, Field(ge=0, le=1000000)] = 0.4

    def __post_init__(self) -> None:
        check_limits(self)

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        if not isinstance(model, AdversarialPair):
            raise ConfigError(f"expected a model of a generator and a discriminator, such as gan, got {model.name}. Choose gan.")
        pair = model
        return {"discriminator": list(pair.discriminator.parameters()), "generator": list(pair.generator.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        pair = cast(AdversarialPair, model)
        # The generator does not change in between, so both networks get the same generated images.
        drawn = pair.generate(torch.randn(len(batch.x), pair.latent, device=batch.x.device))
        images = torch.cat([batch.x, drawn.detach()]).requires_grad_()
        answers = pair.discriminate(images)
        real, fake = answers.chunk(2)
        loss = F.softplus(fake - real).mean()
        (gradient,) = torch.autograd.grad(answers.sum(), images, create_graph=True)
        penalties = gradient.float().square().sum(dim=(1, 2, 3)).chunk(2)
        r1, r2 = (penalty.mean() for penalty in penalties)
        parts = {"adversarial": loss, "r1": r1, "r2": r2}
        yield "discriminator", loss + self.gamma / 2 * (r1 + r2), parts
        with _held(pair.discriminator):
            with torch.no_grad():
                real = pair.discriminate(batch.x)
            yield "generator", F.softplus(real - pair.discriminate(drawn)).mean(), {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the energy distance (Szekely and Rizzo 2013) between the images and 500 generated from the same codes.

        This is twice the mean distance between an image and a generated one, minus the mean distances within the two sets.
        It is 0 for equal distributions, and large if the generator repeats itself.
        """
        drawn = model.sample(DRAWN_TO_VALIDATE, torch.Generator().manual_seed(0))
        return energy_distance(batch.x.flatten(1), drawn.flatten(1))


def energy_distance(first: Tensor, second: Tensor) -> Tensor:
    """Return the energy distance of N,D and M,D points by root mean squared differences; unbiased, so it may be below 0.

    >>> points = torch.linspace(0, 1, 50)[:, None]
    >>> bool(energy_distance(points, points + 1) > energy_distance(points, points + 0.1) > 0)
    True
    """

    def within(points: Tensor) -> Tensor:
        return torch.pdist(points).mean() if len(points) > 1 else points.new_zeros(())

    distance: Tensor = 2 * torch.cdist(first, second).mean() - within(first) - within(second)
    scaled: Tensor = distance / first.shape[1] ** 0.5
    return scaled


@contextmanager
def _held(group: nn.Module) -> Iterator[None]:
    """Compute no gradient for the weights of a network while the other one is updated."""
    group.requires_grad_(False)
    try:
        yield
    finally:
        group.requires_grad_(True)
