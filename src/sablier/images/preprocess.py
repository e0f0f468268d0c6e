"""`Preprocess`: the size, channels and value range that every image gets before a model.

The rule is chosen once, from the training images. The model file keeps it, and it is applied to every later image:

- Images of one size, at most 64 pixels a side, are kept as they are. Another size is an error.
- Larger or mixed images are scaled with antialiasing to fit the model's height and width. The aspect ratio is kept, and the
  borders repeat the outermost pixels.
- Images are grey if every training image is, otherwise RGB. Colour becomes grey by ITU-R BT.601, grey becomes colour by
  repetition.
- `black` and `white` are the stored values that mean 0 and 1: the range of the training images without outliers
  (`value_range.py`). Values more than a whole range beyond are clipped there.
- Ignored pixels are set to the middle of the range.
"""

import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sablier.errors import ImagesError, ImagesWarning, TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.packed_mask import packed, unpacked
from sablier.images.pixel_rule import PixelRule, fitted
from sablier.images.value_range import ValueRange, value_range
from sablier.typing import Array

LARGEST_EXACT = 64
DETAIL_IS_LOST_ABOVE = 2.0
LARGEST_VALUE, SMALLEST_RANGE = 1e30, 1e-30  # limits of what single precision can divide
MOST_NAMED = 5
LEAST_COVERED = 1e-3  # of a scaled pixel by ignored ones, from which on it is ignored


class Preprocess(BaseModel, PixelRule):
    """Size, channels and value range of the images that a model takes.

    Args:
        height: in pixels, 1 to 4096.
        width: in pixels, 1 to 4096.
        channels: 1 for grey, 3 for RGB.
        resize: "exact" takes images of this size only; "fit" scales others to fit.
        dtype: "uint8", "uint16" or "float32", the type that pixels are stored in.
        black: the stored value that means 0.
        white: the stored value that means 1, above `black`.
        bounded: whether values far beyond black and white are clipped; false where "images" are codes.
        ignored: the pixels that are left out, as `packed_mask.packed` writes them; "" for none.

    Examples:
        >>> from sablier import Preprocess
        >>> Preprocess(height=28, width=28, channels=1).describe()
        '28 x 28, grey, taken as they are'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(ge=1, le=4096)
    width: int = Field(ge=1, le=4096)
    channels: Literal[1, 3]
    resize: Literal["exact", "fit"] = "exact"
    dtype: Literal["uint8", "uint16", "float32"] = "uint8"
    black: float = Field(default=0.0, ge=-LARGEST_VALUE, le=LARGEST_VALUE)
    white: float = Field(default=255.0, ge=-LARGEST_VALUE, le=LARGEST_VALUE)
    bounded: bool = True
    ignored: str = ""

    @model_validator(mode="after")
    def _check_values(self) -> "Preprocess":
        if not self.white - self.black >= SMALLEST_RANGE:
            raise ValueError(f"expected black below white, got {self.black:g} and {self.white:g}")
        if self.ignored:
            unpacked(self.ignored, self.height, self.width)
        return self

    @classmethod
    def for_images(cls, images: ImageSet, size: int, ignored: Array | None = None) -> "Preprocess":
        """Choose the rule from training images.

        Args:
            images: the training images as they were read.
            size: the longer side in pixels for images that must be scaled; they are never enlarged.
            ignored: H,W booleans, true where pixels are left out, in the size of the images as they were read.

        Returns:
            The rule.

        Raises:
            TooFewImages: if there is no image.
            ImagesError: if most images contain floats beyond 1e30, or the mask has another size or leaves nothing.

        Warns:
            ImagesWarning: if scaling loses detail, or if some images, which are named, contain outliers.
        """
        if not len(images):
            raise TooFewImages(f"expected at least one image to train on, got none from {images.source}. Add some.")
        sizes = np.unique(images.sizes, axis=0)
        channels: Literal[1, 3] = 1 if np.all(images.channels == 1) else 3
        dtype, black, white, wild = _value_range(images)
        if wild:
            warnings.warn(
                f"{len(wild)} of {len(images)} images hold values far beyond those of all others: {_named(wild)}. The range "
                f"{black:g} to {white:g} leaves them out, and they are cut off there. Look at these images, or remove them.",
                ImagesWarning,
                stacklevel=2,
            )
        if len(sizes) == 1 and sizes.max() <= LARGEST_EXACT:
            height, width = map(int, sizes[0])
            rule = cls(height=height, width=width, channels=channels, dtype=dtype, black=black, white=white)
            return rule._without(ignored, sizes)
        aspect = float(np.median(images.sizes[:, 0] / images.sizes[:, 1]))
        size = min(size, int(np.median(images.sizes.max(axis=1))))
        height, width = (size, round(size / aspect)) if aspect >= 1 else (round(size * aspect), size)
        height, width = max(height, 8), max(width, 8)
        rule = cls(height=height, width=width, channels=channels, resize="fit", dtype=dtype, black=black, white=white)
        shrink = float(np.median(images.sizes[:, 0] / rule.height))
        if shrink > DETAIL_IS_LOST_ABOVE:
            warnings.warn(
                f"photos are reduced {shrink:.1f} times, to {rule.height} x {rule.width}: a defect smaller than about "
                f"{round(shrink)} pixels will not be seen. Pass a larger --set size=... to keep more, at the cost of time. "
                "Detectors judge photos at full resolution with --tiles 256.",
                ImagesWarning,
                stacklevel=2,
            )
        return rule._without(ignored, sizes)

    def _without(self, ignored: Array | None, sizes: Array) -> "Preprocess":
        """Return the rule with ignored pixels, given in the size of the images."""
        if ignored is None or not ignored.any():
            return self
        if len(sizes) > 1 or ignored.shape != tuple(sizes[0]):
            came = " x ".join(map(str, sizes[0])) if len(sizes) == 1 else f"{len(sizes)} sizes"
            raise ImagesError(
                f"expected a mask of the size of all images, got a mask of {ignored.shape[0]} x {ignored.shape[1]} and images of "
                f"{came}. Scale the mask, or crop the images to one size."
            )
        scaled = fitted(ignored[..., None].astype(np.float32), self.height, self.width)[..., 0] > LEAST_COVERED
        if scaled.all():
            raise ImagesError(
                "expected a mask that leaves something to judge, got one that leaves no pixel of the scaled images."
            )
        return self.model_copy(update={"ignored": packed(scaled)})


def _value_range(images: ImageSet) -> tuple[Literal["uint8", "uint16", "float32"], float, float, list[str]]:
    """Return the type that can hold every image, the values that mean 0 and 1, and the ids of images with outliers."""
    depth = int(images.depths.max()) if len(images) else 8
    if depth == 8:
        return "uint8", 0.0, 255.0, []
    read: list[str] = []
    found = value_range(_readable(images, read)) or ValueRange(0.0, 1.0)
    wild = [read[place] for place in found.wild]
    if depth == 16:
        # Cameras store 10, 12 or 14 bits in 16: white is the smallest full scale that covers the images.
        return "uint16", 0.0, float(next(2**bits - 1 for bits in (8, 10, 12, 14, 16) if found.high < 2**bits)), wild
    if found.low >= 0 and found.high <= 1:
        return "float32", 0.0, 1.0, wild
    if max(-found.low, found.high) > LARGEST_VALUE:
        raise ImagesError(
            f"expected pixels of at most {LARGEST_VALUE:g}, got {found.low:g} to {found.high:g} in most images from "
            f"{images.source}. Rescale them."
        )
    high = found.high if found.high - found.low >= SMALLEST_RANGE else found.low + max(1.0, 0.01 * abs(found.low))
    return "float32", found.low, high, wild


def _named(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _readable(images: ImageSet, read: list[str]) -> Iterator[Array]:
    """Yield the images that can be decoded, and add their ids to `read`; the others are reported when they are used."""
    for index in range(len(images)):
        with suppress(OSError, ImagesError):
            image = images[index]
            read.append(str(images.ids[index]))
            yield image
