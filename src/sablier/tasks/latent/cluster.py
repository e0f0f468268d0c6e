"""Clusters of codes: k-means, a Gaussian mixture or HDBSCAN, on the codes or on a manifold embedding of them.

Codes of one kind of image rarely form a ball; they follow curved manifolds, which an embedding flattens before clustering
(N2D; McConville, Santos-Rodriguez, Piechocki and Craddock 2021). Everything is done several times with different seeds. The
run that agrees most with the others is the result, and the agreement is reported. Labels, if there are any, only measure the
clusters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from sablier.errors import ConfigError, TooFewImages, UnknownName
from sablier.tasks.latent.latents import Latents
from sablier.tasks.latent.manifold import check_manifold, chosen, flattened
from sablier.typing import Array

Method = Literal["mixture", "kmeans", "hdbscan"]
METHODS = get_args(Method)
FEWEST = 3  # images that can be clustered
MOST_AUTO = 20  # clusters that are tried if the number is to be found
MOST_SILHOUETTES = 3000  # sampled codes for the silhouette, which needs all distances
SMALLEST_SHARE = 100  # an HDBSCAN cluster has at least 1 / this of the images, and
SMALLEST_CLUSTER = 5  # at least so many
SAME = 1e-5  # distance, in standard deviations of all codes, up to which two are equal: rounding


class Parts(NamedTuple):
    """The clusters of one run on N codes.

    Args:
        clusters: N numbers from 0; -1 for codes in no cluster, only from HDBSCAN.
        typicality: N, higher for codes nearer to the centre of their cluster; comparable within a cluster only.
        confidence: N in [0, 1], low for codes that could belong to another cluster.
    """

    clusters: Array
    typicality: Array
    confidence: Array


@dataclass(frozen=True, eq=False)
class ClusterResult:
    """Clusters of N images, numbered from the largest.

    Args:
        ids: N names.
        clusters, typicality, confidence: as in `Parts`.
        method, manifold: how they were found.
        numbers: the length of a code.
        seeds: of the runs; the order has no meaning.
        stability: mean adjusted Rand index between pairs of runs: 1 if all agree, 0 by chance; None for one run.
        silhouettes: number of clusters -> mean silhouette, if the number was to be found.
        labels: N labels, or None.
        accuracy: share of images whose label is that of their cluster, with the best one-to-one matching; None without
            labels, like the next two.
        nmi, ari: normalised mutual information, and adjusted Rand index, of clusters and labels.
    """

    ids: Array
    clusters: Array
    typicality: Array
    confidence: Array
    method: str
    manifold: str
    numbers: int
    seeds: tuple[int, ...]
    stability: float | None = None
    silhouettes: dict[int, float] | None = None
    labels: Array | None = None
    accuracy: float | None = None
    nmi: float | None = None
    ari: float | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def count(self) -> int:
        """The number of clusters, without the images in no cluster."""
        return int(self.clusters.max(initial=-1)) + 1

    @property
    def sizes(self) -> list[int]:
        """The number of images in each cluster."""
        return np.bincount(self.clusters[self.clusters >= 0], minlength=self.count).tolist()  # type: ignore[no-any-return]

    def typical(self, cluster: int, most: int) -> Array:
        """Return the positions of the most typical members of a cluster, most typical first."""
        members = np.flatnonzero(self.clusters == cluster)
        return members[np.argsort(-self.typicality[members], kind="stable")][:most]

    def borderline(self, cluster: int, most: int) -> Array:
        """Return the positions of the members with the lowest confidence, lowest first."""
        members = np.flatnonzero(self.clusters == cluster)
        return members[np.argsort(self.confidence[members], kind="stable")][:most]

    def label_shares(self, cluster: int) -> dict[str, float]:
        """Return the labels of a cluster's members and their shares, largest first; empty without labels."""
        if self.labels is None:
            return {}
        names, counts = np.unique(self.labels[self.clusters == cluster], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {str(names[place]): float(counts[place] / counts.sum()) for place in order}

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image; the typicality as its rank in the cluster, 1 for the most typical."""
        ranks = np.zeros(len(self), int)
        for cluster in np.unique(self.clusters):
            order = self.typical(int(cluster), len(self))
            ranks[order] = np.arange(1, len(order) + 1)
        columns = {"id": self.ids} | ({} if self.labels is None else {"label": self.labels})
        columns |= {"cluster": self.clusters, "rank": ranks, "confidence": self.confidence.round(4)}
        lists = [column.tolist() for column in columns.values()]
        return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return everything except the row of each image."""
        kept = ("method", "manifold", "numbers", "seeds", "stability", "silhouettes", "accuracy", "nmi", "ari")
        clusters = [
            {
                "cluster": cluster,
                "images": size,
                "labels": self.label_shares(cluster),
                "typical": self.ids[self.typical(cluster, 5)].tolist(),
            }
            for cluster, size in enumerate(self.sizes)
        ]
        return {
            "images": len(self),
            "clusters": clusters,
            "nowhere": int((self.clusters < 0).sum()),
            **{name: getattr(self, name) for name in kept},
        }


def cluster_latents(
    latents: Latents,
    k: int | None = None,
    *,
    method: str = "mixture",
    manifold: str = "auto",
    runs: int = 3,
    seed: int = 0,
) -> ClusterResult:
    """Cluster codes.

    Args:
        k: the number of clusters; None: the one from 2 to 20 with the largest mean silhouette (Rousseeuw 1987). HDBSCAN
            finds its own.
        method: "mixture" of Gaussians, "kmeans" or "hdbscan".
        manifold: "none", "spectral", "umap" or "tsne"; "auto" is "umap" if it is installed, else "spectral".
        runs: how often, with different seeds; the run that agrees most with the others is returned.

    Raises:
        ConfigError: for a number of clusters or of runs below 1, a k for HDBSCAN, or a manifold that is not installed.
        UnknownName: for another method or manifold.
        TooFewImages: for fewer images than clusters, or than a manifold needs.

    >>> codes = np.r_[np.zeros((20, 2)), np.ones((20, 2))] + np.random.default_rng(0).normal(0, 0.05, (40, 2))
    >>> result = cluster_latents(Latents(np.arange(40), codes), manifold="none", runs=1)
    >>> result.count, result.sizes
    (2, [20, 20])
    """
    check_wishes(k, method, manifold, runs)
    groups = alike(latents.codes)
    codes = latents.codes[np.unique(groups, return_index=True)[1]]
    _check_images(len(latents), len(codes), k)
    if len(codes) < FEWEST or (method == "hdbscan" and chosen(manifold, len(codes)) == "none"):
        runs = 1  # it is deterministic
    seeds = tuple(range(seed, seed + runs))
    spaces = [flattened(codes, "none" if len(codes) < FEWEST else manifold, each) for each in seeds]
    silhouettes = None
    if k is None and len(codes) >= FEWEST and method != "hdbscan":
        silhouettes = _silhouettes(spaces[0].codes, method, seeds[0])
        k = max(silhouettes, key=lambda count: silhouettes[count])
    parter = _PARTERS[method] if len(codes) >= FEWEST else _each_apart
    found = [parter(space.codes, k or 0, each) for space, each in zip(spaces, seeds, strict=True)]
    agreement = _agreement([parts.clusters for parts in found])
    best = int(np.argmax(agreement.mean(axis=1)))
    # Equal codes are clustered once, and belong to one cluster.
    parts = _by_size(Parts(*(values[groups] for values in found[best])))
    result = ClusterResult(
        latents.ids,
        *parts,
        method=method,
        manifold=spaces[best].name,
        numbers=latents.numbers,
        seeds=seeds,
        stability=None if runs == 1 else float(agreement[np.triu_indices(runs, 1)].mean()),
        silhouettes=silhouettes,
        labels=latents.labels,
    )
    return result if latents.labels is None else with_truth(result, latents.labels)


def with_truth(result: ClusterResult, labels: Array) -> ClusterResult:
    """Return the result with its agreement with labels; images in no cluster count as wrong."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    return replace(
        result,
        labels=labels,
        accuracy=matched_accuracy(result.clusters, labels),
        nmi=float(normalized_mutual_info_score(labels, result.clusters)),
        ari=float(adjusted_rand_score(labels, result.clusters)),
    )


def matched_accuracy(clusters: Array, labels: Array) -> float:
    """Return the share of images whose label is that of their cluster, matched one to one (Kuhn 1955).

    >>> matched_accuracy(np.array([0, 0, 1, 1, -1]), np.array(["b", "b", "a", "b", "a"]))
    0.6
    """
    from scipy.optimize import linear_sum_assignment

    names, numbers = np.unique(labels, return_inverse=True)
    table = np.zeros((int(clusters.max(initial=-1)) + 1, len(names)), int)
    inside = clusters >= 0
    np.add.at(table, (clusters[inside], numbers[inside]), 1)
    return float(table[linear_sum_assignment(-table)].sum() / len(labels))


def check_wishes(k: int | None, method: str, manifold: str, runs: int) -> None:
    """Raise an error for wrong arguments, before there are images.

    Raises:
        UnknownName, ConfigError: as for `cluster_latents`.
    """
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    check_manifold(manifold)
    if runs < 1:
        raise ConfigError(f"expected at least 1 run, got {runs}.")
    if method == "hdbscan" and k is not None:
        raise ConfigError("HDBSCAN finds the number of clusters by itself. Leave -k out, or choose --method mixture.")
    if k is not None and k < 1:
        raise ConfigError(f"expected at least 1 cluster, got {k}.")


def alike(codes: Array) -> Array:
    """Return N: the group of each of N,d codes; codes that differ by rounding only are in one.

    >>> alike(np.array([[0.0, 1.0], [5.0, 2.0], [1e-9, 1.0]])).tolist()
    [0, 1, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    scaled = np.asarray(codes, np.float64) / (float(np.std(codes)) or 1.0)
    # First codes in one cell of a grid, then the few on either side of an edge between cells.
    _, first, cell = np.unique(np.round(scaled / (10 * SAME)), axis=0, return_index=True, return_inverse=True)
    pairs = cKDTree(scaled[first]).query_pairs(SAME, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(first), len(first)))
    groups = connected_components(graph, directed=False)[1][cell.ravel()]
    return np.asarray(np.unique(groups, return_inverse=True)[1])


def _check_images(count: int, different: int, k: int | None) -> None:
    """Raise TooFewImages if there are too few images, or too few different ones, to cluster."""
    if count < FEWEST:
        raise TooFewImages(f"expected a set of at least {FEWEST} images to find clusters in, got {count}.")
    if k is not None and k > different:
        came = f"{count}" if different == count else f"{count}, of which {different} differ"
        raise TooFewImages(f"{k} clusters take at least as many images, got {came}. Ask for fewer with -k, or add images.")


def _silhouettes(codes: Array, method: str, seed: int) -> dict[int, float]:
    """Return the mean silhouette of each tried number of clusters, on a sample of the codes."""
    from sklearn.metrics import silhouette_score

    drawn = np.random.default_rng(seed).permutation(len(codes))[:MOST_SILHOUETTES]
    found = {}
    for count in range(2, min(MOST_AUTO, len(codes) - 1, int(len(codes) ** 0.5) + 1) + 1):
        clusters = _PARTERS[method](codes, count, seed).clusters[drawn]
        if len(np.unique(clusters)) > 1:
            found[count] = float(silhouette_score(codes[drawn], clusters))
    return found or {1: 0.0}  # codes that are all equal


def _mixture(codes: Array, k: int, seed: int) -> Parts:
    from sklearn.mixture import GaussianMixture

    codes = codes.astype(np.float64)
    # The covariance of a cluster that shrinks to few codes must stay invertible.
    least = 1e-6 * float(codes.var()) + 1e-9
    mixture = GaussianMixture(k, reg_covar=least, n_init=3, random_state=seed).fit(codes)
    shares = mixture.predict_proba(codes)
    clusters = shares.argmax(axis=1)
    typicality = np.empty(len(codes))
    for cluster in range(k):
        inside = clusters == cluster
        away = (codes[inside] - mixture.means_[cluster]) @ mixture.precisions_cholesky_[cluster]
        typicality[inside] = -np.sqrt((away**2).sum(axis=1))
    return Parts(clusters, typicality, shares.max(axis=1))


def _kmeans(codes: Array, k: int, seed: int) -> Parts:
    from sklearn.cluster import KMeans

    found = KMeans(k, n_init=5, random_state=seed).fit(codes)
    distances = np.sort(found.transform(codes), axis=1)
    second = distances[:, 1] if k > 1 else np.full(len(codes), np.inf)
    return Parts(found.labels_, -distances[:, 0], 1 - distances[:, 0] / np.maximum(second, 1e-12))


def _hdbscan(codes: Array, _k: int, _seed: int) -> Parts:
    from sklearn.cluster import HDBSCAN

    least = max(SMALLEST_CLUSTER, len(codes) // SMALLEST_SHARE)
    found = HDBSCAN(min_cluster_size=min(least, len(codes)), copy=True).fit(codes)
    return Parts(found.labels_, found.probabilities_, found.probabilities_)


def _each_apart(codes: Array, _k: int, _seed: int) -> Parts:
    """Return a cluster for each of one or two codes."""
    return Parts(np.arange(len(codes)), np.zeros(len(codes)), np.ones(len(codes)))


_PARTERS: dict[str, Callable[[Array, int, int], Parts]] = {"mixture": _mixture, "kmeans": _kmeans, "hdbscan": _hdbscan}


def _agreement(runs: Sequence[Array]) -> Array:
    """Return the adjusted Rand index of each pair of runs."""
    from sklearn.metrics import adjusted_rand_score

    table = np.eye(len(runs))
    for one, other in combinations(range(len(runs)), 2):
        table[one, other] = table[other, one] = adjusted_rand_score(runs[one], runs[other])
    return table


def _by_size(parts: Parts) -> Parts:
    """Return the same clusters, numbered from the largest."""
    names, counts = np.unique(parts.clusters[parts.clusters >= 0], return_counts=True)
    places = {int(name): place for place, name in enumerate(names[np.argsort(-counts, kind="stable")])}
    return parts._replace(clusters=np.array([places.get(int(cluster), -1) for cluster in parts.clusters]))
