"""Objectives: the losses that a network is trained with, and the parameters that they update. One objective per file."""

from sablier.training.objectives.adversarial import Adversarial
from sablier.training.objectives.agreement import Agreement
from sablier.training.objectives.base import Loss, Objective, mean_squared_error
from sablier.training.objectives.classification import Classification
from sablier.training.objectives.denoising import LOWEST_LEVEL, Denoising, NoisyOnly
from sablier.training.objectives.flow import FlowMatching
from sablier.training.objectives.inpainting import Inpainting
from sablier.training.objectives.likelihood import PixelLikelihood
from sablier.training.objectives.rate_distortion import RateDistortion
from sablier.training.objectives.reconstruction import Reconstruction
from sablier.training.objectives.regularised import RegularisedReconstruction
from sablier.training.objectives.robust_classification import RobustClassification
from sablier.training.objectives.transformations import TransformationPrediction
from sablier.training.objectives.variational import Variational

__all__ = [
    "LOWEST_LEVEL",
    "Adversarial",
    "Agreement",
    "Classification",
    "Denoising",
    "FlowMatching",
    "Inpainting",
    "Loss",
    "NoisyOnly",
    "Objective",
    "PixelLikelihood",
    "RateDistortion",
    "Reconstruction",
    "RegularisedReconstruction",
    "RobustClassification",
    "TransformationPrediction",
    "Variational",
    "mean_squared_error",
]
