"""The base class of models and their capabilities."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

MOST_COMPUTED = 100_000  # pixels up to which layers are run to find their shapes; of larger images shapes alone are computed

CAPABILITIES = (
    "reconstruct",
    "encode",
    "decode",
    "hidden",
    "denoise",
    "any_size",
    "classify",
    "inpaint",
    "sample",
    "count_bits",
    "predict",
    "describe",
)


class Model(nn.Module):
    """Base class of every network.

    Callers pass pixels in [0, 1], as N,C,H,W; a model has its own scaling. `capabilities` declares what it can do, and a
    contract test checks every registered model:

    - "encode":      `encode(x) -> z`, N,latent
    - "decode":      `decode(z) -> x`
    - "reconstruct": `reconstruct(x) -> x`, by default decode(encode(x))
    - "hidden":      `hidden(x) -> [h1, h2, ...]`, the outputs of the encoder's layers; the last is the latent
    - "denoise":     `denoise(x) -> x, level`, the images without noise, and their noise levels, N
    - "any_size":    `reconstruct`, `denoise` and `inpaint` take images of any height and width
    - "classify":    `classify(x) -> logits`, N,classes
    - "inpaint":     `inpaint(x, hidden) -> mean, log_variance`, of the hidden pixels
    - "sample":      `sample(count, generator) -> x`
    - "count_bits":  `count_bits(codes, steps) -> bits`, N, of codes rounded to steps; see models/compressor.py
    - "predict":     `predict(x, places) -> high, low`, likelihoods of pixels; see models/pixel_context.py
    - "describe":    `describe(x) -> views`, feature maps, N,D,h,w each

    The registry sets `name` and `config`; with the tensors, they are all that a model file keeps.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape
        self.name = ""
        self.config: dict[str, Any] = {}

    @property
    def listed_size(self) -> tuple[int, int]:
        """The height and width of the images for which `layer_table` lists layers: those that it takes, or of a part of them."""
        return self.shape[:2]

    def initialise(self, images: Tensor, seed: int) -> None:
        """Set starting weights from N,C,H,W training images in [0, 1]; by default nothing is done."""

    def encode(self, x: Tensor) -> Tensor:
        """Return the latent of each image, N,latent."""
        raise _cannot(self, "encode")

    def decode(self, z: Tensor) -> Tensor:
        """Return the images of N,latent codes."""
        raise _cannot(self, "decode")

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the reconstruction of each image, in the images' shape."""
        return self.decode(self.encode(x))

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Return the outputs of the encoder's layers, first to last; the last is the latent."""
        raise _cannot(self, "hidden")

    def denoise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images without noise, and the noise level of each, N, in the unit of the training corruption."""
        raise _cannot(self, "denoise")

    def describe(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return views, N,D,h,w each: feature maps on a grid over each image."""
        raise _cannot(self, "describe")

    def classify(self, x: Tensor) -> Tensor:
        """Return the logits of each image, N,classes."""
        raise _cannot(self, "classify")

    def inpaint(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the predicted mean of each pixel, N,C,H,W, and its log variance, N,1,H,W.

        Args:
            hidden: N,1,H,W; 1 at hidden pixels, whose values must not be used, 0 elsewhere.
        """
        raise _cannot(self, "inpaint")

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Return `count` new images, N,C,H,W, with the random numbers of `generator` alone."""
        raise _cannot(self, "sample")

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction."""
        return self.reconstruct(x)


def _cannot(model: Model, capability: str) -> NotImplementedError:
    return NotImplementedError(f"{model.name or type(model).__name__} cannot {capability}: it can {sorted(model.capabilities)}.")


@torch.no_grad()
def layer_table(model: Model) -> list[tuple[str, str, str, int]]:
    """Return (name, kind, output shape, parameters) of every layer with parameters, in the order they run.

    A layer whose weights another layer uses without calling it counts as part of that layer. Shapes are those for images of
    the model's `listed_size`.
    """
    ran: dict[str, tuple[str, str]] = {}
    height, width = model.listed_size
    if height * width > MOST_COMPUTED:
        model = deepcopy(model).to("meta")

    def note(name: str, layer: nn.Module, output: Any) -> None:
        if isinstance(output, Tensor):
            ran.setdefault(name, (type(layer).__name__, " x ".join(map(str, output.shape[1:]))))

    handles = [
        module.register_forward_hook(lambda layer, _inputs, output, name=name: note(name, layer, output))
        for name, module in model.named_modules()
    ]
    was_training = model.training
    model.eval()(torch.zeros(1, model.shape[2], height, width, device=next(model.parameters()).device))
    model.train(was_training)
    for handle in handles:
        handle.remove()
    counts = dict.fromkeys(ran, 0)
    for name, module in model.named_modules():
        while name not in ran:
            name = name.rpartition(".")[0]
        counts[name] += sum(parameter.numel() for parameter in module.parameters(recurse=False))
    return [(name, *ran[name], count) for name, count in counts.items() if count]


def layer_tables(networks: Mapping[str, Model]) -> list[tuple[str, str, str, int]]:
    """Return the layer tables of several networks as one; with several, layers are prefixed by their network."""
    return [
        (f"{name}.{layer}" if len(networks) > 1 else layer, kind, output, count)
        for name, network in networks.items()
        for layer, kind, output, count in layer_table(network)
    ]


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
