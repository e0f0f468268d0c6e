"""`PixelRule`: images get the size, channels and value range that a model takes, by NumPy and Pillow alone.

`Preprocess` (`preprocess.py`) chooses such a rule from training images and checks its values; the computing is here, so that an
exported detector needs no other package.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from PIL import Image

from sablier.errors import ImagesError
from sablier.images.packed_mask import unpacked
from sablier.typing import Array

BEYOND = 1.0  # value ranges below black and above white that a model can see
FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}


@dataclass(frozen=True)
class PixelRule:
    """Size, channels and value range of the images that a model takes; the values are not checked.

    Args: as for `Preprocess`.

    Examples:
        >>> PixelRule(height=28, width=28, channels=1).describe()
        '28 x 28, grey, taken as they are'
    """

    height: int
    width: int
    channels: Literal[1, 3]
    resize: Literal["exact", "fit"] = "exact"
    dtype: Literal["uint8", "uint16", "float32"] = "uint8"
    black: float = 0.0
    white: float = 255.0
    bounded: bool = True
    ignored: str = ""

    def describe(self) -> str:
        """Return the rule in words."""
        how = "taken as they are" if self.resize == "exact" else "scaled to fit, edges repeated"
        ignoring = "" if self.kept is None else f", {np.mean(~self.kept):.1%} of the pixels ignored"
        return f"{self.height} x {self.width}, {'grey' if self.channels == 1 else 'colour'}, {how}{ignoring}"

    def is_identity_for(self, array: Array) -> bool:
        """Return whether an N,H,W,C array has the model's size, channels and type already."""
        same = array.shape[1:] == (self.height, self.width, self.channels) and array.dtype == self.dtype
        return same and not self.ignored

    def apply(self, image: Array, name: str = "image") -> Array:
        """Return an image in the model's size, channels and type.

        Args:
            image: H,W,C pixels.
            name: of the image, for messages.

        Returns:
            height,width,channels pixels.

        Raises:
            ImagesError: if `resize` is "exact" and the image has another size.
        """
        if self.resize == "exact" and image.shape[:2] != (self.height, self.width):
            raise ImagesError(
                f"expected images of {self.height} x {self.width}, as the model was trained on, got "
                f"{image.shape[0]} x {image.shape[1]} in {name}. Resize them, or train a model on images of that size."
            )
        image = _with_channels(image, self.channels)
        if image.shape[:2] != (self.height, self.width):
            image = fitted(image, self.height, self.width)
        return self.covered(self._with_dtype(image))

    @cached_property
    def kept(self) -> Array | None:
        """height,width booleans, false where pixels are ignored; None if none are."""
        return ~unpacked(self.ignored, self.height, self.width) if self.ignored else None

    def covered(self, pixels: Array) -> Array:
        """Return stored pixels of one image, or of N, with the ignored ones set to the middle of the value range."""
        if self.kept is None:
            return pixels
        middle = self.from_unit(np.full((), 0.5))
        return np.asarray(np.where(self.kept[..., None], pixels, middle), pixels.dtype)

    def to_unit(self, pixels: Array) -> Array:
        """Return stored pixels as float32 in [0, 1], clipped at `black` and `white`."""
        return np.asarray(((pixels.astype(np.float32) - self.black) / (self.white - self.black)).clip(0, 1))

    def from_unit(self, values: Array) -> Array:
        """Return values in [0, 1] as stored pixels; integers are rounded.

        Examples:
            >>> PixelRule(height=1, width=1, channels=1).from_unit(np.array([[[0.0], [0.5], [1.0]]])).ravel().tolist()
            [0, 128, 255]
        """
        pixels = self.black + values * (self.white - self.black)
        return np.asarray(pixels if self.dtype == "float32" else np.round(pixels)).astype(self.dtype)

    def unit_values(self, image: Array) -> Array:
        """Return an H,W,C image of any size and type as float32 in [0, 1], in the model's channels."""
        return self.to_unit(self._with_dtype(_with_channels(image, self.channels)))

    def scaled(self, pixels: Array) -> Array:
        """Return stored pixels as float32 with `black` at 0 and `white` at 1, clipped at -1 and 2 where `bounded`."""
        values = (pixels.astype(np.float32) - self.black) / np.float32(self.white - self.black)
        return np.asarray(values.clip(-BEYOND, 1 + BEYOND) if self.bounded and pixels.dtype != np.uint8 else values)

    def _with_dtype(self, image: Array) -> Array:
        came = str(image.dtype)
        if came == self.dtype:
            return image
        scaled = image.astype(np.float32) * (FULL_SCALE[self.dtype] / FULL_SCALE[came])
        return scaled if self.dtype == "float32" else np.round(scaled).clip(0, FULL_SCALE[self.dtype]).astype(self.dtype)


def placed(size: tuple[int, int], canvas: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the height and width of an image scaled to fit a canvas, and the border above it and to its left.

    >>> placed((50, 100), (64, 64))
    ((32, 64), (16, 0))
    """
    (height, width), scale = canvas, min(canvas[0] / size[0], canvas[1] / size[1])
    inner = min(height, max(1, round(size[0] * scale))), min(width, max(1, round(size[1] * scale)))
    return inner, ((height - inner[0]) // 2, (width - inner[1]) // 2)


def _with_channels(image: Array, channels: int) -> Array:
    if image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    grey = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return (grey if image.dtype == np.float32 else np.round(grey).astype(image.dtype))[..., None]


def fitted(image: Array, height: int, width: int) -> Array:
    """Scale with antialiasing to fit height x width, and fill the border with the outermost pixels."""
    inner, (top, left) = placed((image.shape[0], image.shape[1]), (height, width))
    scaled = _resized(image, *inner)
    return np.pad(scaled, ((top, height - inner[0] - top), (left, width - inner[1] - left), (0, 0)), mode="edge")


def _resized(image: Array, height: int, width: int) -> Array:
    if image.dtype == np.uint8:
        mode_ready = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        return np.asarray(mode_ready.resize((width, height), Image.Resampling.BILINEAR)).reshape(height, width, -1)
    planes = [
        np.asarray(Image.fromarray(image[..., c].astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
        for c in range(image.shape[2])
    ]
    stacked = np.stack(planes, axis=-1)
    return stacked if image.dtype == np.float32 else np.round(stacked).astype(image.dtype)
