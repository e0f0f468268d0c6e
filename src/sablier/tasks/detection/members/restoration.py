"""The member that redraws: what an autoencoder cannot draw again does not belong.

A good image is reconstructed well not only in its pixels: fed back through the encoder, the reconstruction excites the
same hidden layers (RaPP, Kim et al. 2020).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.tasks.detection.anomaly_map import blurred
from sablier.tasks.detection.members.base import Look
from sablier.tasks.detection.members.gaussian import Gaussian
from sablier.transforms.batches import Batches

SMALLEST_RESIDUAL = 1e-8


@dataclass(frozen=True)
class Restoration:
    """An autoencoder, and how the latents of normal images spread.

    Its statistics are logarithms: of the mean squared residual at the pixels and at each hidden layer, and of the
    Mahalanobis distance of the latent. Its heat is the squared error, blurred.

    Args:
        latents: of normal images.
    """

    kind: ClassVar[str] = "restoration"
    say: ClassVar[float] = 0.5  # more helps on digits and costs several points on photos (docs/LOG.md)

    network: Model
    latents: Gaussian

    @classmethod
    def fit(cls, network: Model, normal: Batches) -> "Restoration":
        """Measure the latents of normal images, at least two of them."""
        with torch.no_grad():
            latents = [network.encode(batch.x).numpy() for batch in normal.for_scoring()]
        return cls(network, Gaussian.of(np.concatenate(latents)))

    @torch.no_grad()
    def look(self, x: Tensor) -> Look:
        hidden = self.network.hidden(x)
        reconstruction = self.network.decode(hidden[-1]).clamp(0, 1)
        again = self.network.hidden(reconstruction)
        squared = (reconstruction - x) ** 2
        residuals = [squared, *((a - b) ** 2 for a, b in zip(hidden, again, strict=True))]
        means = torch.stack([residual.flatten(1).mean(dim=1) for residual in residuals], dim=1)
        logarithms = means.clamp_min(SMALLEST_RESIDUAL).log().numpy().astype(np.float64)
        return Look(
            np.c_[logarithms, self.latents.log_distances(hidden[-1].numpy())],
            blurred(squared.mean(dim=1)).numpy(),
            np.ascontiguousarray(reconstruction.permute(0, 2, 3, 1).numpy()),
        )

    def parts(self) -> Mapping[str, Part]:
        return {"net": Part.of_model(self.network), "latents": Part("gaussian", {}, dict(vars(self.latents)))}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part]) -> "Restoration":
        return cls(parts["net"].to_model("encode", "decode", "hidden"), Gaussian(**parts["latents"].tensors))
