"""A feature network of one's own, made without a download: layers of the network that sablier brings, in a .pt2 file.

usage: python examples/backbone.py [backbone.pt2]

Then, with photos of good parts:

    sablier train good/ -o part.sablier --tier small --backbone backbone.pt2
    sablier detect part.sablier new/ -o out/ --backbone backbone.pt2

Any other network goes in the same way: wrap it so that it takes RGB from 0 to 1, normalises by itself, and returns a dict of
outputs of shape N,D,h,w, or N,tokens,D.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.efficientnet_lite import EfficientNetLite

SIDE = 256  # pixels; images are scaled to it here, so that the network takes any size


class FeatureNetwork(nn.Module):
    """What EfficientNet-Lite0 sees after its blocks 4 and 10."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = EfficientNetLite((SIDE, SIDE, 3), [["block4", "block10"]]).load_pretrained()
        for weight in self.layers.parameters():
            weight.data = weight.data.contiguous()  # as torch.export.save expects weights

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return outputs N,40,32,32 and N,112,16,16 of N,3,H,W images, RGB in [0, 1]."""
        # Here a network normalises; this one does that itself. Others take (x - mean) / deviation of ImageNet.
        scaled = F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
        found: dict[str, Tensor] = self.layers.activations(scaled)
        return found


def export(path: Path) -> None:
    """Write the network to a .pt2 file that takes any number of images of any size."""
    size = torch.export.Dim.AUTO
    example = torch.rand(2, 3, 300, 200)
    program = torch.export.export(
        FeatureNetwork().eval(), (example,), dynamic_shapes=({0: torch.export.Dim("batch"), 2: size, 3: size},)
    )
    torch.export.save(program, path)


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "backbone.pt2")
    export(path)
    print(f"{path}, {path.stat().st_size / 1e6:.1f} MB. Next: sablier train good/ -o part.sablier --backbone {path}")


if __name__ == "__main__":
    main()
