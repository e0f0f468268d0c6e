"""The member that reconstructs: an image that an autoencoder reconstructs badly is anomalous.

A good image is reconstructed well not only in its pixels: encoded again, the reconstruction gives similar hidden layers
(RaPP, Kim et al. 2020).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.part_kinds import DOUBLE, PartKind, TensorKind
from sablier.tasks.detection.anomaly_map import blurred
from sablier.tasks.detection.members.base import Fitting, Member, MemberOutput, member
from sablier.tasks.detection.members.gaussian import Gaussian
from sablier.training.objectives import Objective, Reconstruction

SMALLEST_RESIDUAL = 1e-8


@member
@dataclass(frozen=True)
class Restoration(Member):
    """An autoencoder, and the spread of the latents of normal images.

    The statistics are logarithms: of the mean squared residual at the pixels and at each hidden layer, and of the
    Mahalanobis distance of the latent. The anomaly map is the squared error, blurred.

    Args:
        latents: of normal images.
    """

    kind: ClassVar[str] = "restoration"
    weight: ClassVar[float] = 0.5  # more helps on digits and costs several points on photos (docs/LOG.md)
    sees: ClassVar[str] = (
        "A network reconstructs the image through a bottleneck. Anomalies are reconstructed with errors: at the pixels, "
        "at the hidden layers when the reconstruction is fed back, and in a latent far from those of normal images."
    )
    map_shows: ClassVar[str] = "The squared error of the reconstruction at each pixel, blurred"
    draws: ClassVar[bool] = True
    objective: ClassVar[type[Objective] | None] = Reconstruction
    needs: ClassVar[tuple[str, ...]] = ("encode", "decode", "hidden")
    part_kinds: ClassVar[Mapping[str, PartKind]] = {
        "gaussian": PartKind({"mean": TensorKind(("D",), DOUBLE), "precision": TensorKind(("D", "D"), DOUBLE)})
    }

    network: Model
    latents: Gaussian

    @classmethod
    def fit(cls, fitting: Fitting) -> "Restoration":
        """Measure the latents of normal images."""
        network, _ = fitting.trained(Reconstruction)
        with torch.no_grad():
            latents = [network.encode(batch.x).numpy() for batch in fitting.normal.for_scoring()]
        return cls(network, Gaussian.of(np.concatenate(latents)))

    def score(self, x: Tensor, pictures: bool = True) -> MemberOutput:
        hidden = self.network.hidden(x)
        reconstruction = self.network.decode(hidden[-1]).clamp(0, 1)
        again = self.network.hidden(reconstruction)
        squared = (reconstruction - x) ** 2
        residuals = [squared, *((a - b) ** 2 for a, b in zip(hidden, again, strict=True))]
        means = torch.stack([residual.flatten(1).mean(dim=1) for residual in residuals], dim=1)
        logarithms = means.clamp_min(SMALLEST_RESIDUAL).log().double()
        statistics = torch.cat([logarithms, self.latents.log_distances(hidden[-1])[:, None]], dim=1)
        if not pictures:
            return MemberOutput(statistics)
        return MemberOutput(statistics, blurred(squared.mean(dim=1)), reconstruction.permute(0, 2, 3, 1).contiguous())

    def parts(self) -> Mapping[str, Part]:
        return {"net": Part.of_model(self.network), "latents": Part("gaussian", {}, dict(vars(self.latents)))}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> "Restoration":
        return cls(parts["net"].to_model("encode", "decode", "hidden"), Gaussian(**parts["latents"].tensors))
