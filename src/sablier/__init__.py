"""sablier learns what your images look like, and finds what does not belong.

Names are loaded when they are first used: importing sablier loads neither torch nor NumPy.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Every public name, and the module that holds it; tests/test_public_names.py pins the list.
_MODULES = {
    "AnomalyDetector": "sablier.estimators",
    "Calibration": "sablier.calibration",
    "Codec": "sablier.tasks.codec.codec",
    "Denoiser": "sablier.estimators",
    "Detector": "sablier.tasks.detection.detect",
    "DriftAlarm": "sablier.monitoring",
    "FitConfig": "sablier.training.config",
    "ImageAutoencoder": "sablier.estimators",
    "ImageClassifier": "sablier.estimators",
    "ImageSet": "sablier.images",
    "ModelFile": "sablier.modelfile",
    "Preprocess": "sablier.images",
    "SablierError": "sablier.errors",
    "attack": "sablier.workflows.attack",
    "audit": "sablier.workflows.audit",
    "calibrate": "sablier.workflows.calibrate",
    "classify": "sablier.workflows.classify",
    "cluster": "sablier.workflows.cluster",
    "combine": "sablier.workflows.combine",
    "compare": "sablier.workflows.compare",
    "compress": "sablier.workflows.compress",
    "create_model": "sablier.models",
    "decompress": "sablier.workflows.compress",
    "denoise": "sablier.workflows.denoise",
    "detect": "sablier.workflows.detect",
    "embed": "sablier.workflows.embed",
    "evaluate": "sablier.workflows.evaluate",
    "fit": "sablier.training.loop",
    "fool": "sablier.workflows.fool",
    "interpolate": "sablier.workflows.interpolate",
    "list_datasets": "sablier.images",
    "list_models": "sablier.models",
    "load_dataset": "sablier.images",
    "make_recipe": "sablier.recipes.make",
    "map_images": "sablier.workflows.map",
    "mistakes": "sablier.workflows.mistakes",
    "plot": "sablier.report.plot",
    "read_images": "sablier.images",
    "reconstruct": "sablier.workflows.reconstruct",
    "register": "sablier.models",
    "robustness": "sablier.workflows.robustness",
    "sample": "sablier.workflows.sample",
    "stream_images": "sablier.images",
    "train": "sablier.workflows.training.train",
    "watch": "sablier.workflows.watch",
}

__all__ = [
    "AnomalyDetector",
    "Calibration",
    "Codec",
    "Denoiser",
    "Detector",
    "DriftAlarm",
    "FitConfig",
    "ImageAutoencoder",
    "ImageClassifier",
    "ImageSet",
    "ModelFile",
    "Preprocess",
    "SablierError",
    "attack",
    "audit",
    "calibrate",
    "classify",
    "cluster",
    "combine",
    "compare",
    "compress",
    "create_model",
    "decompress",
    "denoise",
    "detect",
    "embed",
    "evaluate",
    "fit",
    "fool",
    "interpolate",
    "list_datasets",
    "list_models",
    "load_dataset",
    "make_recipe",
    "map_images",
    "mistakes",
    "plot",
    "read_images",
    "reconstruct",
    "register",
    "robustness",
    "sample",
    "stream_images",
    "train",
    "watch",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if TYPE_CHECKING:
    from sablier.calibration import Calibration
    from sablier.errors import SablierError
    from sablier.estimators import AnomalyDetector, Denoiser, ImageAutoencoder, ImageClassifier
    from sablier.images import ImageSet, Preprocess, list_datasets, load_dataset, read_images, stream_images
    from sablier.modelfile import ModelFile
    from sablier.models import create_model, list_models, register
    from sablier.monitoring import DriftAlarm
    from sablier.recipes.make import make_recipe
    from sablier.report.plot import plot
    from sablier.tasks.codec.codec import Codec
    from sablier.tasks.detection.detect import Detector
    from sablier.training.config import FitConfig
    from sablier.training.loop import fit
    from sablier.workflows.attack import attack
    from sablier.workflows.audit import audit
    from sablier.workflows.calibrate import calibrate
    from sablier.workflows.classify import classify
    from sablier.workflows.cluster import cluster
    from sablier.workflows.combine import combine
    from sablier.workflows.compare import compare
    from sablier.workflows.compress import compress, decompress
    from sablier.workflows.denoise import denoise
    from sablier.workflows.detect import detect
    from sablier.workflows.embed import embed
    from sablier.workflows.evaluate import evaluate
    from sablier.workflows.fool import fool
    from sablier.workflows.interpolate import interpolate
    from sablier.workflows.map import map_images
    from sablier.workflows.mistakes import mistakes
    from sablier.workflows.reconstruct import reconstruct
    from sablier.workflows.robustness import robustness
    from sablier.workflows.sample import sample
    from sablier.workflows.training.train import train
    from sablier.workflows.watch import watch
else:  # unseen by type checkers, so that they find misspelt names

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module 'sablier' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value
