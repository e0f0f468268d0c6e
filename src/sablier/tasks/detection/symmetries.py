"""Photos of parts in any orientation: whether a turned photo of a good part is still normal.

If so, turned copies of the training photos are used for training, too.
"""

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.tasks.detection.fusion import Fusion
from sablier.tasks.detection.member_outputs import outputs_on, statistics_of
from sablier.tasks.detection.members import Member
from sablier.transforms.batches import Batches
from sablier.transforms.turns import TURNS, Turn
from sablier.typing import Array

UnseenImages = tuple[tuple[Member, ...], ImageSet]  # members, and dense images that they were not trained on

MOST_STRANGER = 0.75  # standard deviations by which scores may rise: 0 to 0.5 for parts in any orientation, 1.3 to 45 for others
TRIED = 8  # photos that are turned; fewer are not enough
MOST_WITH_COPIES = 1200  # photos


def found_symmetries(unseen: Sequence[UnseenImages], preprocess: Preprocess) -> tuple[Turn, ...]:
    """Return the turns that leave photos normal; none unless a quarter turn does (a half turn, if photos are not square).

    If only mirroring does, copies were found to gain nothing (docs/LOG.md).

    Args:
        unseen: members, and dense normal images that they were not trained on.
    """
    square = preprocess.height == preprocess.width
    first, *others = TURNS if square else [turn for turn in TURNS if turn.quarters % 2 == 0]
    each = -(-TRIED // len(unseen))
    some = [(members, images.take(np.arange(min(each, len(images))))) for members, images in unseen]
    if sum(len(images) for _, images in some) < TRIED:
        return ()

    def seen(turned: Callable[[ImageSet], ImageSet]) -> tuple[list[Array], Array]:
        return statistics_of(outputs_on([(members, Batches(turned(images), preprocess)) for members, images in some]))

    normal, covariates = seen(lambda images: images)
    fusion = Fusion.fit(normal, [1.0] * len(normal), covariates)

    def stay_normal(turn: Turn) -> bool:
        return float(fusion.score(*seen(turn.of)).mean()) <= MOST_STRANGER

    return (first, *filter(stay_normal, others)) if stay_normal(first) else ()


def with_turned_copies(images: ImageSet, turns: Sequence[Turn]) -> ImageSet:
    """Return dense images and a turned copy of each.

    The pixels of an image decide its turn, so that folds share the features of the copies.
    """
    if not turns:
        return images
    drawn = np.array([crc32(image.tobytes()) % len(turns) for image in images.array])
    turned = [turn.of(images.take(np.flatnonzero(drawn == number))) for number, turn in enumerate(turns)]
    return ImageSet(np.concatenate([images.array, *(part.array for part in turned if len(part))]))
