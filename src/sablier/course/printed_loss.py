"""The loss of lesson 4 as its code reads, to compare with the one that its text describes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F

from sablier.errors import ImagesError
from sablier.models.base import Model
from sablier.training.objectives import Loss
from sablier.transforms.batches import Batch


@dataclass(frozen=True)
class NegativeProbability:
    """Minus the mean probability of the true class: the result of giving probabilities to a loss that expects their logarithms.

    Its gradient vanishes for confidently misclassified images, where a probability near 0 hardly changes, unlike its
    logarithm. It is the expected error rate of random guesses with these probabilities, and not the cross-entropy.
    """

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        yield "model", self.validate(model, batch), {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        if batch.labels is None:
            raise ImagesError("expected images with labels, got none. Choose a set with labels, such as mnist or digits.")
        return F.nll_loss(model.classify(batch.x).float().softmax(dim=1), batch.labels)
