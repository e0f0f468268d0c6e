"""A detector as one graph: from stored pixels to score, p-value, verdict and anomaly map."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sablier.baselines import NEIGHBOURS, Baselines
from sablier.graphs.calibrated import PValues
from sablier.graphs.constants import constant
from sablier.graphs.pixels import Scaled, thumbnails_of
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.fusion import Fusion
from sablier.tasks.detection.members import MemberOutput
from sablier.tasks.detection.members.covariates import covariates_of
from sablier.tasks.detection.scorer import Scorer


class DetectorGraph(nn.Module):
    """What a `Detector` computes of images of its size, without the correction of maps of unusual frames.

    Args:
        detector: as a model file keeps it.
    """

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector
        self.scaled = Scaled(detector.preprocess)
        self.scorers = nn.ModuleList(_ScorerGraph(scorer) for scorer in detector.scorers)
        self.p_values = PValues(detector.calibration)
        kept = detector.preprocess.kept
        self.kept: Tensor | None
        self.register_buffer("kept", None if kept is None else torch.from_numpy(kept))

    def forward(self, pixels: Tensor, alpha: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name.

        Args:
            pixels: N,H,W,C in the stored type.
            alpha: 1 false-alarm rate, float64.
        """
        x = self.scaled(pixels)
        small, covariates = thumbnails_of(x, self.detector.preprocess), covariates_of(x).double()
        each = [scorer(x, small, covariates) for scorer in self.scorers]
        fold_scores = torch.stack([own.contributions.sum(dim=1) for own in each], dim=1)
        p_values = self.p_values(fold_scores)
        anomaly_map = torch.stack([own.anomaly_map for own in each]).mean(dim=0) / self.detector.map_unit
        outputs = {
            "score": fold_scores.mean(dim=1),
            "p_value": p_values,
            "flagged": self.p_values.flagged(p_values, alpha),
            "map": anomaly_map if self.kept is None else torch.where(self.kept, anomaly_map, 0.0),
            "fold_scores": fold_scores,
            "contributions": torch.stack([own.contributions for own in each]).mean(dim=0),
            "baseline_scores": torch.stack([own.baselines for own in each], dim=1),
        }
        drawn = [own.reconstructions for own in each if own.reconstructions is not None]
        if drawn:
            outputs["reconstruction"] = torch.stack(drawn).mean(dim=0)
        members = self.detector.scorers[0].members
        appearance = next((found for member in members if (found := member.appearance(x)) is not None), None)
        return outputs if appearance is None else outputs | {"appearance": appearance}


class _Scored(NamedTuple):
    """The output of a scorer: N,M contributions, N,B baseline scores, N,H,W maps, N,H,W,C reconstructions if there are any."""

    contributions: Tensor
    baselines: Tensor
    anomaly_map: Tensor
    reconstructions: Tensor | None


class _ScorerGraph(nn.Module):
    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        self.scorer = scorer
        self.networks = nn.ModuleDict(scorer.networks)
        self.fusion, self.baselines = _FusionGraph(scorer.fusion), _BaselinesGraph(scorer.baselines)
        self.usual = nn.ParameterList(map(constant, scorer.usual_map))

    def forward(self, x: Tensor, small: Tensor, covariates: Tensor) -> _Scored:
        seen = [member.score(x) for member in self.scorer.members]
        drawn = next((own.reconstructions for own in seen if own.reconstructions is not None), None)
        contributions = self.fusion([own.statistics for own in seen], covariates)
        return _Scored(contributions, self.baselines(small), self._anomaly_map(seen), drawn)

    def _anomaly_map(self, seen: list[MemberOutput]) -> Tensor:
        weights = self.scorer.member_weights.tolist()
        parts = [
            (weight, own.anomaly_map / usual)
            for weight, own, usual in zip(weights, seen, self.usual, strict=True)
            if own.anomaly_map is not None
        ]
        total = sum(weight for weight, _ in parts)
        return torch.as_tensor(sum((weight / total if total else 1 / len(parts)) * own for weight, own in parts))


class _FusionGraph(nn.Module):
    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.values = nn.ParameterDict({name: constant(value) for name, value in vars(fusion).items()})

    def forward(self, statistics: list[Tensor], covariates: Tensor) -> Tensor:
        own = self.values
        inputs = torch.maximum(torch.minimum(covariates, own["high"]), own["low"])
        predicted = own["coefficients"][0] + inputs @ own["coefficients"][1:]
        weighted = (torch.cat(statistics, dim=1) - predicted) * own["weights"]
        parts = torch.split(weighted, [each.shape[1] for each in statistics], dim=1)
        return torch.stack([part.sum(dim=1) for part in parts], dim=1)


class _BaselinesGraph(nn.Module):
    """The residual of PCA, and the mean distance to the nearest training thumbnails."""

    def __init__(self, baselines: Baselines) -> None:
        super().__init__()
        self.values = nn.ParameterDict({name: constant(value) for name, value in vars(baselines).items()})

    def forward(self, small: Tensor) -> Tensor:
        own, size = self.values, small.shape[1]
        centred = small - own["mean"]
        residual = centred.square().sum(dim=1) - (centred @ own["components"].T).square().sum(dim=1)
        squared = small.square().sum(dim=1, keepdim=True) - 2 * small @ own["kept"].T + own["kept"].square().sum(dim=1)
        nearest = squared.topk(min(NEIGHBOURS, len(own["kept"])), dim=1, largest=False).values
        apart = nearest.clamp_min(0).sqrt().mean(dim=1) / size**0.5
        return torch.stack([residual.clamp_min(0) / size, apart], dim=1).double()
