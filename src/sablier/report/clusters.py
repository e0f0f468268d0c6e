"""A sheet of clusters: typical and borderline members of each."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from sablier.report.figures import Sheet, to_png
from sablier.report.pictures import SMALL, as_rgb
from sablier.report.words import counted
from sablier.tasks.latent.cluster import ClusterResult
from sablier.typing import Array

SHOWN = 10  # members of each kind
MOST_CLUSTERS = 50  # the largest, on a sheet
LARGEST_SIDE = 160  # pixels of a picture on the sheet
SMALL_INCHES, INCHES = 0.45, 0.9  # of an image of few pixels, and of any other


def members_shown(result: ClusterResult, most: int) -> dict[int, tuple[Array, Array]]:
    """Return of each of the largest clusters the positions of typical and of borderline members, none of them both."""
    shown = {}
    for cluster, size in enumerate(result.sizes[:MOST_CLUSTERS]):
        typical = result.typical(cluster, min(most, -(-size // 2)))
        others = result.borderline(cluster, size)
        shown[cluster] = typical, others[~np.isin(others, typical)][:most]
    return shown


def cluster_sheet(result: ClusterResult, shown: Mapping[int, tuple[Array, Array]], pictures: Mapping[int, Array]) -> bytes:
    """Return a sheet as PNG: a row for each cluster, typical members on the left, borderline ones on the right.

    Args:
        shown: what `members_shown` returned.
        pictures: position -> H,W,C in [0, 1].
    """
    groups, captions = [], []
    for cluster, pair in shown.items():
        for places in pair:
            groups.append([_reduced(as_rgb(pictures[place])) for place in places.tolist()])
        captions += [_caption(result, cluster), ""]
    side = max((max(picture.shape[:2]) for picture in pictures.values()), default=1)
    title = "left: typical members, most typical first\nright: borderline members, least certain first"
    sheet = Sheet(groups, captions, columns=2, side=SMALL_INCHES if side <= SMALL else INCHES, title=title)
    return to_png(sheet.figure(), dots_per_inch=120)


def _caption(result: ClusterResult, cluster: int) -> str:
    """Return the number of a cluster, its size, and its most common labels."""
    shares = list(result.label_shares(cluster).items())[:2]
    labels = "".join(f"; {share:.0%} {label}" for label, share in shares if share >= 0.005)
    return f"cluster {cluster}: {counted(result.sizes[cluster])}{labels}"


def _reduced(picture: Array) -> Array:
    """Return H,W,3 bytes with no side above the largest."""
    if max(picture.shape[:2]) <= LARGEST_SIDE:
        return picture
    smaller = Image.fromarray(picture)
    smaller.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(smaller)
