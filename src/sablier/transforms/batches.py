"""A whole set as one array on the device; a batch is gathered by indices and scaled."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sablier.errors import ConfigError
from sablier.images.chunks import images_at_once
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import BEYOND
from sablier.images.preprocess import Preprocess


@dataclass(frozen=True)
class Batch:
    """Images in [0, 1], N,C,H,W float32 in channels-last memory, with class numbers if there are labels.

    In training, `rows` are their N positions in the set, and `epoch` is the number of completed epochs.
    """

    x: Tensor
    labels: Tensor | None = None
    rows: Tensor | None = None
    epoch: int = 0


class Batches:
    """A uniform set on a device, in its stored type, mostly one byte per value.

    Values more than a whole range beyond black or white are clipped, as in `Preprocess.scaled`.

    Args:
        images: a set from `ImageSet.dense(preprocess)`.
        preprocess: defines the stored values of 0 and 1.
        device: of the array.
    """

    def __init__(self, images: ImageSet, preprocess: Preprocess, device: torch.device | str = "cpu") -> None:
        array = images.array
        if array.dtype == np.uint16:
            array = array.astype(np.int32)  # torch cannot gather unsigned 16-bit values
        if preprocess.bounded and array.dtype != np.uint8:
            reach = BEYOND * (preprocess.white - preprocess.black)
            array = array.clip(preprocess.black - reach, preprocess.white + reach).astype(array.dtype)
        elif not array.flags.writeable:
            array = array.copy()
        self.pixels = torch.from_numpy(np.ascontiguousarray(array)).to(device)
        self.black = preprocess.black
        self.scale = 1.0 / (preprocess.white - preprocess.black)
        self.labels: Tensor | None = None
        if images.labels is not None:
            self.labels = torch.from_numpy(np.unique(images.labels, return_inverse=True)[1].ravel()).to(device)

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, indices: Tensor | slice, epoch: int = 0) -> Batch:
        """Return the images at `indices`."""
        # N,H,W,C viewed as N,C,H,W is channels-last memory, which is fastest for convolutions, at no cost.
        x = self.pixels[indices].permute(0, 3, 1, 2).to(torch.float32)
        if self.black:
            x = x - self.black
        labels = None if self.labels is None else self.labels[indices]
        return Batch(x * self.scale, labels, indices if isinstance(indices, Tensor) else None, epoch)

    def for_scoring(self) -> Iterator[Batch]:
        """Yield the images in order, in batches of the best size without training."""
        return self.in_order(images_at_once(*self.pixels.shape[1:3]))

    def in_order(self, size: int) -> Iterator[Batch]:
        """Yield the images in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))


def choose_device(wanted: str = "auto") -> torch.device:
    """Return the device to compute on: CUDA, else Apple's MPS, else the CPU, unless one is named.

    Raises:
        ConfigError: for a device that this machine, or this build of torch, does not have.
    """
    if wanted != "auto":
        try:
            return torch.empty(0, device=wanted).device
        except (RuntimeError, AssertionError) as error:  # a build without CUDA asserts
            reason = str(error).split("\n")[0]
            raise ConfigError(
                f"device {wanted!r} cannot be used here: {reason}. Pass device=auto, or see: sablier doctor"
            ) from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
