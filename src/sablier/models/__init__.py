"""Networks, one family a file, created by name: `create_model("bottleneck", shape=(28, 28, 1), latent=16)`."""

from sablier.models import (
    adversarial,
    bottleneck,
    compressor,
    convnet,
    course,
    course_classifiers,
    flow,
    inpainter,
    pixel_context,
    strided,
    unet,
    variational,
    whitened,
)
from sablier.models.base import Model
from sablier.models.registry import create_model, list_models, register

__all__ = [
    "Model",
    "adversarial",
    "bottleneck",
    "compressor",
    "convnet",
    "course",
    "course_classifiers",
    "create_model",
    "flow",
    "inpainter",
    "list_models",
    "pixel_context",
    "register",
    "strided",
    "unet",
    "variational",
    "whitened",
]
