"""Classification of images that were attacked (adversarial training)."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from sablier.models.base import Model
from sablier.training.objectives.classification import Classification, true_classes
from sablier.transforms.attacks import Pgd
from sablier.transforms.batches import Batch

GREY_EPS, COLOUR_EPS = 0.3, 8 / 255  # the usual eps of MNIST (Madry et al. 2018) and of CIFAR-10
ONE_STEP_REACH = (
    1.25  # times eps: with a longer single step, only corners of the perturbation set would be used (Wong et al. 2020)
)


@dataclass(frozen=True)
class RobustClassification(Classification):
    """Cross-entropy of images that are attacked first (Madry et al. 2018); with one step, by FGSM (Wong et al. 2020).

    Args:
        eps: largest change of a value, as a share of the range from black to white; None: 0.3 for grey images, which suits
            black and white ones such as digits, and 8/255 for colour.
        attack_steps: gradient steps of the attack; training takes that many times longer, plus once.
        ramp_epochs: epochs in which eps grows to its full size; otherwise a network may learn to give one constant answer.
    """

    eps: Annotated[float | None, Field(ge=0, le=1)] = None
    attack_steps: Annotated[int, Field(ge=1, le=1000)] = 7
    ramp_epochs: Annotated[int, Field(ge=0, le=1000000)] = 2

    def shown(self, model: Model, batch: Batch) -> Tensor:
        """Return the attacked images of a batch; the network is attacked in eval mode."""
        x, labels = super().shown(model, batch), true_classes(batch)
        full = self.eps if self.eps is not None else GREY_EPS if x.shape[1] == 1 else COLOUR_EPS
        eps = full * min(1.0, (batch.epoch + 1) / max(1, self.ramp_epochs))
        attack = Pgd(eps, steps=self.attack_steps, reach=ONE_STEP_REACH if self.attack_steps == 1 else Pgd.reach)
        generator = torch.Generator(x.device).manual_seed(int(torch.randint(2**31, ())))
        was_training = model.training
        model.eval()
        found = attack.iterate(model.classify, x, labels, generator)
        model.train(was_training)
        return found
