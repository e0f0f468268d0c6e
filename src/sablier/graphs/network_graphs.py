"""Classifiers, denoisers and autoencoders as graphs."""

import torch
from torch import Tensor, nn

from sablier.graphs.calibrated import PValues
from sablier.graphs.pixels import Scaled
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.classification.classify import UNLIKE, Classifier


class ClassifierGraph(nn.Module):
    """What a `Classifier` computes of images."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.network, self.views, self.temperature = classifier.network, classifier.views, classifier.temperature
        self.scaled, self.p_values = Scaled(classifier.preprocess), PValues(classifier.calibration)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name, of N,H,W,C stored pixels."""
        logits = self.views.logits(self.network, self.scaled(pixels)).double()
        p_values = self.p_values(-torch.logsumexp(logits, dim=1, keepdim=True))
        unlike = torch.full_like(p_values[:1], UNLIKE)
        return {
            "probabilities": torch.softmax(logits / self.temperature, dim=1),
            "p_value": p_values,
            "unlike": self.p_values.flagged(p_values, unlike),
        }


class AutoencoderGraph(nn.Module):
    """The code of each image, and its reconstruction from it."""

    def __init__(self, network: Model, preprocess: Preprocess) -> None:
        super().__init__()
        self.network, self.scaled = network, Scaled(preprocess)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name, of N,H,W,C stored pixels."""
        code = self.network.encode(self.scaled(pixels))
        return {"code": code, "reconstruction": self.network.decode(code).clamp(0, 1).permute(0, 2, 3, 1)}


class DenoiserGraph(nn.Module):
    """Images without their noise, with black at 0 and white at 1, and the noise level of each."""

    def __init__(self, network: Model) -> None:
        super().__init__()
        self.network = network

    def forward(self, values: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name, of N,H,W,C values with black at 0 and white at 1."""
        clean, level = self.network.denoise(values.permute(0, 3, 1, 2))
        return {"clean": clean.permute(0, 2, 3, 1), "level": level}
