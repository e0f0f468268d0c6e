"""Networks, one family a file, created by name: `create_model("bottleneck", shape=(28, 28, 1), latent=16)`."""

from sablier.models.base import Model
from sablier.models.registry import create_model, list_models, register

__all__ = ["Model", "create_model", "list_models", "register"]

list_models()  # so that every family is registered before models of the user
