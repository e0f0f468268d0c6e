"""Latent arithmetic: sums and differences of the mean codes of sets of images, decoded.

A mean of codes is a code, and so is a code plus the difference of two others: bold A - regular A + regular B. A difference
alone is a direction and not the code of an image. The weights therefore always sum to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sablier.errors import ConfigError, TooFewImages
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.latent.reconstruct import decode, encode
from sablier.tasks.latent.support import FEWEST, LEAVES, NearestCodes, SupportTest
from sablier.tasks.streaming import MOST_SKIPPED_LISTED
from sablier.typing import Array

CHUNK = 512  # images decoded and encoded at once
SHOWN = 6  # nearest images, and images of a set


@dataclass(frozen=True)
class CodedSet:
    """The codes of a set of images.

    Args:
        name: of the set.
        images: those that could be read, as they were read.
        codes: N,latent.
        skipped: those that could not be read.
    """

    name: str
    images: ImageSet
    codes: Array = field(repr=False)
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Term:
    """A set of images in a sum of codes.

    Args:
        name: of the set.
        weight: of its mean code.
        count: the number of its images.
        images: K,H,W,C in [0, 1]: at most six of them.
        mean: H,W,C: the decoded mean code.
    """

    name: str
    weight: float
    count: int
    images: Array
    mean: Array


@dataclass(frozen=True)
class Combination:
    """A decoded sum of mean codes.

    Args:
        terms: the sets with their weights.
        code: latent.
        image: H,W,C in [0, 1].
        nearest_ids, nearest_images, nearest_distances: the real images with the nearest codes: names, K,H,W,C, and Euclidean
            distances of codes.
        p_value: the share of held-out codes that are at least as far from the data; None if unknown.
        skipped: images that could not be read, at most 1,000 of them.
        skipped_count: how many there were.
    """

    terms: tuple[Term, ...]
    code: Array
    image: Array
    nearest_ids: Array
    nearest_images: Array
    nearest_distances: Array
    p_value: float | None = None
    skipped: tuple[Skipped, ...] = ()
    skipped_count: int = 0

    @property
    def leaves_data(self) -> bool | None:
        """Whether the code is where hardly any image is; None if unknown."""
        return None if self.p_value is None else self.p_value <= LEAVES

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per set: its name, its weight, its number of images."""
        return [{"set": term.name, "weight": term.weight, "images": term.count} for term in self.terms]

    def to_json(self) -> dict[str, Any]:
        """Return everything except the pictures."""
        pairs = zip(self.nearest_ids.tolist(), self.nearest_distances.tolist(), strict=True)
        return {
            "terms": self.to_table(),
            "code": self.code.tolist(),
            "nearest": [{"id": id, "distance": distance} for id, distance in pairs],
            "p_value": self.p_value,
            "leaves_data": self.leaves_data,
            "skipped_count": self.skipped_count,
        }


def coded_set(model: Model, preprocess: Preprocess, images: ImageSet, name: str) -> CodedSet:
    """Encode a set of images, a chunk at a time, so that of large images only the codes stay in memory.

    Raises:
        TooFewImages: if none can be read.
        ImagesError: for an image that `preprocess` does not accept.
    """
    codes, skipped, readable = [], list(images.skipped), np.ones(len(images), bool)
    for start in range(0, len(images), CHUNK):
        part = images.take(np.arange(start, min(start + CHUNK, len(images))))
        dense = part.dense(preprocess)
        lost = dense.skipped[len(part.skipped) :]
        readable[start : start + len(part)] = ~np.isin(part.ids, [item.id for item in lost])
        skipped += lost
        codes.append(encode(model, preprocess, dense))
    if not readable.any():
        reasons = "; ".join(f"{item.id}: {item.reason}" for item in skipped[:3])
        raise TooFewImages(f"expected at least one readable image in {name}, got none. {reasons}".rstrip())
    kept = images if readable.all() else images.take(readable)
    return CodedSet(name, kept, np.concatenate(codes), tuple(skipped))


def weights_of(added: int, subtracted: int) -> tuple[float, ...]:
    """Return the weights of added, then of subtracted sets; they sum to 1.

    Without subtracted sets, the others are averaged.

    Raises:
        ConfigError: if the weights would not sum to 1.

    >>> weights_of(2, 1), weights_of(4, 0)
    ((1.0, 1.0, -1.0), (0.25, 0.25, 0.25, 0.25))
    """
    if added and not subtracted:
        return (1 / added,) * added
    if added != subtracted + 1:
        raise ConfigError(
            f"expected one set more to add than to subtract, or none to subtract, got {added} to add and {subtracted} to "
            "subtract: the difference of two codes is a direction, not an image. Add the image that it should change."
        )
    return (1.0,) * added + (-1.0,) * subtracted


def combine(
    model: Model,
    preprocess: Preprocess,
    added: Sequence[CodedSet],
    subtracted: Sequence[CodedSet] = (),
    *,
    among: CodedSet | None = None,
    support: SupportTest | None = None,
) -> Combination:
    """Add and subtract the mean codes of sets of images, and decode the result (Larsen et al. 2016).

    Args:
        added, subtracted: sets; without `subtracted` the mean codes are averaged, otherwise there must be one set more to
            add than to subtract.
        among: the real images to search for the nearest ones; None: those that are combined.
        support: a test whether a code is among those of images; None: a test on the codes of the real images, if there are
            at least 200.

    Raises:
        ConfigError: for another number of sets.
    """
    sets = (*added, *subtracted)
    weights = weights_of(len(added), len(subtracted))
    means = np.stack([each.codes.mean(axis=0, dtype=np.float64) for each in sets])
    code = (np.array(weights) @ means).astype(np.float32)
    pictures = decode(model, preprocess, np.r_[means, code[None]])
    terms = tuple(
        Term(each.name, weight, len(each.codes), _shown(each.images, preprocess), picture)
        for each, weight, picture in zip(sets, weights, pictures[:-1], strict=True)
    )
    known = sets if among is None else (among,)
    if support is None and sum(len(each.codes) for each in known) >= FEWEST:
        support = NearestCodes.of(np.concatenate([each.codes for each in known]))
    skipped = [item for each in {id(each): each for each in (*sets, *known)}.values() for item in each.skipped]
    ids, images, distances = nearest_images(known, code, preprocess)
    return Combination(
        terms=terms,
        code=code,
        image=pictures[-1],
        nearest_ids=ids,
        nearest_images=images,
        nearest_distances=distances,
        p_value=None if support is None else float(support.p_values(code[None])[0]),
        skipped=tuple(skipped[:MOST_SKIPPED_LISTED]),
        skipped_count=len(skipped),
    )


def nearest_images(sets: Sequence[CodedSet], code: Array, preprocess: Preprocess) -> tuple[Array, Array, Array]:
    """Return the names, the pixels and the distances of the images in several sets with the codes nearest to a code."""
    distances = np.concatenate([np.linalg.norm(each.codes - code, axis=1) for each in sets])
    edges = np.cumsum([0, *(len(each.codes) for each in sets)])
    chosen = np.argsort(distances, kind="stable")[:SHOWN]
    places = np.searchsorted(edges, chosen, side="right") - 1
    found = [
        sets[place].images.take([index - edges[place]]).dense(preprocess) for place, index in zip(places, chosen, strict=True)
    ]
    names = [
        str(image.ids[0]) if len(sets) == 1 else f"{sets[place].name}: {image.ids[0]}"
        for image, place in zip(found, places, strict=True)
    ]
    return np.array(names), np.concatenate([preprocess.to_unit(image.array) for image in found]), distances[chosen]


def _shown(images: ImageSet, preprocess: Preprocess) -> Array:
    """Return a few images of a set, an even sample, K,H,W,C in [0, 1]."""
    chosen = np.unique(np.linspace(0, len(images) - 1, SHOWN).astype(int))
    return preprocess.to_unit(images.take(chosen).dense(preprocess).array)
