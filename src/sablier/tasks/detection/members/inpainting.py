"""The member that inpaints: a place that differs from its prediction from the surroundings is anomalous."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.part_fit import check_fit
from sablier.part_kinds import POSITIVE, PartConfig, PartKind, TensorKind
from sablier.tasks.detection.anomaly_map import gaussian_blur
from sablier.tasks.detection.members.base import Fitting, Member, MemberOutput, member
from sablier.tasks.detection.order_statistics import median, quantile
from sablier.tasks.detection.tracing import tracing
from sablier.training.objectives import Inpainting, Objective
from sablier.transforms.hiding import hidden_squares, square_sides
from sablier.typing import Array

FINE = 8  # squares along the shorter side from which on they are fine; fewer are wide
SPOT, GRAIN, SHADOW = 1.0, 5.0, 6.0  # standard deviations of blurs, in pixels
HIGHEST = {"spots": 0.001, "grain": 0.01, "shadows": 0.05}  # shares of an image's places whose mean anomaly score is a statistic
USUAL_SHARE = 0.9  # of an image's places: this quantile of the spots is what is usual in it
FAINTEST = 1e-3  # of a squared residual: smaller ones count as nothing
SMALLEST = 1e-6


class SquaresConfig(PartConfig):
    """How many hidden squares fit along the shorter side, as in training."""

    fewest_squares: int = Field(ge=1, le=1024)
    most_squares: int = Field(ge=1, le=4096)


@member
@dataclass(frozen=True)
class Inpaintings(Member):
    """A network that was trained on `Inpainting`, and its prediction errors on normal images.

    Every place is hidden once for each size of squares. The residual is the difference from the predicted mean in predicted
    standard deviations. Three kinds of signs are computed from it. Spots: the residual at fine squares, blurred a little.
    Grain: the magnitude of the residual around a place relative to most of the image, since a place may be too rough or too
    smooth. Shadows: the residual at wide squares, blurred. Each sign is squared relative to normal images and averaged over
    the sizes of squares; spots are also relative to the same image, since some surfaces are rougher than others. The map is
    the mean of the kinds. The statistics are the logarithms of the mean over the highest places of each kind.

    Args:
        fewest_squares, most_squares: that fit along the shorter side, as in training.
        spread: of each kind of sign, D: its root mean square in normal images, for each size of squares.
    """

    kind: ClassVar[str] = "inpainting"
    weight: ClassVar[float] = 1.0
    sees: ClassVar[str] = (
        "A network predicts hidden squares of the image, with their uncertainty (inpainting). The prediction error counts "
        "relative to what is usual in the same image."
    )
    map_shows: ClassVar[str] = "How far each pixel is from what the network predicts from around it"
    draws: ClassVar[bool] = True
    objective: ClassVar[type[Objective] | None] = Inpainting
    needs: ClassVar[tuple[str, ...]] = ("inpaint",)
    part_kinds: ClassVar[Mapping[str, PartKind]] = {
        "surprises": PartKind(
            {
                "spots": TensorKind(("fine",), low=POSITIVE, optional=True),
                "grain": TensorKind(("fine",), low=POSITIVE, optional=True),
                "shadows": TensorKind(("wide",), low=POSITIVE, optional=True),
            },
            SquaresConfig,
        )
    }

    network: Model
    fewest_squares: int
    most_squares: int
    spread: Mapping[str, Array]

    @classmethod
    @torch.no_grad()
    def fit(cls, fitting: Fitting) -> "Inpaintings":
        """Measure the prediction errors of the network on normal images."""
        network, objective = fitting.trained(Inpainting)
        draft = cls(network, objective.fewest_squares, objective.most_squares, {})
        squares: dict[str, list[Tensor]] = {}
        for batch in fitting.normal.for_scoring():
            for kind, sign in draft._signs(batch.x)[0].items():
                squares.setdefault(kind, []).append(sign.square().mean(dim=(2, 3)))
        spread = {kind: torch.cat(each, dim=1).mean(dim=1).sqrt().clamp_min(SMALLEST) for kind, each in squares.items()}
        return replace(draft, spread={kind: value.numpy() for kind, value in spread.items()})

    def score(self, x: Tensor, pictures: bool = True) -> MemberOutput:
        signs, drawn = self._signs(x)
        for kind, sign in signs.items():
            check_fit(f"spreads of {kind}", len(self.spread.get(kind, ())), len(sign))
        anomaly_maps = {
            kind: (sign / torch.from_numpy(self.spread[kind]).view(-1, 1, 1, 1)).square().mean(dim=0)
            for kind, sign in signs.items()
        }
        if "spots" in anomaly_maps:
            usual = quantile(anomaly_maps["spots"].flatten(1), USUAL_SHARE).clamp_min(SMALLEST)
            anomaly_maps["spots"] = anomaly_maps["spots"] / usual.view(-1, 1, 1)
        highest = [
            anomaly_map.flatten(1).topk(max(1, round(HIGHEST[kind] * anomaly_map[0].numel())), dim=1).values.mean(dim=1)
            for kind, anomaly_map in anomaly_maps.items()
        ]
        statistics = (torch.stack(highest, dim=1).double() + SMALLEST).log()
        if not pictures:
            return MemberOutput(statistics)
        return MemberOutput(
            statistics,
            torch.stack(list(anomaly_maps.values())).mean(dim=0),
            drawn.clamp(0, 1).permute(0, 2, 3, 1).contiguous(),
        )

    def _signs(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return the signs of each kind, D,N,H,W, and N,C,H,W: the prediction at the smallest squares."""
        found: dict[str, list[Tensor]] = {kind: [] for kind in HIGHEST}
        for index, side in enumerate(square_sides(x, self.fewest_squares, self.most_squares)):
            surprise, drawn = torch.zeros_like(x[:, 0]), torch.zeros_like(x)
            for hidden, mean, log_variance in self._predictions(x, side):
                surprise = surprise + (((x - mean) * torch.exp(-log_variance / 2)).mean(dim=1, keepdim=True) * hidden)[:, 0]
                drawn = drawn + mean * hidden
            if self.fewest_squares * 2**index < FINE:
                found["shadows"].append(gaussian_blur(surprise, SHADOW))
                continue
            found["spots"].append(gaussian_blur(surprise, SPOT))
            strength = (gaussian_blur(surprise.square(), GRAIN) + FAINTEST).log()
            found["grain"].append(strength - median(strength.flatten(1)).view(-1, 1, 1))
        return {kind: torch.stack(each) for kind, each in found.items() if each}, drawn

    def _predictions(self, x: Tensor, side: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield each raster of hidden squares, and what the network predicts there: means and logarithms of variances."""
        rasters = [hidden_squares(x, side, down, right) for down in (0, side) for right in (0, side)]
        if not tracing():
            yield from ((hidden, *self.network.inpaint(x, hidden)) for hidden in rasters)
            return
        # At once, or the network would stand in the program once for each raster.
        found = self.network.inpaint(x.repeat(len(rasters), 1, 1, 1), torch.cat(rasters))
        means, logarithms = (each.view(len(rasters), -1, *each.shape[1:]) for each in found)
        yield from zip(rasters, means, logarithms, strict=True)

    def parts(self) -> Mapping[str, Part]:
        squares = {"fewest_squares": self.fewest_squares, "most_squares": self.most_squares}
        return {"net": Part.of_model(self.network), "spread": Part("surprises", squares, dict(self.spread))}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> "Inpaintings":
        kept = parts["spread"]
        squares = Inpainting(int(kept.config["fewest_squares"]), int(kept.config["most_squares"]))
        return cls(parts["net"].to_model("inpaint"), squares.fewest_squares, squares.most_squares, kept.tensors)
