"""Projections of codes to a map: N,d numbers to two dimensions, with neighbours kept together.

"pca" is linear and keeps the two directions of most variance. "tsne" (van der Maaten and Hinton 2008) and "umap" (McInnes,
Healy and Melville 2018) keep neighbourhoods but not distances between clusters. "autoencoder" is a parametric
two-dimensional autoencoder of the codes. Codes of two numbers are their own map. Trustworthiness (Venna and Kaski 2001)
measures how many neighbours are kept.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch

from sablier.errors import ConfigError, ImagesError, TooFewImages, UnknownName
from sablier.tasks.latent.planar_autoencoder import trained_planar_autoencoder
from sablier.training.progress import Progress
from sablier.typing import Array

OnProgress = Callable[[Progress], None]

METHODS = ("auto", "pca", "tsne", "umap", "autoencoder")
INSTALL = "pip install 'sablier[map]'"
CANNOT_PLACE = f"t-SNE of scikit-learn places no new images. Use the method pca or autoencoder, or: {INSTALL}"
MOST_SCIKIT_TSNE = 3000  # images for which scikit-learn's t-SNE takes a minute; openTSNE takes ten times as many
FEWEST = {"pca": 2, "tsne": 8, "umap": 8, "autoencoder": 8}
PERPLEXITY = 30.0  # about the number of neighbours that t-SNE uses; at most a third of the images
UMAP_NEIGHBOURS = 15
EARLY_STEPS, STEPS = 250, 500  # of t-SNE: its authors' and openTSNE's values
STEPS_BETWEEN_REPORTS = 25
MOST_TRUSTED = 2000  # even sample to measure trustworthiness on: it needs all distances
TRUST_NEIGHBOURS = 5
MIXED = 8  # images whose codes are averaged for a position of the map


class Ways(NamedTuple):
    """Functions that project codes to the map and back, on arrays of rows; None if the method has none."""

    place: Callable[[Array], Array] | None
    codes_at: Callable[[Array], Array] | None


@dataclass(frozen=True, eq=False)
class Projection:
    """A map of N codes.

    Args:
        codes: N,d, what was mapped.
        points: N,2 float64; only relative positions have a meaning.
        method: "pca", "tsne", "umap" or "autoencoder"; "code" if the code has two numbers and is its own map.
        made_by: the library that computed it, or "".
        trustworthiness: share of the neighbours on the map that are neighbours among the codes, at best 1, about 0.5 for a
            random map; None for too few images.
        trusted_on: how many images that was measured on.
        advice: how to get a better map if the default is a compromise, or "".
        ways: the projection of other codes, and its inverse.
    """

    codes: Array
    points: Array
    method: str
    made_by: str
    trustworthiness: float | None
    trusted_on: int
    advice: str
    ways: Ways

    def __len__(self) -> int:
        return len(self.points)

    @property
    def can_place(self) -> bool:
        """Whether other codes can be placed on the map."""
        return self.ways.place is not None

    def place(self, codes: Array) -> Array:
        """Return the positions of M,d other codes on the map, M,2; the map does not change.

        Raises:
            ConfigError: for a method that cannot place codes: scikit-learn's t-SNE.
            ImagesError: for codes of another length.
        """
        if self.ways.place is None:
            raise ConfigError(CANNOT_PLACE)
        codes = np.asarray(codes, np.float64)
        if codes.ndim != 2 or codes.shape[1] != self.codes.shape[1]:
            raise ImagesError(f"expected latents of shape N,{self.codes.shape[1]}, got {codes.shape}.")
        return np.asarray(self.ways.place(codes), np.float64) if len(codes) else np.empty((0, 2))

    def codes_at(self, places: Array) -> Array:
        """Return the codes M,d at M,2 positions of the map.

        PCA and the autoencoder have an inverse. For the others, it is the mean code of the eight nearest images, weighted by
        the inverse squared distance.
        """
        if self.ways.codes_at is not None:
            return np.asarray(self.ways.codes_at(np.asarray(places, np.float64)), np.float32)
        return mixed_codes(self.points, self.codes, places)

    def to_table(self) -> list[dict[str, float]]:
        """Return one row per image."""
        return [{"x": x, "y": y} for x, y in self.points.tolist()]

    def to_json(self) -> dict[str, Any]:
        """Return everything except the codes."""
        return {
            "images": len(self),
            "method": self.method,
            "made_by": self.made_by,
            "trustworthiness": self.trustworthiness,
            "trusted_on": self.trusted_on,
            "points": self.to_table(),
        }


def project(
    codes: Array, method: str = "auto", *, placing: bool = False, seed: int = 0, on_progress: OnProgress = lambda progress: None
) -> Projection:
    """Project N,d codes to two dimensions.

    Args:
        codes: N,d, finite.
        method: one of METHODS; "auto" is t-SNE if it is available at this size, else PCA, and the code itself if it has two
            numbers.
        placing: whether other codes will be placed on the map: then "auto" is a method that can.

    Raises:
        UnknownName: for another method; ConfigError for one whose package is not installed, or that cannot place codes.
        TooFewImages: for fewer images than the method needs.
        ImagesError: for codes that are not finite.

    >>> codes = np.random.default_rng(0).normal(size=(40, 6))
    >>> project(codes, "pca").points.shape
    (40, 2)
    """
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not np.isfinite(codes).all():
        found = "NaN or infinity" if codes.ndim == 2 else f"shape {codes.shape}"
        raise ImagesError(f"expected finite codes of shape N,d, got {found}.")
    check_method(method, len(codes), placing)
    chosen, advice = _chosen(method, len(codes), placing)
    if codes.shape[1] == 2 and method in ("auto", "autoencoder"):
        return _judged(codes, codes.copy(), "code", "", "", Ways(np.asarray, np.asarray), seed)
    if not np.ptp(codes, axis=0).any():  # all images alike: one point, and nothing to fit
        chosen, advice = "pca", ""
    points, made_by, ways = _MAKERS[chosen](codes, seed, on_progress)
    return _judged(codes, np.asarray(points, np.float64), chosen, made_by, advice, ways, seed)


def check_method(method: str, count: int, placing: bool = False) -> None:
    """Raise an error if a method cannot project so many images, or cannot place others if that is needed.

    Raises:
        UnknownName, ConfigError, TooFewImages: as for `project`.
    """
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    fewest = FEWEST.get(method, 2)
    if count < fewest:
        other = "" if fewest == 2 else " Use the method pca."
        raise TooFewImages(f"expected at least {fewest} images to map, got {count}.{other}")
    if method == "umap" and not find_spec("umap"):
        raise ConfigError(f"umap is not installed. Use another method, or: {INSTALL}")
    if method == "tsne" and placing and not find_spec("openTSNE"):
        raise ConfigError(CANNOT_PLACE)
    if method == "tsne" and count > MOST_SCIKIT_TSNE and not find_spec("openTSNE"):
        raise ConfigError(
            f"t-SNE of {count:,} images needs openTSNE, which is not installed: scikit-learn's would take long with more than "
            f"{MOST_SCIKIT_TSNE:,}. Use the method pca, or: {INSTALL}"
        )


def mixed_codes(points: Array, codes: Array, places: Array, count: int = MIXED) -> Array:
    """Return M,d float32: for each of M,2 positions the mean code of the nearest points, weighted by distance.

    >>> points, codes = np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[1.0], [5.0]])
    >>> mixed_codes(points, codes, np.array([[0.0, 0.0], [1.0, 0.0]])).tolist()
    [[1.0], [3.0]]
    """
    from sklearn.neighbors import NearestNeighbors

    distances, nearest = NearestNeighbors(n_neighbors=min(count, len(points))).fit(points).kneighbors(places)
    weights = 1 / np.maximum(distances, 1e-9 + 1e-6 * distances.max(initial=0)) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("mk,mkd->md", weights, codes[nearest]), np.float32)


def trustworthiness_of(codes: Array, points: Array, seed: int = 0) -> tuple[float | None, int]:
    """Return the trustworthiness of a map by 5 neighbours, and the number of random images that it was measured on."""
    from sklearn.manifold import trustworthiness

    count = min(len(codes), MOST_TRUSTED)
    if count <= 2 * TRUST_NEIGHBOURS or not np.ptp(codes, axis=0).any():
        return None, count
    drawn = np.sort(np.random.default_rng(seed).permutation(len(codes))[:count])
    return float(trustworthiness(codes[drawn], points[drawn], n_neighbors=TRUST_NEIGHBOURS)), count


def _chosen(method: str, count: int, placing: bool) -> tuple[str, str]:
    """Return the method that "auto" means, and how to get a better one if there is one."""
    if method != "auto":
        return method, ""
    if count < FEWEST["tsne"]:
        return "pca", ""
    if find_spec("openTSNE") or (count <= MOST_SCIKIT_TSNE and not placing):
        return "tsne", ""
    return "pca", f"With openTSNE the map would be of t-SNE, which keeps more neighbours together: {INSTALL}"


def _judged(codes: Array, points: Array, method: str, made_by: str, advice: str, ways: Ways, seed: int) -> Projection:
    trust, count = trustworthiness_of(codes, points, seed)
    return Projection(codes, points, method, made_by, trust, count, advice, ways)


def _pca(codes: Array, seed: int, on_progress: OnProgress) -> tuple[Array, str, Ways]:
    """Return the map by the two directions of most variance; a missing direction is zero."""
    import sklearn
    from sklearn.decomposition import PCA

    axes, centre = np.zeros((2, codes.shape[1])), codes.mean(axis=0)
    if np.ptp(codes, axis=0).any():
        found = PCA(min(2, *codes.shape), random_state=seed).fit(codes).components_
        axes[: len(found)] = found
    ways = Ways(lambda new: (new - centre) @ axes.T, lambda places: centre + places @ axes)
    return (codes - centre) @ axes.T, f"scikit-learn {sklearn.__version__}", ways


def _tsne(codes: Array, seed: int, on_progress: OnProgress) -> tuple[Array, str, Ways]:
    perplexity = min(PERPLEXITY, (len(codes) - 1) / 3)
    if not find_spec("openTSNE"):
        import sklearn
        from sklearn.manifold import TSNE

        tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
        return tsne.fit_transform(codes), f"scikit-learn {sklearn.__version__}", Ways(None, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import openTSNE

        steps = {"early_exaggeration_iter": EARLY_STEPS, "n_iter": STEPS}
        phase = {"start": 0, "last": 0}

        def report(step: int, _error: float, _points: Array) -> None:
            # Steps are counted anew in the second phase.
            if step < phase["last"]:
                phase["start"] = EARLY_STEPS
            phase["last"] = step
            on_progress(Progress(min(phase["start"] + step, EARLY_STEPS + STEPS), EARLY_STEPS + STEPS))

        tsne = openTSNE.TSNE(
            perplexity=perplexity, random_state=seed, n_jobs=torch.get_num_threads(), callbacks=[report],
            callbacks_every_iters=STEPS_BETWEEN_REPORTS, **steps,
        )  # fmt: skip
        found = tsne.fit(codes)
        on_progress(Progress(EARLY_STEPS + STEPS, EARLY_STEPS + STEPS))

    points = np.array(found)

    def place(new: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            placed = np.array(found.transform(new, perplexity=min(5.0, perplexity)))
        # openTSNE changes the map in place when it places codes: that is undone.
        return np.asarray(placed - (np.asarray(found).mean(axis=0) - points.mean(axis=0)))

    return points, f"openTSNE {openTSNE.__version__}", Ways(place, None)


def _umap(codes: Array, seed: int, on_progress: OnProgress) -> tuple[Array, str, Ways]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numba, of missing TensorFlow, of the seed that takes one thread
        import umap

        found = umap.UMAP(n_neighbors=min(UMAP_NEIGHBOURS, len(codes) - 1), init="pca", random_state=seed).fit(codes)

    def place(new: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(found.transform(new))

    return found.embedding_, f"umap-learn {umap.__version__}", Ways(place, None)


def _autoencoder(codes: Array, seed: int, on_progress: OnProgress) -> tuple[Array, str, Ways]:
    place, codes_at = trained_planar_autoencoder(codes, seed, on_progress)
    return place(codes), "", Ways(place, codes_at)


_MAKERS = {"pca": _pca, "tsne": _tsne, "umap": _umap, "autoencoder": _autoencoder}
