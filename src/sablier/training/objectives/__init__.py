"""What a batch costs, and whom it moves. A new idea is a new objective, one a file, never a new loop."""

from sablier.training.objectives.base import Loss, Objective, mean_squared_error
from sablier.training.objectives.denoising import LOWEST_LEVEL, Denoising, NoisyOnly
from sablier.training.objectives.inpainting import Inpainting
from sablier.training.objectives.reconstruction import Reconstruction
from sablier.training.objectives.transformations import TransformationPrediction

__all__ = [
    "LOWEST_LEVEL",
    "Denoising",
    "Inpainting",
    "Loss",
    "NoisyOnly",
    "Objective",
    "Reconstruction",
    "TransformationPrediction",
    "mean_squared_error",
]
