"""Tell the class of an image."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F

from sablier.errors import ConfigError, ImagesError
from sablier.models.base import Model
from sablier.training.objectives.base import Loss
from sablier.transforms.affine import moved
from sablier.transforms.batches import Batch


@dataclass(frozen=True)
class Classification:
    """Cross-entropy of the true class, of images that are moved a little each time they are seen.

    Args:
        smoothing: the share of certainty that is spread over all classes (Szegedy et al. 2016): more accurate, and less sure.
        turn: degrees, shift: share of the side, scale: share: by how much images are moved, at most.
        mirror: whether half of the images are seen in a mirror: right for photos, wrong for letters.
    """

    smoothing: float = 0.0
    turn: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    mirror: bool = False

    def __post_init__(self) -> None:
        for name, most in {"smoothing": 0.9, "turn": 180.0, "shift": 0.5, "scale": 0.9}.items():
            if not 0 <= getattr(self, name) <= most:
                raise ConfigError(f"expected {name} from 0 to {most:g}, got {getattr(self, name)}.")

    def players(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": [parameter for parameter in model.parameters() if parameter.requires_grad]}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        x, labels = batch.x, _labels(batch)
        if self.turn or self.shift or self.scale:
            x = moved(x, turn=self.turn, shift=self.shift, scale=self.scale)
        if self.mirror:
            x = torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x.flip(3), x)
        logits = model.classify(x).float()
        loss = F.cross_entropy(logits, labels, label_smoothing=self.smoothing)
        yield "model", loss, {"errors": (logits.argmax(dim=1) != labels).float().mean()}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        return F.cross_entropy(model.classify(batch.x).float(), _labels(batch))


def _labels(batch: Batch) -> Tensor:
    if batch.labels is None:
        raise ImagesError("expected images with labels, got none. Put the images of each class in a folder of its own.")
    return batch.labels
