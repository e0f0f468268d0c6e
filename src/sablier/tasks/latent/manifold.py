"""Manifold embeddings of codes in a few dimensions, in which clusters separate.

"spectral" needs scikit-learn only (Laplacian eigenmaps, Belkin and Niyogi 2003). "umap" (McInnes, Healy and Melville 2018)
and "tsne" (van der Maaten and Hinton 2008) need the extra `map`.
"""

import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from sablier.errors import ConfigError, TooFewImages, UnknownName
from sablier.typing import Array

MANIFOLDS = ("auto", "none", "spectral", "umap", "tsne")
PACKAGES = {"umap": "umap", "tsne": "openTSNE"}
DIMENSIONS = 10  # of umap and of spectral, at most, as in N2D; t-SNE has 2
NEIGHBOURS = 20  # of each code, at most
FEWEST = 30  # codes that a manifold needs; "auto" does not embed fewer


class Space(NamedTuple):
    """Embedded codes, N,m float32, and the name of the manifold."""

    codes: Array
    name: str


def flattened(codes: Array, manifold: str, seed: int = 0) -> Space:
    """Return N,d codes on a manifold; "none" returns them as they are.

    Args:
        manifold: one of MANIFOLDS; "auto" is "umap" if it is installed, else "spectral", and "none" for fewer than 30 codes.

    Raises:
        UnknownName: for another name; ConfigError for a manifold whose package is not installed.
        TooFewImages: for fewer than 30 codes.

    >>> flattened(np.random.default_rng(0).normal(size=(40, 12)), "spectral").codes.shape
    (40, 10)
    """
    check_manifold(manifold)
    name = chosen(manifold, len(codes))
    if name == "none":
        return Space(np.asarray(codes, np.float32), name)
    if len(codes) < FEWEST:
        raise TooFewImages(f"expected at least {FEWEST} images for the manifold {name}, got {len(codes)}. Use none.")
    found = {"spectral": _spectral, "umap": _umap, "tsne": _tsne}[name](codes, min(NEIGHBOURS, len(codes) - 1), seed)
    return Space(np.asarray(found, np.float32), name)


def check_manifold(manifold: str) -> None:
    """Raise an error if there is no such manifold, or its package is not installed.

    Raises:
        UnknownName, ConfigError: as for `flattened`.
    """
    if manifold not in MANIFOLDS:
        raise UnknownName("manifold", manifold, MANIFOLDS)
    if manifold in PACKAGES and find_spec(PACKAGES[manifold]) is None:
        raise ConfigError(f"the manifold {manifold} is not installed. Use spectral or none, or: pip install 'sablier[map]'")


def chosen(manifold: str, count: int) -> str:
    """Return the manifold that "auto" means for so many codes; any other name as it is."""
    if manifold != "auto":
        return manifold
    if count < FEWEST:
        return "none"
    return "umap" if find_spec(PACKAGES["umap"]) else "spectral"


def _spectral(codes: Array, neighbours: int, seed: int) -> Array:
    from sklearn.manifold import spectral_embedding
    from sklearn.neighbors import kneighbors_graph

    graph = kneighbors_graph(codes, neighbours, include_self=False)
    graph = 0.5 * (graph + graph.T)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Graph is not fully connected")  # then the components are clusters
        dimensions = min(DIMENSIONS, codes.shape[1], len(codes) - 2)
        axes = spectral_embedding(graph, n_components=dimensions, random_state=seed, drop_first=False)
    # Codes are normalised: their norm shows only how few neighbours they have (Ng, Jordan and Weiss 2001).
    return np.asarray(axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12))


def _umap(codes: Array, neighbours: int, seed: int) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numba, of missing TensorFlow, of the seed that takes one thread
        maker = import_module("umap").UMAP
        dimensions = min(DIMENSIONS, codes.shape[1])
        made = maker(n_neighbors=neighbours, n_components=dimensions, min_dist=0.0, random_state=seed, n_jobs=1)
        return np.asarray(made.fit_transform(codes))


def _tsne(codes: Array, _neighbours: int, seed: int) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A perplexity is about a third of the neighbours.
        made = import_module("openTSNE").TSNE(perplexity=min(30, (len(codes) - 1) // 3), random_state=seed)
        return np.asarray(made.fit(np.asarray(codes, np.float64)))
