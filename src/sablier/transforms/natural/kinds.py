"""The kinds of natural corruption; each is a function in a file of this package, registered with its five severities.

The kinds, and the numbers for colour, are those of CIFAR-10-C (Hendrycks and Dietterich 2019, *Benchmarking neural network
robustness to common corruptions and perturbations*; 32 pixels a side). Those for grey images are those of MNIST-C (Mu and
Gilmer 2019, *MNIST-C: a robustness benchmark for computer vision*; 28 pixels a side), which are harsher. Unpublished colour
severities are the grey ones. MNIST-C has one strength only of `stripe`, `dotted-line`, `zigzag` and `canny-edges`: the last
of `stripe` and the first of the others here; the rest are sablier's. Three corruptions differ from the published ones: ice,
which was photos; drops of water; and fog on grey images, which was a corner of a larger one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sablier.registry import Registry
from sablier.transforms.natural.base import Randoms
from sablier.typing import Array

Apply = Callable[..., Array]
Strength = float | tuple[float, ...]
Strengths = tuple[Strength, Strength, Strength, Strength, Strength]
SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Kind:
    """A kind of corruption.

    Args:
        words: what it does to an image.
        apply: takes N,H,W,C float32 in [0, 1], random generators for each image, the pixels per pixel of the published size,
            and one severity; its output may leave [0, 1].
        grey, colour: numbers of severities 1 to 5.
    """

    words: str
    apply: Apply
    grey: Strengths
    colour: Strengths

    def __call__(self, x: Array, randoms: Randoms, severity: int) -> Array:
        """Return the corrupted images, N,H,W,C in [0, 1]."""
        grey = x.shape[3] == 1
        unit = min(x.shape[1:3]) / (GREY_SIDE if grey else COLOUR_SIDE)
        strength = (self.grey if grey else self.colour)[severity - 1]
        return self.apply(x, randoms, unit, *(strength if isinstance(strength, tuple) else (strength,))).clip(0, 1)


GREY_SIDE, COLOUR_SIDE = 28, 32  # pixels a side of the images whose severities were published

# Those of CIFAR-10-C and of MNIST-C come first, in the order of tables and of the sheet.
KINDS: Registry[Kind] = Registry(
    "kind of corruption",
    __name__.rpartition(".")[0],
    first=(
        "gaussian-noise", "shot-noise", "impulse-noise", "speckle-noise", "gaussian-blur", "defocus-blur", "glass-blur",
        "motion-blur", "zoom-blur", "snow", "frost", "fog", "spatter", "brightness", "contrast", "saturate", "elastic",
        "pixelate", "jpeg", "shear", "scale", "rotate", "translate", "stripe", "dotted-line", "zigzag", "canny-edges",
    ),
)  # fmt: skip


def kind(words: str, *, grey: Strengths, colour: Strengths | None = None) -> Callable[[Apply], Apply]:
    """Register a function as the kind of its name, with a dash for "_"; see `Kind`.

    Args:
        colour: like `grey` if not given.
    """

    def add(apply: Apply) -> Apply:
        KINDS.add(apply.__name__.replace("_", "-"), Kind(words, apply, grey, colour or grey))
        return apply

    return add


MNIST_C = (
    "shot-noise", "impulse-noise", "glass-blur", "motion-blur", "shear", "scale", "rotate", "brightness", "translate", "stripe",
    "fog", "spatter", "dotted-line", "zigzag", "canny-edges",
)  # fmt: skip
CIFAR_10_C = (
    "gaussian-noise", "shot-noise", "impulse-noise", "speckle-noise", "defocus-blur", "glass-blur", "motion-blur", "zoom-blur",
    "gaussian-blur", "snow", "frost", "fog", "spatter", "brightness", "contrast", "saturate", "elastic", "pixelate", "jpeg",
)  # fmt: skip
SETS: dict[str, tuple[str, ...]] = {"mnist-c": MNIST_C, "cifar-10-c": CIFAR_10_C}
