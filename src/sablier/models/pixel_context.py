"""A network that predicts the likelihoods of the values of a pixel from earlier pixels and a lossy version of the image.

Pixels are coded row by row, one channel after another. A value is coded in two halves of 16 values each, the high one first.
The network is dense, on the surroundings of each pixel (compare van den Oord et al. 2016), and in fixed-point numbers, so
that the decoder computes the same likelihoods (fixed_point.py).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.fixed_point import FixedLinear, fixed
from sablier.models.registry import register

VALUES = 16  # of each half of a byte


class PixelNet(nn.Module):
    """Likelihoods of the values of one channel, from rows of the surroundings of pixels."""

    def __init__(self, seen: int, places: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.first, self.second = FixedLinear(seen, width), FixedLinear(width, width)
        # The contribution of each place, and of each high half, to a hidden layer; one axis each, so that Muon does not
        # update them.
        self.place, self.told = nn.Parameter(torch.zeros(places * width)), nn.Parameter(torch.zeros(VALUES * width))
        self.high, self.third, self.low = FixedLinear(width, VALUES), FixedLinear(width, width), FixedLinear(width, VALUES)

    def begin(self, seen: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of the high halves, rows,16, and the input of `finish`, rows,width.

        Args:
            seen: rows of surroundings; places: rows of pixel numbers, row by row from the top left.
        """
        hidden = F.relu(self.first(seen) + self._of(self.place, places))
        hidden = F.relu(self.second(hidden))
        return self.high(hidden), hidden

    def finish(self, hidden: Tensor, high: Tensor) -> Tensor:
        """Return logits of the low halves, rows,16, given the high ones."""
        logits: Tensor = self.low(F.relu(self.third(hidden) + self._of(self.told, high)))
        return logits

    def _of(self, table: Tensor, rows: Tensor) -> Tensor:
        found = F.embedding(rows, table.view(-1, self.width))
        return found if self.training else fixed(found)


class PixelContext(Model):
    """A network for each channel. Its images are stacked pairs: the lossy version above, the exact image below."""

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
        """Return the offsets of (channel, row, column) moves in the flat values of an image with its margin."""
        across, rows = self.across + 2 * self.margin, self.height + 2 * self.margin
        return torch.tensor([(c * rows + y) * across + x for c, y, x in offsets])

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return N,C,H,W: the lossy versions, and the images, each with a black margin."""
        margin = [self.margin] * 4
        lossy, image = x[:, :, : self.height], x[:, :, -self.height :]
        return F.pad(lossy, margin), F.pad(image, margin)

    def corners(self, places: Tensor) -> Tensor:
        """Return the positions of places in the flat values of the first channel of an image with its margin."""
        return (places // self.across + self.margin) * (self.across + 2 * self.margin) + places % self.across + self.margin

    def seen(self, lossy: Tensor, image: Tensor, channel: int, places: Tensor) -> Tensor:
        """Return N,P,values: the inputs of the network of a channel at P places of the output of `halves`."""
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
    """A network of `width` on each pixel's surroundings: `reach` pixels before it, and `look` around it in the lossy version."""
    return PixelContext(shape, width, reach, look)
