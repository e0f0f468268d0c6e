"""A trained network and what normal images taught about its residuals: one score and one heatmap per image."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sablier.baselines import Baselines
from sablier.errors import TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.tasks.residuals import Residuals, residuals
from sablier.transforms.batches import Batch, Batches

Array = NDArray[Any]

PIXELS_PER_BATCH = 100_000  # of a batch a thread; larger ones gained nothing when tried
ENOUGH_TO_CORRECT = 50  # normal images below which a regression on nuisances would fit noise
SMALLEST_SPREAD = 0.01  # of a logarithm: where normal images vary by less than 1 %, a difference is arithmetic


@dataclass(frozen=True)
class Scores:
    """What a scorer says of N images.

    Args:
        scores: N anomaly scores; higher is worse.
        baselines: N scores of each baseline, by name.
        heatmaps: N,H,W, in units of the error normal images have there; None unless asked for.
        reconstructions: N,H,W,C in [0, 1]; None unless asked for.
    """

    scores: Array
    baselines: dict[str, Array]
    heatmaps: Array | None = None
    reconstructions: Array | None = None


@dataclass(frozen=True)
class Scorer:
    """One network with its corrections, and the baselines fitted on the same images.

    The score is the mean of the standardised statistics of an image: the logarithm of its residual at the pixels and
    at each hidden layer, and of the Mahalanobis distance of its latent, each less what is expected of a normal image
    with as many edges to draw (a linear regression), all fitted on normal images.

    Args:
        coefficients: 1+U,J regression of the statistics on a constant and the nuisances.
        low, high: U, the range of the nuisances among normal images; beyond it nothing is extrapolated.
        spread: J, the standard deviation of each corrected statistic.
        latent_mean, latent_precision: of the latents of normal images, shrunk (Ledoit and Wolf 2004).
        usual_error: H,W, the mean blurred error of normal images at each pixel.
    """

    model: Model
    preprocess: Preprocess
    baselines: Baselines
    coefficients: Array
    low: Array
    high: Array
    spread: Array
    latent_mean: Array
    latent_precision: Array
    usual_error: Array

    @classmethod
    def fit(cls, model: Model, preprocess: Preprocess, training: ImageSet, fusion: ImageSet, seed: int = 0) -> "Scorer":
        """Fit the baselines on the training images and the corrections on the fusion images, both dense and normal.

        Raises:
            TooFewImages: for fewer than two fusion images.
        """
        from sklearn.covariance import LedoitWolf

        if len(fusion) < 2:
            raise TooFewImages(f"expected at least 2 normal images to fit the corrections on, got {len(fusion)}.")
        found = list(in_parallel(lambda batch: residuals(model, batch.x), Batches(fusion, preprocess), preprocess))
        latents = np.concatenate([part.latent.numpy() for part in found]).astype(np.float64)
        shrunk = LedoitWolf().fit(latents)
        inputs = np.concatenate([part.nuisances.numpy() for part in found]).astype(np.float64)
        errors = np.concatenate([part.errors.numpy() for part in found]).mean(axis=0)
        draft = cls(
            model,
            preprocess,
            Baselines.fit(training.array, preprocess, seed),
            coefficients=np.zeros((1, 1)),
            low=inputs.min(axis=0),
            high=inputs.max(axis=0),
            spread=np.ones(1),
            latent_mean=shrunk.location_,
            latent_precision=shrunk.precision_,
            usual_error=np.maximum(errors, 0.5 * errors.mean()) + 1e-8,
        )
        statistics = np.concatenate([draft._statistics(part) for part in found])
        design = np.c_[np.ones(len(inputs)), inputs]
        if len(fusion) < ENOUGH_TO_CORRECT:
            design[:, 1:] = 0.0
        coefficients = np.linalg.lstsq(design, statistics, rcond=None)[0]
        spread = np.maximum((statistics - design @ coefficients).std(axis=0), SMALLEST_SPREAD)
        return cls(**{**draft.__dict__, "coefficients": coefficients, "spread": spread})

    def score(self, images: ImageSet, pictures: bool = False) -> Scores:
        """Score dense images; with `pictures`, draw heatmaps and reconstructions too."""
        scores, heatmaps, reconstructions = [], [], []
        for found in self._residuals(images):
            scores.append(self._combined(found))
            if pictures:
                heatmaps.append(found.errors.numpy() / self.usual_error)
                reconstructions.append(np.ascontiguousarray(found.reconstruction.permute(0, 2, 3, 1).numpy()))
        height, width, channels = images.shape
        return Scores(
            np.concatenate([np.empty(0), *scores]),
            self.baselines.scores(images.array, self.preprocess),
            np.concatenate([np.empty((0, height, width), np.float32), *heatmaps]) if pictures else None,
            np.concatenate([np.empty((0, height, width, channels), np.float32), *reconstructions]) if pictures else None,
        )

    def _residuals(self, images: ImageSet) -> Iterator[Residuals]:
        return in_parallel(lambda batch: residuals(self.model, batch.x), Batches(images, self.preprocess), self.preprocess)

    def _statistics(self, found: Residuals) -> Array:
        """Return N,J: logarithms of the residuals, and of the Mahalanobis distance of the latent."""
        centred = found.latent.numpy().astype(np.float64) - self.latent_mean
        distance = np.einsum("nd,de,ne->n", centred, self.latent_precision, centred)
        return np.asarray(np.c_[found.logarithms.numpy(), np.log(np.maximum(distance, 1e-12))])

    def _combined(self, found: Residuals) -> Array:
        inputs = np.clip(found.nuisances.numpy(), self.low, self.high)
        expected = np.c_[np.ones(len(inputs)), inputs] @ self.coefficients
        return np.asarray(((self._statistics(found) - expected) / self.spread).mean(axis=1))

    def parts(self, prefix: str) -> dict[str, Part]:
        """Return the parts a model file keeps, under names that start with `prefix`."""
        corrections = {
            name: np.asarray(getattr(self, name))
            for name in ("coefficients", "low", "high", "spread", "latent_mean", "latent_precision", "usual_error")
        }
        return {
            f"{prefix}net": Part.of_model(self.model),
            f"{prefix}corrections": Part("residual-corrections", {}, corrections),
            f"{prefix}baselines": Part("pca-knn", {}, self.baselines.tensors()),
        }

    @classmethod
    def from_parts(cls, parts: dict[str, Part], prefix: str, preprocess: Preprocess) -> "Scorer":
        """Return the scorer that `parts` kept."""
        return cls(
            parts[f"{prefix}net"].to_model(),
            preprocess,
            Baselines.from_tensors(parts[f"{prefix}baselines"].tensors),
            **parts[f"{prefix}corrections"].tensors,
        )


def in_parallel(compute: Callable[[Batch], Residuals], batches: Batches, preprocess: Preprocess) -> Iterator[Residuals]:
    """Yield what `compute` makes of each batch, in order; a batch a thread, which beats many threads a batch.

    Layers of a few dozen channels are too small to share among threads: waiting for each other at every layer costs more
    than it gains. As many batches as there are threads are held at once.
    """
    threads = torch.get_num_threads()
    size = max(1, PIXELS_PER_BATCH // (preprocess.height * preprocess.width))
    if threads == 1 or len(batches) <= size:
        yield from map(compute, batches.in_order(size))
        return
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[Residuals]] = deque()
            for batch in batches.in_order(size):
                waiting.append(pool.submit(compute, batch))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        torch.set_num_threads(threads)
