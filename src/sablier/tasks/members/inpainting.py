"""The member that fills in: a place that does not look as its surroundings let expect does not belong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.tasks.members.base import Look
from sablier.tasks.members.heat import gaussian_blur
from sablier.training.objectives import Inpainting
from sablier.transforms.batches import Batches
from sablier.transforms.hiding import hidden_squares, square_sides

Array = NDArray[Any]

BLURS = (0.7, 1.5)  # standard deviations in pixels: a thin line shows in the first, a faint spot in the second
USUAL_SHARE = 0.9  # of an image's places are no stranger than what counts as usual in it
HOTTEST_SHARE = 0.001  # of an image's places, whose mean heat is the image's
SMALLEST = 1e-6


@dataclass(frozen=True)
class Inpaintings:
    """A network that was trained on `Inpainting`, and how far normal images are from what it expects.

    Every place is hidden once for each size of squares. What is there, less what was expected, in the standard deviations that
    were expected, is blurred a little; the heat is the largest of these differences, against how large they are in most
    of the same image, since some surfaces are rougher than others. The statistic is the logarithm of the heat of the hottest
    thousandth.

    Args:
        fewest_squares, most_squares: that fit along the shorter side, as in training.
        spread: D, the standard deviation of blurred differences in normal images, one for each size of squares and each blur.
    """

    kind: ClassVar[str] = "inpainting"
    say: ClassVar[float] = 1.0

    network: Model
    fewest_squares: int
    most_squares: int
    spread: Array

    @classmethod
    def fit(cls, network: Model, fewest_squares: int, most_squares: int, normal: Batches) -> "Inpaintings":
        """Measure how far normal images are from what the network expects."""
        draft = cls(network, fewest_squares, most_squares, np.ones(()))
        found = [draft._differences(batch.x)[0].square().mean(dim=(2, 3)) for batch in normal.for_scoring()]
        spread = torch.cat(found, dim=1).mean(dim=1).sqrt()
        return cls(network, fewest_squares, most_squares, spread.clamp_min(SMALLEST).numpy())

    def look(self, x: Tensor) -> Look:
        differences, drawn = self._differences(x)
        largest = (differences.abs() / torch.from_numpy(self.spread).view(-1, 1, 1, 1)).amax(dim=0)
        usual = torch.quantile(largest.flatten(1), USUAL_SHARE, dim=1).clamp_min(SMALLEST)
        heat = largest / usual.view(-1, 1, 1)
        count = max(1, round(HOTTEST_SHARE * heat[0].numel()))
        hottest = heat.flatten(1).topk(count, dim=1).values.mean(dim=1)
        return Look(
            np.log(hottest.numpy().astype(np.float64) + SMALLEST)[:, None],
            heat.numpy(),
            np.ascontiguousarray(drawn.clamp(0, 1).permute(0, 2, 3, 1).numpy()),
        )

    @torch.no_grad()
    def _differences(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return D,N,H,W standardised and blurred differences, and N,C,H,W what the smallest squares were expected to hold."""
        found = []
        for side in square_sides(x, self.fewest_squares, self.most_squares):
            difference, drawn = torch.zeros_like(x[:, 0]), torch.zeros_like(x)
            for down, right in ((0, 0), (0, side), (side, 0), (side, side)):
                hidden = hidden_squares(x, side, down, right)
                mean, log_variance = self.network.inpaint(x, hidden)
                difference += (((x - mean) * torch.exp(-log_variance / 2)).mean(dim=1, keepdim=True) * hidden)[:, 0]
                drawn += mean * hidden
            found += [gaussian_blur(difference, blur) for blur in BLURS]
        return torch.stack(found), drawn

    def parts(self) -> Mapping[str, Part]:
        squares = {"fewest_squares": self.fewest_squares, "most_squares": self.most_squares}
        return {"net": Part.of_model(self.network), "spread": Part("differences", squares, {"spread": self.spread})}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part]) -> "Inpaintings":
        kept = parts["spread"]
        squares = Inpainting(int(kept.config["fewest_squares"]), int(kept.config["most_squares"]))
        return cls(parts["net"].to_model(), squares.fewest_squares, squares.most_squares, kept.tensors["spread"])
