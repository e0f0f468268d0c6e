"""Networks, one family a file, created by name: `create_model("bottleneck", shape=(28, 28, 1), latent=16)`."""

from sablier.models import bottleneck, convnet, course, inpainter, unet
from sablier.models.base import Model
from sablier.models.registry import create_model, list_models, register

__all__ = ["Model", "bottleneck", "convnet", "course", "create_model", "inpainter", "list_models", "register", "unet"]
