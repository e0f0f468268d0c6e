"""Learn to outline defects that were made on purpose, since of the real ones there is no example."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F

from sablier.errors import ConfigError
from sablier.models.base import Model
from sablier.training.objectives import Loss
from sablier.transforms.batches import Batch
from sablier.transforms.defects import synthetic_defects

FOCUS = 2.0  # exponent that takes weight from pixels the network is sure of
SMALLEST_SHARE = 1e-3  # of defective pixels that a batch is taken to have


@dataclass(frozen=True)
class DefectSegmentation:
    """Focal loss (Lin et al. 2017) of a segmenter on synthetic defects, drawn anew for each batch.

    Args:
        share: of the images, which get a defect; the others teach what is none.
    """

    share: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"expected share above 0 and up to 1, got {self.share}.")

    def players(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        damaged, mask = synthetic_defects(batch.x, self.share)
        yield "model", focal_loss(model.segment(damaged), mask), {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the loss on the same defects each time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            damaged, mask = synthetic_defects(batch.x, self.share)
        return focal_loss(model.segment(damaged), mask)


def focal_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Return the cross-entropy of N,1,H,W logits with a mask, in float32, weighted by how wrong each pixel is.

    As in its paper, the sum is divided by the number of positives, here of defective pixels in the batch.

    Raises:
        ValueError: where the shapes differ.
    """
    if logits.shape != mask.shape:
        raise ValueError(f"a loss compares equal shapes, got {tuple(logits.shape)} and {tuple(mask.shape)}.")
    entropy = F.binary_cross_entropy_with_logits(logits.float(), mask, reduction="none")
    wrong = 1 - torch.exp(-entropy)
    return (wrong**FOCUS * entropy).mean() / mask.mean().clamp_min(SMALLEST_SHARE)
