"""Groups of flagged images whose defects look alike."""

import numpy as np

from sablier.typing import Array

MOST_GROUPS, FEWEST_GROUPED = 8, 4
MOST_COMPARED = 1000  # images that groups are found among; others join the nearest group
LEAST_SILHOUETTE = 0.05  # of several groups: below it, defects are not told apart
LEAST_APART = 0.25  # mean cosine distance between groups: nearer ones are one


def grouped(features: Array) -> Array:
    """Return N group numbers, 1 for the largest group, of N,D features of defects.

    Groups are merged by the mean cosine distance of their members (average linkage; Sokal and Michener 1958). Their number is
    the one with the highest mean silhouette (Rousseeuw 1987), at most 8. Groups at a mean distance below 0.25 are one. Fewer
    than four defects are one group, and so are defects that no number of groups tells apart.

    >>> grouped(np.array([[1, 0], [1, 0.1], [1, 0.05], [0, 1], [0.1, 1]])).tolist()
    [1, 1, 1, 2, 2]
    """
    count = len(features)
    if count < FEWEST_GROUPED:
        return np.ones(count, int)
    directions = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    compared = np.linspace(0, count - 1, min(count, MOST_COMPARED)).astype(int)
    found = _best(directions[compared])
    if count > len(compared):
        centres = np.stack([directions[compared][found == number].mean(axis=0) for number in range(found.max() + 1)])
        found = np.argmax(directions @ (centres / np.linalg.norm(centres, axis=1, keepdims=True)).T, axis=1)
    sizes = np.bincount(found)
    rank = np.empty(len(sizes), int)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(1, len(sizes) + 1)
    return rank[found]


def _best(directions: Array) -> Array:
    """Return the numbers from 0 of the groups of N,D directions."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from sklearn.metrics import silhouette_score

    distances = np.clip(1 - directions @ directions.T, 0, None)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    best, highest = np.zeros(len(directions), int), LEAST_SILHOUETTE
    distinct = 1 + int(np.sum(tree[:, 2] >= LEAST_APART))
    for number in range(2, min(MOST_GROUPS, distinct, len(directions) - 1) + 1):
        groups = fcluster(tree, number, "maxclust") - 1
        if groups.any() and (score := float(silhouette_score(distances, groups, metric="precomputed"))) > highest:
            best, highest = groups, score
    return best
