"""A parametric two-dimensional autoencoder of codes: a nonlinear projection with an inverse."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.training.config import FitConfig
from sablier.training.loop import fit
from sablier.training.objectives import Reconstruction
from sablier.training.progress import Progress
from sablier.transforms.batches import Batches
from sablier.typing import Array

Way = Callable[[Array], Array]

STEPS = 2000
HIDDEN = 128  # width of the layers on both sides of the two numbers


class _PlanarAutoencoder(Model):
    """Dense layers from a code, as an image of one row, to two numbers and back."""

    capabilities = frozenset({"encode", "decode", "reconstruct"})

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__(shape)
        width = shape[1]
        self.down = nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 2))
        self.up = nn.Sequential(nn.Linear(2, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, width))

    def encode(self, x: Tensor) -> Tensor:
        points: Tensor = self.down(x.flatten(1))
        return points

    def decode(self, z: Tensor) -> Tensor:
        codes: Tensor = self.up(z)
        return codes[:, None, None, :]


def trained_planar_autoencoder(
    codes: Array, seed: int, on_progress: Callable[[Progress], None] = lambda progress: None
) -> tuple[Way, Way]:
    """Train a two-dimensional autoencoder of N,d codes with `fit`, on codes as images of one row.

    Returns:
        The projection of codes, M,d to M,2, and its inverse.
    """
    width = codes.shape[1]
    black, white = float(codes.min()), float(codes.max())
    rule = Preprocess(height=1, width=width, channels=1, dtype="float32", black=black, white=white)
    rows = Batches(ImageSet(codes[:, None, :, None].astype(np.float32)), rule)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _PlanarAutoencoder((1, width, 1))
    # Chosen on held-out codes: AdamW loses a quarter more of their variance with as many steps (docs/LOG.md).
    config = FitConfig(
        steps=STEPS, megapixels=1e6, batch_size=128, optimizer="muon", learning_rate=0.05, weight_decay=0.0, dtype="float32",
        device="cpu", seed=seed,
    )  # fmt: skip
    fit(model, rows, Reconstruction(), config, on_progress=on_progress)

    @torch.no_grad()
    def place(new: Array) -> Array:
        unit = torch.from_numpy(((new - black) / (white - black)).astype(np.float32))
        return model.encode(unit).numpy().astype(np.float64)

    @torch.no_grad()
    def codes_at(places: Array) -> Array:
        rows = model.decode(torch.from_numpy(places.astype(np.float32))).flatten(1).numpy()
        return black + rows * (white - black)

    return place, codes_at
