"""`FitConfig`: the settings of the training loop."""

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from sablier.errors import ConfigError
from sablier.limits import check_limits
from sablier.training.optimizers import check_optimizer

PIXELS_PER_BATCH = 128 * 28 * 28


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Settings of the training of one network.

    Args:
        epochs: passes over the images; None: until `steps` or `megapixels` is reached.
        steps: the most optimizer steps if `epochs` is None; the time grows in proportion.
        megapixels: the most pixels to process if `epochs` is None, in millions; this bounds the time for photos.
        batch_size: images per step; None: about 100,000 pixels, 16 to 128 images. Smaller batches take more, noisier steps.
        optimizer: the name of an optimizer: "adam", "adamw", "muon", "rmsprop", "sgd", or a registered one.
        learning_rate: the peak of the schedule; each optimizer has its own usual value.
        beta1: of adam and adamw, the decay of the mean gradient; 0 for networks that are trained against each other.
        beta2: of adam and adamw, the decay of the mean squared gradient; None: 0.99, for adam 0.999.
        momentum: of muon, the decay of the mean gradient.
        renormalise: of muon, keep the norm of kernels; for networks with normalisation after every convolution.
        weight_decay: how strongly weights are pulled to zero; decoupled for adamw and muon (Loshchilov and Hutter 2019).
        schedule: "one-cycle" (Smith and Topin 2018), "linear" (down to zero) or "constant".
        warmup: the share of the steps in which the learning rate rises, 0 to 1.
        ema: the decay of the moving average of weights that is saved; 0 saves the last weights.
        gradient_clip: the largest norm of the gradient; 0: unlimited.
        seed: the seed of all randomness.
        device: "auto", "cpu", "cuda" or "mps".
        dtype: the arithmetic of training, "float32" or "bfloat16"; "auto" chooses by a short trial.
        compile: use `torch.compile` (CUDA graphs on CUDA). It takes a minute or two first; on a CPU it needs a C++ compiler.
        threads: the number of threads; 0: as many as torch chooses.
        profile: measure the phases of twenty early steps.

    Raises:
        ConfigError: if a value is out of its range.
        UnknownName: if there is no such optimizer.

    Examples:
        >>> from sablier import FitConfig
        >>> FitConfig(epochs=3).plan(images=1000, pixels=28 * 28)
        Plan(batch_size=128, steps_per_epoch=8, epochs=3)
    """

    epochs: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    steps: Annotated[int, Field(ge=1, le=100_000_000)] = 700
    megapixels: Annotated[float, Field(ge=0, le=1_000_000_000)] = 80.0
    batch_size: Annotated[int | None, Field(ge=1, le=65536)] = None
    optimizer: str = "adamw"
    learning_rate: Annotated[float, Field(ge=0, le=100)] = 2e-3
    beta1: Annotated[float, Field(ge=0, le=0.9999)] = 0.9
    beta2: Annotated[float | None, Field(ge=0, le=0.99999)] = None
    momentum: Annotated[float, Field(ge=0, le=0.9999)] = 0.95
    renormalise: bool = False
    weight_decay: Annotated[float, Field(ge=0, le=100)] = 1e-2
    schedule: Literal["one-cycle", "linear", "constant"] = "one-cycle"
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.2
    ema: Annotated[float, Field(ge=0, le=0.99999)] = 0.99
    gradient_clip: Annotated[float, Field(ge=0, le=1_000_000_000)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool = False
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    profile: bool = False

    def __post_init__(self) -> None:
        check_limits(self)
        check_optimizer(self.optimizer)
        if self.device.split(":")[0] not in ("auto", "cpu", "cuda", "mps"):
            raise ConfigError(f"expected device auto, cpu, cuda or mps, got {self.device!r}.")

    def plan(self, images: int, pixels: int) -> "Plan":
        """Return the batch size, the steps per epoch and the epochs for a set of images.

        Args:
            images: how many images, at least 1.
            pixels: height times width of an image.

        Returns:
            The plan. The batches of an epoch are as equal as possible.
        """
        batch_size = min(self.batch_size or min(128, max(16, PIXELS_PER_BATCH // pixels)), images)
        steps_per_epoch = -(-images // batch_size)
        steps = min(self.steps, self.megapixels * 1e6 / (batch_size * pixels))
        return Plan(batch_size, steps_per_epoch, self.epochs or max(1, round(steps / steps_per_epoch)))


class Plan(NamedTuple):
    """Batch size, steps per epoch and epochs of a training."""

    batch_size: int
    steps_per_epoch: int
    epochs: int
