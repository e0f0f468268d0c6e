"""The settings of the training loop. Each names its consequence."""

from dataclasses import dataclass, fields
from typing import Literal, NamedTuple, get_args, get_origin, get_type_hints

from sablier.errors import ConfigError
from sablier.training.optimizers import check_optimizer

PIXELS_PER_BATCH = 128 * 28 * 28


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How a model is trained.

    >>> FitConfig(epochs=3).plan(images=1000, pixels=28 * 28)
    Plan(batch_size=128, steps_per_epoch=8, epochs=3)
    """

    epochs: int | None = None  # passes over the images; None: until `steps` or `megapixels` is reached
    steps: int = 700  # most steps to take where `epochs` is None; time grows in proportion
    megapixels: float = 80.0  # most pixels to see where `epochs` is None, in millions: bounds the time for photos
    batch_size: int | None = None  # smaller batches take more, noisier steps; None: about 100,000 pixels, 16 to 128 images
    optimizer: str = "adamw"  # the name of a file in training/optimizers/, or of one that was registered
    learning_rate: float = 2e-3  # the peak of the schedule; each optimizer wants another one, see there
    beta1: float = 0.9  # of adam and adamw: how much of the mean gradient is kept a step; 0 for players who answer each other
    beta2: float | None = None  # of adam and adamw: the same of the mean square; None: 0.99, for adam 0.999
    momentum: float = 0.95  # of muon: how much of the mean gradient is kept a step
    renormalise: bool = False  # of muon: kernels keep their length; for networks that normalise after every convolution
    weight_decay: float = 1e-2  # pulls weights to zero; for adamw and muon decoupled (Loshchilov and Hutter 2019)
    schedule: Literal["one-cycle", "linear", "constant"] = "one-cycle"  # Smith and Topin 2018; linear: down to nothing
    warmup: float = 0.2  # share of the steps in which the learning rate rises
    ema: float = 0.99  # the saved weights are a moving average with this decay; 0: the last weights
    gradient_clip: float = 1.0  # largest norm of the gradient; 0: unlimited
    seed: int = 0
    device: str = "auto"  # auto, cpu, cuda or mps
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # of the arithmetic in training; auto: a probe decides
    compile: bool = False  # torch.compile, as graphs on CUDA: a minute or two first; on a CPU it needs a C++ compiler
    threads: int = 0  # 0: as many as torch takes by itself
    profile: bool = False  # measure where the time of twenty early steps goes

    def __post_init__(self) -> None:
        check_choices(self)
        check_optimizer(self.optimizer)
        limits = {
            "epochs": (1, 1_000_000), "steps": (1, 100_000_000), "megapixels": (0, 1e9), "batch_size": (1, 65536),
            "learning_rate": (0, 100), "weight_decay": (0, 100), "warmup": (0, 1), "ema": (0, 0.99999), "beta1": (0, 0.9999),
            "beta2": (0, 0.99999), "momentum": (0, 0.9999),
            "gradient_clip": (0, 1e9), "threads": (0, 1024), "seed": (0, 2**32 - 1),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ConfigError(f"expected {name} from {low} to {high}, got {value}.")
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


def check_choices(config: object) -> None:
    """Raise ConfigError where a `Literal` field of a dataclass has none of its values."""
    hints = get_type_hints(type(config))
    for item in fields(config):  # type: ignore[arg-type]  # any dataclass
        value = getattr(config, item.name)
        if get_origin(hints[item.name]) is Literal and value not in get_args(hints[item.name]):
            raise ConfigError(f"expected {item.name} to be one of {', '.join(get_args(hints[item.name]))}, got {value!r}.")
