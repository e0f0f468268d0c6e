"""What comes next: a net that says how likely each value of a pixel is, from the pixels before it and a lossy version of all.

Pixels are gone through row by row, channels one after another. The value of one is said in two halves of 16 values each, first
the high one. The net is a plain one on each pixel's surroundings (compare van den Oord et al. 2016), in fixed-point numbers, so
that whoever decodes computes the very same likelihoods (fixed_point.py).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.fixed_point import FixedLinear, fixed
from sablier.models.registry import register

VALUES = 16  # of each half of a byte


class PixelNet(nn.Module):
    """Likelihoods of the values of one channel, from rows of what surrounds its pixels."""

    def __init__(self, seen: int, places: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.first, self.second = FixedLinear(seen, width), FixedLinear(width, width)
        # What each place, and each high half, adds to a hidden layer; one axis each, so that Muon leaves them alone.
        self.place, self.told = nn.Parameter(torch.zeros(places * width)), nn.Parameter(torch.zeros(VALUES * width))
        self.high, self.third, self.low = FixedLinear(width, VALUES), FixedLinear(width, width), FixedLinear(width, VALUES)

    def begin(self, seen: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of the high halves, rows,16, and what `finish` needs, rows,width.

        Args:
            seen: rows of surroundings; places: rows of pixel numbers, row by row from the top left.
        """
        hidden = F.relu(self.first(seen) + self._of(self.place, places))
        hidden = F.relu(self.second(hidden))
        return self.high(hidden), hidden

    def finish(self, hidden: Tensor, high: Tensor) -> Tensor:
        """Return logits of the low halves, rows,16, once the high ones are known."""
        logits: Tensor = self.low(F.relu(self.third(hidden) + self._of(self.told, high)))
        return logits

    def _of(self, table: Tensor, rows: Tensor) -> Tensor:
        found = F.embedding(rows, table.view(-1, self.width))
        return found if self.training else fixed(found)


class PixelContext(Model):
    """A net for each channel. Its images are two, one above the other: the lossy version, and the image itself."""

    capabilities = frozenset({"predict"})

    def __init__(self, shape: tuple[int, int, int], width: int, reach: int, look: int) -> None:
        super().__init__(shape)
        self.height, self.across, self.channels = max(1, shape[0] // 2), shape[1], shape[2]
        self.margin = max(reach, look)
        around, near, every = range(-reach, reach + 1), range(-look, look + 1), range(self.channels)
        above = [(c, y, x) for c in every for y in range(-reach, 0) for x in around]
        beside = [(c, 0, x) for c in every for x in range(-reach, 0)]
        lossy = [(c, y, x) for c in every for y in near for x in near]
        self.nets = nn.ModuleList()
        for channel in every:
            before = [*above, *beside, *((c, 0, 0) for c in range(channel))]
            self.nets.append(PixelNet(len(before) + len(lossy), self.height * self.across, width))
            self.register_buffer(f"before_{channel}", self._shifts(before), persistent=False)
        self.register_buffer("around", self._shifts(lossy), persistent=False)

    def _shifts(self, offsets: list[tuple[int, int, int]]) -> Tensor:
        """Return by how much (channel, row, column) move in the flat values of an image with its margin."""
        across, rows = self.across + 2 * self.margin, self.height + 2 * self.margin
        return torch.tensor([(c * rows + y) * across + x for c, y, x in offsets])

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return N,C,H,W the lossy versions, and the images, each with a black margin."""
        margin = [self.margin] * 4
        lossy, image = x[:, :, : self.height], x[:, :, -self.height :]
        return F.pad(lossy, margin), F.pad(image, margin)

    def corners(self, places: Tensor) -> Tensor:
        """Return where places lie in the flat values of the first channel of an image with its margin."""
        return (places // self.across + self.margin) * (self.across + 2 * self.margin) + places % self.across + self.margin

    def seen(self, lossy: Tensor, image: Tensor, channel: int, places: Tensor) -> Tensor:
        """Return N,P,values: what the net of a channel sees at P places of what `halves` returned."""
        corners = self.corners(places)[:, None]
        before = image.flatten(1)[:, corners + self.get_buffer(f"before_{channel}")]
        return torch.cat([before, lossy.flatten(1)[:, corners + self.get_buffer("around")]], dim=2)

    def predict(self, x: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of the high and of the low halves at P places of all images, N,C,P,16 each."""
        lossy, image = self.halves(x)
        found = []
        for channel, net in enumerate(self.nets):
            own = x[:, channel, -self.height :].flatten(1)[:, places]
            high = (own * 255).round().long() // VALUES
            assert isinstance(net, PixelNet)
            seen = self.seen(lossy, image, channel, places).flatten(0, 1)
            logits, hidden = net.begin(seen, places.repeat(len(x)))
            found.append((logits, net.finish(hidden, high.flatten())))
        shape = (len(x), len(places), VALUES)
        highs, lows = (torch.stack([each.view(shape) for each in half], dim=1) for half in zip(*found, strict=True))
        return highs, lows

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of the high halves of all pixels, N,C,P,16."""
        return self.predict(x, torch.arange(self.height * self.across, device=x.device))[0]


@register
def pixel_context(shape: tuple[int, int, int], *, width: int = 128, reach: int = 6, look: int = 2) -> Model:
    """A net of `width` on each pixel's surroundings: `reach` pixels before it, and `look` around it of a lossy version."""
    return PixelContext(shape, width, reach, look)
