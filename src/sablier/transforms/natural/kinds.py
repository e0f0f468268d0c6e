"""The kinds of natural corruption by name, each with its five strengths.

The kinds, and the numbers for colour, are those of CIFAR-10-C (Hendrycks and Dietterich 2019, *Benchmarking neural network
robustness to common corruptions and perturbations*; 32 pixels a side); those for grey images are those of MNIST-C (Mu and Gilmer
2019, *MNIST-C: a robustness benchmark for computer vision*; 28 pixels a side), which are harsher. Where nothing was published, on
colour the grey numbers stand, and the five of `stripe`, `dotted-line`, `zigzag` and `canny-edges`, which MNIST-C has in one
strength only, are ours: that one is the last of `stripe` and the first of the others. Three things are drawn here otherwise than
there: ice, which was photos; drops of water; and clouds over grey images, which were a corner of larger ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sablier.transforms.natural import blur, digital, noise, strokes, warps, weather
from sablier.transforms.natural.base import Randoms
from sablier.typing import Array

Strength = float | tuple[float, ...]
Strengths = tuple[Strength, Strength, Strength, Strength, Strength]
SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Kind:
    """A kind of corruption.

    Args:
        words: what it does to an image.
        apply: takes N,H,W,C float32 in [0, 1], random numbers for each image, how many pixels a pixel of the published size
            has become, and one strength; what it returns may leave [0, 1].
        grey, colour: strengths at severity 1 to 5.
    """

    words: str
    apply: Callable[..., Array]
    grey: Strengths
    colour: Strengths

    def __call__(self, x: Array, randoms: Randoms, severity: int) -> Array:
        """Return the corrupted images, N,H,W,C in [0, 1]."""
        grey = x.shape[3] == 1
        unit = min(x.shape[1:3]) / (GREY_SIDE if grey else COLOUR_SIDE)
        strength = (self.grey if grey else self.colour)[severity - 1]
        return self.apply(x, randoms, unit, *(strength if isinstance(strength, tuple) else (strength,))).clip(0, 1)


GREY_SIDE, COLOUR_SIDE = 28, 32  # pixels a side of the images whose strengths were published

_SHEARS = (0.2, 0.4, 0.6, 0.8, 1.0)
_SCALES = (0.9, 0.8, 0.7, 0.6, 0.5)
_SHIFTS = (1, 2, 3, 4, 5)
_STRIPES = (0.05, 0.1, 0.15, 0.2, 0.25)
_LINES = (1, 2, 3, 4, 5)
_EDGES = (1.0, 1.25, 1.5, 1.75, 2.0)

KINDS: dict[str, Kind] = {
    "gaussian-noise": Kind(
        "noise of the same strength everywhere",
        noise.gaussian_noise,
        (0.08, 0.12, 0.18, 0.26, 0.38),
        (0.04, 0.06, 0.08, 0.09, 0.10),
    ),
    "shot-noise": Kind("few photons, counted", noise.shot_noise, (60, 25, 12, 5, 3), (500, 250, 100, 75, 50)),
    "impulse-noise": Kind(
        "values that are black or white", noise.impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27), (0.01, 0.02, 0.03, 0.05, 0.07)
    ),
    "speckle-noise": Kind(
        "noise that grows with the light", noise.speckle_noise, (0.15, 0.2, 0.35, 0.45, 0.6), (0.06, 0.1, 0.12, 0.16, 0.2)
    ),
    "gaussian-blur": Kind("a soft blur", blur.gaussian_blur, (1, 2, 3, 4, 6), (0.4, 0.6, 0.7, 0.8, 1)),
    "defocus-blur": Kind(
        "a lens out of focus",
        blur.defocus_blur,
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    ),
    "glass-blur": Kind(
        "behind frosted glass",
        blur.glass_blur,
        ((0.7, 1, 2, 0.5), (0.9, 2, 1, 0.5), (1, 2, 3, 0.5), (1.1, 3, 2, 0.5), (1.5, 4, 2, 0.5)),
        ((0.05, 1, 1, 1), (0.25, 1, 1, 1), (0.4, 1, 1, 1), (0.25, 1, 2, 1), (0.4, 1, 2, 1)),
    ),
    "motion-blur": Kind(
        "the camera moves sideways",
        blur.motion_blur,
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    ),
    "zoom-blur": Kind(
        "the camera comes nearer",
        blur.zoom_blur,
        ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
        ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    ),
    "snow": Kind(
        "falling snow",
        weather.snow,
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
    ),
    "frost": Kind(
        "ice on the lens, drawn here",
        weather.frost,
        ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
        ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    ),
    "fog": Kind(
        "a cloud in front",
        weather.fog,
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    ),
    "spatter": Kind(
        "drops of water or of mud on the lens",
        weather.spatter,
        (
            (0.65, 0.3, 4, 0.69, 0.6, 1),
            (0.65, 0.3, 3, 0.68, 0.6, 1),
            (0.65, 0.3, 2, 0.68, 0.5, 1),
            (0.65, 0.3, 1, 0.65, 1.5, 1),
            (0.67, 0.4, 1, 0.65, 1.5, 1),
        ),
        (
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ),
    ),
    "brightness": Kind("too much light", digital.brightness, (0.1, 0.2, 0.3, 0.4, 0.5), (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": Kind("little contrast", digital.contrast, (0.4, 0.3, 0.2, 0.1, 0.05), (0.75, 0.5, 0.4, 0.3, 0.15)),
    "saturate": Kind(
        "paler or stronger colours",
        digital.saturate,
        ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
        ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
    ),
    "elastic": Kind(
        "stretched as on rubber",
        warps.elastic,
        ((0, 0, 2.24), (1.4, 5.6, 1.96), (2.24, 1.68, 1.68), (2.8, 1.12, 1.4), (2.8, 0.84, 0.84)),
        ((0, 0, 2.56), (1.6, 6.4, 2.24), (2.56, 1.92, 1.92), (3.2, 1.28, 1.6), (3.2, 0.96, 0.96)),
    ),
    "pixelate": Kind("few pixels", digital.pixelate, (0.6, 0.5, 0.4, 0.3, 0.25), (0.95, 0.9, 0.85, 0.75, 0.65)),
    "jpeg": Kind("saved as a small JPEG", digital.jpeg, (25, 18, 15, 10, 7), (80, 65, 58, 50, 40)),
    "shear": Kind("slanted", warps.shear, _SHEARS, _SHEARS),
    "scale": Kind("smaller", warps.scale, _SCALES, _SCALES),
    "rotate": Kind("turned", warps.rotate, _SHEARS, _SHEARS),
    "translate": Kind("shifted", warps.translate, _SHIFTS, _SHIFTS),
    "stripe": Kind("inverted on both sides", strokes.stripe, _STRIPES, _STRIPES),
    "dotted-line": Kind("dotted lines across", strokes.dotted_line, _LINES, _LINES),
    "zigzag": Kind("zigzags across", strokes.zigzag, _LINES, _LINES),
    "canny-edges": Kind("nothing but edges", strokes.canny_edges, _EDGES, _EDGES),
}

MNIST_C = (
    "shot-noise", "impulse-noise", "glass-blur", "motion-blur", "shear", "scale", "rotate", "brightness", "translate", "stripe",
    "fog", "spatter", "dotted-line", "zigzag", "canny-edges",
)  # fmt: skip
CIFAR_10_C = (
    "gaussian-noise", "shot-noise", "impulse-noise", "speckle-noise", "defocus-blur", "glass-blur", "motion-blur", "zoom-blur",
    "gaussian-blur", "snow", "frost", "fog", "spatter", "brightness", "contrast", "saturate", "elastic", "pixelate", "jpeg",
)  # fmt: skip
SETS: dict[str, tuple[str, ...]] = {"all": tuple(KINDS), "mnist-c": MNIST_C, "cifar-10-c": CIFAR_10_C}
