"""The settings of the training loop. Each names its consequence."""

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from sablier.errors import ConfigError
from sablier.limits import check_limits
from sablier.training.optimizers import check_optimizer

PIXELS_PER_BATCH = 128 * 28 * 28


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How a model is trained.

    >>> FitConfig(epochs=3).plan(images=1000, pixels=28 * 28)
    Plan(batch_size=128, steps_per_epoch=8, epochs=3)
    """

    # Passes over the images; None: until `steps` or `megapixels` is reached
    epochs: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    # Most steps to take where `epochs` is None; time grows in proportion
    steps: Annotated[int, Field(ge=1, le=100_000_000)] = 700
    # Most pixels to see where `epochs` is None, in millions: bounds the time for photos
    megapixels: Annotated[float, Field(ge=0, le=1_000_000_000)] = 80.0
    # Smaller batches take more, noisier steps; None: about 100,000 pixels, 16 to 128 images
    batch_size: Annotated[int | None, Field(ge=1, le=65536)] = None
    # The name of a file in training/optimizers/, or of one that was registered
    optimizer: str = "adamw"
    # The peak of the schedule; each optimizer wants another one, see there
    learning_rate: Annotated[float, Field(ge=0, le=100)] = 2e-3
    # Of adam and adamw: how much of the mean gradient is kept a step; 0 for networks that train against each other
    beta1: Annotated[float, Field(ge=0, le=0.9999)] = 0.9
    # Of adam and adamw: the same of the mean square; None: 0.99, for adam 0.999
    beta2: Annotated[float | None, Field(ge=0, le=0.99999)] = None
    # Of muon: how much of the mean gradient is kept a step
    momentum: Annotated[float, Field(ge=0, le=0.9999)] = 0.95
    # Of muon: kernels keep their length; for networks that normalise after every convolution
    renormalise: bool = False
    # Pulls weights to zero; for adamw and muon decoupled (Loshchilov and Hutter 2019)
    weight_decay: Annotated[float, Field(ge=0, le=100)] = 1e-2
    # one-cycle: Smith and Topin 2018; linear: down to nothing
    schedule: Literal["one-cycle", "linear", "constant"] = "one-cycle"
    # Share of the steps in which the learning rate rises
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.2
    # The saved weights are a moving average with this decay; 0: the last weights
    ema: Annotated[float, Field(ge=0, le=0.99999)] = 0.99
    # Largest norm of the gradient; 0: unlimited
    gradient_clip: Annotated[float, Field(ge=0, le=1_000_000_000)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    # auto, cpu, cuda or mps
    device: str = "auto"
    # Of the arithmetic in training; auto: a probe decides
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    # torch.compile, as graphs on CUDA: a minute or two first; on a CPU it needs a C++ compiler
    compile: bool = False
    # 0: as many as torch takes by itself
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    # Measure where the time of twenty early steps goes
    profile: bool = False

    def __post_init__(self) -> None:
        check_limits(self)
        check_optimizer(self.optimizer)
        if self.device.split(":")[0] not in ("auto", "cpu", "cuda", "mps"):
            raise ConfigError(f"expected device auto, cpu, cuda or mps, got {self.device!r}.")

    def plan(self, images: int, pixels: int) -> "Plan":
        """Return how so many images of so many pixels are gone through; the batches of an epoch are as equal as can be."""
        batch_size = min(self.batch_size or min(128, max(16, PIXELS_PER_BATCH // pixels)), images)
        steps_per_epoch = -(-images // batch_size)
        steps = min(self.steps, self.megapixels * 1e6 / (batch_size * pixels))
        return Plan(batch_size, steps_per_epoch, self.epochs or max(1, round(steps / steps_per_epoch)))


class Plan(NamedTuple):
    """How training goes through the images."""

    batch_size: int
    steps_per_epoch: int
    epochs: int
