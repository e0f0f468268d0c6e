"""Denoising: images without their noise, and the noise level of each. Large images are computed in tiles.

A tile has a margin at least as wide as the receptive field reaches, and starts on the grid of the network. The tiles
therefore join without a seam: the result equals that of the whole image, in bounded memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sablier.errors import ImagesError
from sablier.images.chunks import images_at_once
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.pixel_rule import FULL_SCALE
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.part_fit import check_finite
from sablier.training.objectives import LOWEST_LEVEL
from sablier.typing import Array

Window = tuple[slice, slice]

TASK = "denoise"
TILE = 512  # pixels a side of the output of a tile; larger ones need more memory and were no faster
GRID = 8  # tiles start at multiples of this, so the strides of a network must divide it: 1, 2, 4 or 8
FARTHEST_REACH = 512  # pixels; a network with a larger receptive field gets the whole image
SPREADS = ("gaussian", "poisson")  # corruptions whose level is a standard deviation of pixels
RANGE_TOLERANCE = 1.1  # a level is estimated to within a few percent, so only beyond this factor it is out of range


@dataclass(frozen=True)
class DenoisingResult:
    """N images without their noise.

    Args:
        ids: N names.
        noisy: N original H,W,C images: uint8, uint16 or float32.
        cleaned: the same without noise, in the same types; integers are rounded and clipped, floats are not.
        levels: N noise levels in the unit of the training corruption: for Gaussian noise, its standard deviation with black
            at 0 and white at 1. Levels below about 0.02 are reported as about 0.02. If the model cannot estimate the level,
            the root mean square of what was removed.
        own_levels: N levels in the value range of the image, for example of 255; NaN if the level is a share of the pixels.
        value_ranges: N,2 values of black and white in that range.
        in_trained_range: N booleans, whether the model was trained on such levels; None if unknown, as after training on
            noisy images alone.
        skipped: images that could not be read.
    """

    ids: Array
    noisy: tuple[Array, ...]
    cleaned: tuple[Array, ...]
    levels: Array
    own_levels: Array
    value_ranges: Array
    in_trained_range: Array | None
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def out_of_range(self) -> int:
        """The number of images with a level that the model was not trained on, as far as that is known."""
        return 0 if self.in_trained_range is None else int(np.sum(~self.in_trained_range))

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image; None stands for unknown values."""
        return [
            {
                "id": str(self.ids[i]),
                "height": image.shape[0],
                "width": image.shape[1],
                "level": float(self.levels[i]),
                "own_level": None if np.isnan(self.own_levels[i]) else float(self.own_levels[i]),
                "black": float(self.value_ranges[i, 0]),
                "white": float(self.value_ranges[i, 1]),
                "in_trained_range": None if self.in_trained_range is None else bool(self.in_trained_range[i]),
            }
            for i, image in enumerate(self.cleaned)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return everything except the pictures."""
        return {
            "images": self.to_table(),
            "count": len(self),
            "out_of_range": self.out_of_range,
            "skipped": [{"id": item.id, "reason": item.reason} for item in self.skipped],
        }


@dataclass(frozen=True)
class NoiseRemover:
    """A network that removes noise, with what is known of its training.

    Args:
        model: a network that reconstructs. It estimates the level if it denoises, and takes any size if it has that
            capability.
        preprocess: defines black and white for images of the training type.
        objective: the objective of the recipe, as a model file keeps it.
    """

    model: Model
    preprocess: Preprocess
    objective: Mapping[str, Any]

    def denoise(self, images: ImageSet) -> DenoisingResult:
        """Remove the noise of images of any sizes and types; unreadable ones are left out and listed.

        Raises:
            ImagesError: if an image has another size than the model takes.
        """
        noisy, ids, skipped = decoded(images)
        cleaned = list(noisy)
        levels = np.zeros(len(noisy))
        ranges = np.zeros((len(noisy), 2))
        for alike in _alike(noisy):
            dtype = noisy[alike[0]].dtype
            black, white = self.value_range(dtype)
            # In place: every copy of a photo of 12 megapixels takes 144 MB.
            x = np.stack([noisy[i] for i in alike]).astype(np.float32)
            x -= black
            x /= white - black
            clean, levels[alike] = self.remove(x)
            clean *= white - black
            clean += black
            ranges[alike] = black, white
            for i, image in zip(alike, clean, strict=True):
                cleaned[i] = _in_type(image, dtype)
        own = levels * (ranges[:, 1] - ranges[:, 0]) * (1.0 if self.level_is_a_spread else np.nan)
        return DenoisingResult(
            np.array(ids, str), tuple(noisy), tuple(cleaned), levels, own, ranges, self._in_trained_range(levels), skipped
        )

    def remove(self, x: Array) -> tuple[Array, Array]:
        """Return images without noise, and N noise levels.

        A grey model processes the channels of colour images one by one; their level is the root mean square of the three. A
        colour model gets grey images as three equal channels, whose mean is the result.

        Args:
            x: N,H,W,C float32, with black at 0 and white at 1; not clipped.

        Raises:
            ImagesError: if the images have another size than the model takes.
        """
        count, height, width, channels = x.shape
        own = self.model.shape[2]
        if own == channels:
            return self._remove(x)
        if own == 1:
            planes, levels = self._remove(np.moveaxis(x, 3, 1).reshape(-1, height, width, 1))
            clean = np.moveaxis(planes.reshape(count, channels, height, width), 1, 3)
            return clean, np.sqrt(np.mean(levels.reshape(count, channels) ** 2, axis=1))
        clean, levels = self._remove(np.repeat(x, own, axis=3))
        return clean.mean(axis=3, keepdims=True), levels

    def value_range(self, dtype: Any) -> tuple[float, float]:
        """Return the stored values that mean 0 and 1: those of the training images; for other types, the range of the type."""
        if dtype == self.preprocess.dtype:
            return self.preprocess.black, self.preprocess.white
        return 0.0, FULL_SCALE[str(np.dtype(dtype))]

    @property
    def level_is_a_spread(self) -> bool:
        """Whether levels are standard deviations of pixels; otherwise they are shares of the pixels, or of either kind."""
        by_itself = "denoise" in self.model.capabilities
        return not by_itself or self.objective.get("corruption", SPREADS[0]) in SPREADS

    @cached_property
    def reach(self) -> int | None:
        """How many pixels away a pixel can change the result; None if more than `FARTHEST_REACH`."""
        return receptive_reach(self.model)

    @property
    def trained_range(self) -> tuple[float, float] | None:
        """The lowest and the highest level trained on; None if they do not compare with estimated levels.

        They do not after training on noisy images alone, and if the corruption sets pixels and the model cannot tell how
        many.
        """
        if "corruption" not in self.objective:
            return None
        if "denoise" not in self.model.capabilities and self.objective["corruption"] not in SPREADS:
            return None
        return float(self.objective["noise_low"]), float(self.objective["noise_high"])

    def _in_trained_range(self, levels: Array) -> Array | None:
        if self.trained_range is None:
            return None
        low, high = self.trained_range
        # Levels below LOWEST_LEVEL are estimated as about that.
        return np.asarray((levels >= low / RANGE_TOLERANCE) & (levels <= max(high, LOWEST_LEVEL) * RANGE_TOLERANCE))

    def _remove(self, x: Array) -> tuple[Array, Array]:
        """Return images of the model's channels without noise, a batch at a time, and their levels."""
        height, width = x.shape[1:3]
        if "any_size" not in self.model.capabilities and (height, width) != self.model.shape[:2]:
            raise ImagesError(
                f"model {self.model.name} takes images of {self.model.shape[0]} x {self.model.shape[1]} only, got "
                f"{height} x {width}. Cut them to that size, or train with --recipe denoiser, whose own model takes any size."
            )
        size = images_at_once(height, width)
        clean, levels = np.empty_like(x), np.zeros(len(x))
        for start in range(0, len(x), size):
            batch = torch.from_numpy(np.ascontiguousarray(x[start : start + size])).permute(0, 3, 1, 2)
            done, found = self._tiled(batch)
            clean[start : start + size], levels[start : start + size] = done.permute(0, 2, 3, 1).numpy(), found.numpy()
        return check_finite("images", clean), levels

    @torch.no_grad()
    def _tiled(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return N,C,H,W images without noise and their levels: the geometric means of the tiles' levels, weighted by area."""
        height, width = x.shape[2:]
        if max(height, width) <= TILE or "any_size" not in self.model.capabilities or self.reach is None:
            return self._whole(x)
        clean = torch.empty_like(x)
        logarithms = torch.zeros(len(x))
        for (rows, columns), (rows_seen, columns_seen) in tiles(height, width, TILE, self.reach):
            done, level = self._whole(x[:, :, rows_seen, columns_seen].contiguous(memory_format=torch.channels_last))
            top, left = rows.start - rows_seen.start, columns.start - columns_seen.start
            high, wide = rows.stop - rows.start, columns.stop - columns.start
            clean[:, :, rows, columns] = done[:, :, top : top + high, left : left + wide]
            logarithms += high * wide * torch.log(level.clamp_min(1e-12))
        return clean, torch.exp(logarithms / (height * width))

    @torch.no_grad()
    def _whole(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if "denoise" in self.model.capabilities:
            clean, level = self.model.denoise(x)
        else:
            clean, level = self.model.reconstruct(x), torch.full((len(x),), torch.nan)
        removed = torch.sqrt(torch.mean((x - clean) ** 2, dim=(1, 2, 3)))
        # On images unlike any photo, such as all below black, an exponential may overflow.
        return clean, torch.where(level.isfinite(), level, removed)


def decoded(images: ImageSet) -> tuple[list[Array], list[str], tuple[Skipped, ...]]:
    """Return the images that can be read, their ids, and those that cannot."""
    found, ids, skipped = [], [], list(images.skipped)
    for index, name in enumerate(map(str, images.ids)):
        try:
            found.append(images[index])
            ids.append(name)
        except (OSError, ImagesError) as error:
            skipped.append(Skipped(name, str(error).removeprefix(f"{name}: ")))
    return found, ids, tuple(skipped)


def tiles(height: int, width: int, side: int, reach: int) -> Iterator[tuple[Window, Window]]:
    """Yield rows and columns of each tile of an image, and those that the network needs for it.

    >>> [seen for _, seen in tiles(20, 8, side=16, reach=3)]
    [(slice(0, 19, None), slice(0, 8, None)), (slice(8, 20, None), slice(0, 8, None))]
    """
    side, before = max(1, side // GRID) * GRID, -(-reach // GRID) * GRID

    def spans(length: int) -> list[tuple[slice, slice]]:
        starts = range(0, length, side)
        return [
            (slice(start, min(start + side, length)), slice(max(0, start - before), min(start + side + reach, length)))
            for start in starts
        ]

    for rows, rows_seen in spans(height):
        for columns, columns_seen in spans(width):
            yield (rows, columns), (rows_seen, columns_seen)


@torch.no_grad()
def receptive_reach(model: Model) -> int | None:
    """Return how many pixels away a pixel can change the reconstruction, for any weights; None beyond 512.

    NaN passes through every layer, so one NaN pixel marks everything that depends on it.
    """
    reach = 64
    while reach <= FARTHEST_REACH:
        # The first and the last pixel of a cell of the grid: one reaches farthest down and right, the other up and left.
        centres = (reach, reach + GRID - 1)
        x = torch.zeros(2, model.shape[2], 2 * reach + GRID, 2 * reach + GRID)
        for number, centre in enumerate(centres):
            x[number, :, centre, centre] = torch.nan
        marked = model.reconstruct(x).isnan().any(dim=1)
        lines = [
            torch.cat([image.any(dim=axis).nonzero() - centre for axis in (0, 1)])
            for image, centre in zip(marked, centres, strict=True)
        ]
        farthest = int(torch.cat(lines).abs().max())
        # The dependence may continue beyond the border.
        if farthest < reach:
            return farthest
        reach *= 2
    return None


def _alike(images: list[Array]) -> list[list[int]]:
    """Return the positions of images, grouped by shape and type."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, image in enumerate(images):
        groups.setdefault((image.shape, image.dtype), []).append(index)
    return list(groups.values())


def _in_type(pixels: Array, dtype: Any) -> Array:
    if dtype == np.float32:
        return pixels
    return np.rint(pixels).clip(0, np.iinfo(dtype).max).astype(dtype)
