"""Synthetic defects: a random region of an image is replaced by a random texture.

Training on synthetic defects finds different real ones (DRAEM, Zavrtanik, Kristan and Skocaj 2021; CutPaste, Li, Sohn, Yoon
and Pfister 2021). There is no external data: textures are noise, or come from the batch itself.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.images.chunks import at_once
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.transforms.batches import Batches
from sablier.typing import Array

AT_ONCE = 32  # images that take their textures from each other
CELLS = 64  # side of the grid that noise is generated on, before it is rotated and stretched
SAMPLED_SIDE = 64  # pixels a side that are used to find the threshold for the area of a region
SMALLEST_AREA, LARGEST_AREA = 0.0005, 0.05  # of a defect, as a share of the image
PLACES = 16  # squares a side of an image, between which the position of a defect is chosen
VISIBLE = 0.02  # difference, in [0, 1], below which a changed pixel does not count as defective


def with_defects(images: ImageSet, preprocess: Preprocess, seed: int = 0) -> Array:
    """Return N,H,W,C float32 in [0, 1]: dense images with a defect in each.

    Some defects come from other images, so many are made at a time. The same seed gives the same defects.
    """
    step = at_once(AT_ONCE, preprocess.height * preprocess.width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        damaged = [synthetic_defects(batch.x, 1.0)[0] for batch in Batches(images, preprocess).in_order(step)]
    unit = preprocess.model_copy(update={"dtype": "float32", "black": 0.0, "white": 1.0})
    return unit.covered(torch.cat(damaged).permute(0, 2, 3, 1).contiguous().numpy())


def synthetic_defects(x: Tensor, share: float = 0.8) -> tuple[Tensor, Tensor]:
    """Return N,C,H,W images in [0, 1], with a defect in a `share` of them, and masks, N,1,H,W, 1 where they changed.

    Every random number comes from torch's own generator.

    >>> _ = torch.manual_seed(0)
    >>> damaged, mask = synthetic_defects(torch.full((8, 3, 32, 48), 0.5))
    >>> damaged.shape, mask.shape, sorted(mask.unique().tolist())
    (torch.Size([8, 3, 32, 48]), torch.Size([8, 1, 32, 48]), [0.0, 1.0])
    """
    material = torch.empty_like(x)
    kinds = torch.randint(len(MATERIALS), (len(x),), device=x.device)
    for number, make in enumerate(MATERIALS):
        chosen = torch.nonzero(kinds == number)[:, 0]
        if len(chosen):
            material[chosen] = make(x, chosen)
    defective = (_drawn(x, 0, 1) < share).to(x.dtype)
    shape = random_shapes(x)
    damaged = (x + defective * _drawn(x, 0.2, 1) * shape * (material - x)).clamp(0, 1)
    seen = F.max_pool2d((damaged - x).abs().amax(dim=1, keepdim=True), 3, stride=1, padding=1) > VISIBLE
    return damaged, (seen & (shape > 0.5)).to(x.dtype)


def random_shapes(x: Tensor) -> Tensor:
    """Return a region for each image, N,1,H,W from 0 outside to 1 inside: stains, specks, scratches, with hard or soft edges.

    A region is where noise, coarse or fine, rotated and stretched, exceeds a threshold. A slope away from a point keeps it
    together. The point may be anywhere, but more often where there is detail: on a part and not on the background.
    """
    noise = random_noise(x, 1, coarsest=2, finest=32, longest=8)
    rows, columns = _coordinates(x, x.shape[2:])
    row, column = _places(x)
    distance = ((rows - row) ** 2 + (columns - column) ** 2).sqrt()
    field = noise - _log_drawn(x, 0.5, 20) * distance
    step_down, step_right = (max(1, length // SAMPLED_SIDE) for length in x.shape[2:])
    some = field[:, :, ::step_down, ::step_right].flatten(1).sort(dim=1).values
    position = (len(some[0]) * (1 - _log_drawn(x, SMALLEST_AREA, LARGEST_AREA).view(-1, 1))).long()
    threshold = some.gather(1, position.clamp(max=len(some[0]) - 1)).view(-1, 1, 1, 1)
    return ((field - threshold) / _log_drawn(x, 0.02, 0.5) + 0.5).clamp(0, 1)


def random_noise(x: Tensor, channels: int, coarsest: float, finest: float, longest: float) -> Tensor:
    """Return smooth noise of mean 0 and spread about 1, N,channels,H,W, with `coarsest` to `finest` grains a side.

    Args:
        longest: the largest ratio of length to width of a grain; grains have any direction.
    """
    grid = torch.randn(len(x), channels, CELLS, CELLS, device=x.device)
    stretch = _log_drawn(x, 1, longest).sqrt()
    cells = _log_drawn(x, coarsest, finest)
    return _resampled(grid, _drawn(x, 0, 2 * math.pi), cells / CELLS * stretch, cells / CELLS / stretch, x.shape[2:])


def noise_texture(x: Tensor, chosen: Tensor) -> Tensor:
    """Return noise around a random colour."""
    some = x[chosen]
    colour = torch.rand(len(some), x.shape[1], 1, 1, device=x.device)
    fine = random_noise(some, x.shape[1], coarsest=2, finest=100, longest=4)
    return colour + _drawn(some, 0, 0.3) * fine


def transplant(x: Tensor, chosen: Tensor) -> Tensor:
    """Return another image of the batch, rotated and shifted at random."""
    some = x[torch.randint(len(x), (len(chosen),), device=x.device)]
    return _resampled(some, _drawn(some, 0, 2 * math.pi), _drawn(some, 0.5, 1.5), _drawn(some, 0.5, 1.5), x.shape[2:], 1.0)


def displacement(x: Tensor, chosen: Tensor) -> Tensor:
    """Return each image shifted by up to a tenth of its side, and rotated a little."""
    some = x[chosen]
    one = torch.ones(len(some), 1, 1, 1, device=x.device)
    return _resampled(some, _drawn(some, -0.3, 0.3), one, one, x.shape[2:], 0.2)


def shade(x: Tensor, chosen: Tensor) -> Tensor:
    """Return each image lighter or darker, with a colour cast."""
    some = x[chosen]
    cast = torch.randn(len(some), x.shape[1], 1, 1, device=x.device)
    return some * _drawn(some, 0.4, 1.6) + 0.2 * _drawn(some, -1, 1) + 0.05 * cast


def smear(x: Tensor, chosen: Tensor) -> Tensor:
    """Return each image without its details: at a quarter to a sixteenth of its resolution."""
    factor = int(2 ** torch.randint(1, 5, ()).item())
    size = [max(1, length // factor) for length in x.shape[2:]]
    some = F.interpolate(x[chosen], size, mode="area")
    return F.interpolate(some, x.shape[2:], mode="bilinear")


MATERIALS: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (noise_texture, transplant, displacement, shade, smear)


def _resampled(images: Tensor, angle: Tensor, scale_x: Tensor, scale_y: Tensor, size: torch.Size, shift: float = 0.0) -> Tensor:
    """Return images rotated, scaled, and shifted by up to `shift` of half their side; the outside is reflected."""
    rows, columns = _coordinates(images, size)
    across = scale_x * (angle.cos() * columns - angle.sin() * rows) + _drawn(images, -shift, shift)
    down = scale_y * (angle.sin() * columns + angle.cos() * rows) + _drawn(images, -shift, shift)
    return F.grid_sample(images, torch.cat([across, down], dim=1).movedim(1, 3), padding_mode="reflection", align_corners=False)


def _places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the row and the column of a point in each image, N,1,1,1 from -1 to 1; half of them prefer detail."""
    average = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    detail = F.adaptive_avg_pool2d((x - average).abs().mean(dim=1, keepdim=True), PLACES).flatten(1)
    chosen = torch.multinomial(detail + detail.mean(dim=1, keepdim=True) + 1e-6, 1).view(-1, 1, 1, 1)
    row, column = (cell + _drawn(x, 0, 1) for cell in (chosen // PLACES, chosen % PLACES))
    return 2 * row / PLACES - 1, 2 * column / PLACES - 1


def _coordinates(x: Tensor, size: torch.Size) -> tuple[Tensor, Tensor]:
    """Return the positions of the centres of rows, 1,1,H,1, and of columns, 1,1,1,W, between -1 and 1."""
    rows, columns = ((2 * torch.arange(length, device=x.device) + 1) / length - 1 for length in size)
    return rows.view(1, 1, -1, 1), columns.view(1, 1, 1, -1)


def _drawn(x: Tensor, low: float, high: float) -> Tensor:
    """Return a uniform random number for each image, N,1,1,1."""
    return low + (high - low) * torch.rand(len(x), 1, 1, 1, device=x.device)


def _log_drawn(x: Tensor, low: float, high: float) -> Tensor:
    """Return a random number for each image, N,1,1,1, uniform on the logarithm."""
    return _drawn(x, math.log(low), math.log(high)).exp()
