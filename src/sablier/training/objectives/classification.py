"""Classification of images."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F

from sablier.errors import ImagesError
from sablier.limits import check_limits
from sablier.models.base import Model
from sablier.training.objectives.base import Loss
from sablier.transforms.affine import moved
from sablier.transforms.batches import Batch
from sablier.transforms.geometry import shifted

SCATTER = 2_654_435_761  # an odd number near 2**32 times the golden ratio: it spreads neighbouring positions (Knuth 1998)


@dataclass(frozen=True)
class Classification:
    """Cross-entropy of the true class, with random augmentation.

    Args:
        smoothing: the share of the target that is spread over all classes (Szegedy et al. 2016): more accurate, less
            confident.
        turn: degrees, shift: share of the side, scale: share: the largest augmentation. With neither turn nor scale, shifts
            are by whole pixels, which blurs nothing.
        mirror: whether each image is mirrored every other epoch (Jordan 2024): "yes" for photos, "no" for letters; "auto"
            mirrors colour images.
    """

    smoothing: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    turn: Annotated[float, Field(ge=0, le=180)] = 0.0
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    scale: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    mirror: Literal["auto", "yes", "no"] = "no"

    def __post_init__(self) -> None:
        check_limits(self)

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": [parameter for parameter in model.parameters() if parameter.requires_grad]}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        labels = true_classes(batch)
        logits = model.classify(self.shown(model, batch)).float()
        loss = F.cross_entropy(logits, labels, label_smoothing=self.smoothing)
        yield "model", loss, {"errors": (logits.argmax(dim=1) != labels).float().mean()}

    def mirrors(self, channels: int) -> bool:
        """Return whether images with so many channels are mirrored."""
        return self.mirror == "yes" or (self.mirror == "auto" and channels > 1)

    def shown(self, model: Model, batch: Batch) -> Tensor:
        """Return the images of a batch with the augmentation of this epoch."""
        x = batch.x
        if self.turn or self.scale:
            x = moved(x, turn=self.turn, shift=self.shift, scale=self.scale)
        elif self.shift:
            x = shifted(x, *(self._offsets(side, x) for side in x.shape[2:]))
        if self.mirrors(x.shape[1]) and batch.rows is not None:
            # The position of an image decides whether it is mirrored first; then this alternates every epoch.
            turned = (batch.rows * SCATTER // 2**16 + batch.epoch) % 2 == 1
            x = torch.where(turned[:, None, None, None], x.flip(3), x)
        return x

    def _offsets(self, side: int, x: Tensor) -> Tensor:
        most = max(1, round(self.shift * side))
        return torch.randint(-most, most + 1, (len(x),), device=x.device)

    def validate(self, model: Model, batch: Batch) -> Tensor:
        return F.cross_entropy(model.classify(batch.x).float(), true_classes(batch))


def true_classes(batch: Batch) -> Tensor:
    """Return the class numbers of a batch.

    Raises:
        ImagesError: if the images have no labels.
    """
    if batch.labels is None:
        raise ImagesError("expected images with labels, got none. Put the images of each class in a folder of its own.")
    return batch.labels
