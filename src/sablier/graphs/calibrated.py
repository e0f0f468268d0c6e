"""Conformal p-values in torch, as `Calibration` computes them."""

import torch
from torch import Tensor, nn

from sablier.calibration import Calibration
from sablier.calibration.rates import ROUNDING
from sablier.graphs.constants import constant


class PValues(nn.Module):
    """The p-values of N images, given their scores."""

    def __init__(self, calibration: Calibration) -> None:
        super().__init__()
        self.crossed = calibration.crossed
        self.groups = [groups for _, groups in calibration.views]
        self.scores = nn.ParameterList(map(constant, calibration.folds))
        self.weights = nn.ParameterList(constant(own) for weights, _ in calibration.views for own in weights)
        self.least = 1 / (calibration.groups + 1)

    def forward(self, fold_scores: Tensor) -> Tensor:
        """Return N float64 of N,F scores, one column a scorer."""
        columns = fold_scores if self.crossed else fold_scores.mean(dim=1, keepdim=True)
        at_least = [own[None] >= columns[:, k : k + 1] for k, own in enumerate(self.scores)]
        found = []
        for number, groups in enumerate(self.groups):
            weights = list(self.weights)[number * len(at_least) : (number + 1) * len(at_least)]
            sums = [(over * weight).sum(dim=1) for over, weight in zip(at_least, weights, strict=True)]
            found.append((1 + _exact(torch.stack(sums).sum(dim=0))) / (groups + 1))
        return torch.stack(found).amax(dim=0)

    def flagged(self, p_values: Tensor, alpha: Tensor) -> Tensor:
        """Return N booleans: p-values of at most `alpha`, where enough images calibrate for it."""
        return (p_values <= alpha) & (alpha >= self.least)


def _exact(sums: Tensor) -> Tensor:
    whole = sums.round()
    return torch.where((sums - whole).abs() < ROUNDING, whole, sums)
