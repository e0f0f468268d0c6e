"""New images from a model file, decoded from sampled codes, and variations of given images."""

from dataclasses import asdict, dataclass, replace
from math import prod
from typing import Any

import numpy as np
import torch

from sablier.errors import ConfigError, ImagesError, ModelFileError
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.part_fit import check_finite
from sablier.tasks.latent.generation_metrics import nearest_distances
from sablier.tasks.latent.mixture import LatentMixture, mixture_of
from sablier.tasks.latent.reconstruct import decode, encode, latent_size
from sablier.typing import Array

FLOW = "flow"  # the part of a model file with the flow, from noise to codes
METHODS = ("mixture", FLOW, "gaussian", "network")
STRENGTH = 0.5
BATCH_VALUES = 2_000_000  # pixel values of the images that a network generates at once


@dataclass(frozen=True)
class SampleResult:
    """N new images.

    Args:
        images: N,H,W,C float32 in [0, 1].
        method: "mixture", "flow", "gaussian" or "network"; "variations" of given images.
        seed: of the random codes.
        p_values: N: the share of codes of training images that are no more likely; None if the model keeps no mixture.
        likes: N names of the images that were varied, or None.
        nearest: N root mean squared differences to the nearest of the images to compare with, or None.
        nearest_ids: their names.
        skipped: images to vary that could not be read.
    """

    images: Array
    method: str
    seed: int = 0
    p_values: Array | None = None
    likes: Array | None = None
    nearest: Array | None = None
    nearest_ids: Array | None = None
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image: its number, and what is known of it."""
        columns = {"like": self.likes, "p_value": self.p_values, "nearest": self.nearest, "nearest_id": self.nearest_ids}
        known = {name: column.tolist() for name, column in columns.items() if column is not None}
        return [{"image": index} | {name: column[index] for name, column in known.items()} for index in range(len(self))]

    def to_json(self) -> dict[str, Any]:
        """Return everything except the pictures."""
        return {
            "images": len(self),
            "method": self.method,
            "seed": self.seed,
            "skipped": [asdict(item) for item in self.skipped],
            "samples": self.to_table(),
        }


@dataclass(frozen=True)
class Sampler:
    """Generates images with a network and the distribution of its codes.

    Args:
        network: decodes codes, or generates by itself.
        preprocess: the size, channels and value range of the images.
        mixture: over the codes, or None.
        flow: a network that generates codes, or None.
    """

    network: Model
    preprocess: Preprocess
    mixture: LatentMixture | None = None
    flow: Model | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it has; the first is the default."""
        can = {
            "mixture": self.mixture is not None,
            FLOW: self.flow is not None,
            "gaussian": self.mixture is not None,
            "network": "sample" in self.network.capabilities,
        }
        return tuple(name for name in METHODS if can[name])

    def sample(self, count: int, seed: int = 0, method: str | None = None) -> SampleResult:
        """Generate new images; the same seed gives the same.

        Args:
            method: "mixture": codes from the mixture of Gaussians; "flow": codes from the flow; "gaussian": codes from one
                Gaussian, for comparison; "network": images of the network itself. None: the first that it has.

        Raises:
            ConfigError: for a count below 1, or a method that it does not have.
            ModelFileError: if it has no method.
        """
        if count < 1:
            raise ConfigError(f"expected to draw at least 1 image, got {count}.")
        if not self.methods:
            raise ModelFileError(
                "this model keeps no mixture of its codes, so it does not know the codes of images: it is older than this "
                "version, or its codes are too long. Train one with: sablier train IMAGES --recipe generator"
            )
        chosen = self.methods[0] if method is None else method
        if chosen not in self.methods:
            raise ConfigError(f"expected one of {', '.join(self.methods)} of this model, got method {chosen!r}.")
        if chosen == "network":
            return SampleResult(self._drawn(self.network, count, seed), chosen, seed)
        codes = self._codes(chosen, count, seed)
        return SampleResult(decode(self.network, self.preprocess, codes), chosen, seed, self._p_values(codes))

    def variations(self, images: ImageSet, count: int, strength: float = STRENGTH, seed: int = 0) -> SampleResult:
        """Generate `count` variations of dense images, taking each in turn.

        Args:
            strength: from 0, the reconstruction, to 1, any other image of the same component: see
                `LatentMixture.variations`.

        Raises:
            ConfigError: for a count below 1, or another strength.
            ImagesError: for no images; ModelFileError if the network cannot encode, or there is no mixture.
        """
        if count < 1:
            raise ConfigError(f"expected to draw at least 1 image, got {count}.")
        if self.mixture is None or "encode" not in self.network.capabilities:
            raise ModelFileError(
                "this model does not know where the codes of images lie, so it cannot vary images. Train one that does with: "
                "sablier train IMAGES --recipe generator"
            )
        if not len(images):
            raise ImagesError(f"expected at least one image to vary, got none from {images.source}.")
        turn = np.arange(count) % len(images)
        codes = encode(self.network, self.preprocess, images)[turn]
        moved = self.mixture.variations(codes, strength, seed)
        drawn = decode(self.network, self.preprocess, moved)
        return SampleResult(drawn, "variations", seed, self._p_values(moved), likes=images.ids[turn], skipped=images.skipped)

    def _codes(self, method: str, count: int, seed: int) -> Array:
        """Return count,D codes."""
        if method == FLOW:
            assert self.flow is not None  # it is among the methods
            return self._drawn(self.flow, count, seed).reshape(count, -1)
        assert self.mixture is not None  # so is it
        return (self.mixture.gaussian() if method == "gaussian" else self.mixture).sample(count, seed)

    def _p_values(self, codes: Array) -> Array | None:
        return self.mixture.p_values(codes) if self.mixture and len(self.mixture.held_out) else None

    @torch.no_grad()
    def _drawn(self, network: Model, count: int, seed: int) -> Array:
        """Return images generated by a network itself, count,H,W,C float32."""
        network.eval()
        generator = torch.Generator().manual_seed(seed)
        size = max(1, BATCH_VALUES // prod(network.shape))
        blocks = [min(size, count - start) for start in range(0, count, size)]
        parts = [network.sample(block, generator).permute(0, 2, 3, 1).numpy() for block in blocks]
        return check_finite("images", np.concatenate(parts))


def compared(result: SampleResult, images: ImageSet, preprocess: Preprocess) -> SampleResult:
    """Return the result with the nearest of dense images for each; for copies of training images, the difference is near 0."""
    distances, places = nearest_distances(result.images, preprocess.to_unit(images.array))
    return replace(result, nearest=distances, nearest_ids=images.ids[places])


def sampler_of(file: ModelFile, network: Model) -> Sampler:
    """Return the sampler of a model file with one of its networks.

    Raises:
        ModelFileError: for a mixture or a flow that does not fit the network.
    """
    mixture = mixture_of(file)
    flow = file.parts[FLOW].to_model() if FLOW in file.parts else None
    sampler = Sampler(network, file.preprocess, mixture, flow)
    if "decode" in network.capabilities:
        numbers = latent_size(network, file.preprocess)
        sizes = {mixture.numbers} if mixture else set()
        sizes |= {prod(flow.shape)} if flow else set()
        if sizes - {numbers}:
            raise ModelFileError(f"the model file's codes have {numbers} numbers, but it draws {sorted(sizes)}. Train it again.")
    return sampler
