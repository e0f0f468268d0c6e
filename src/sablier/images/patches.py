"""Square patches of photos at their own resolution, for training that does not depend on the size of the whole."""

import warnings

import numpy as np

from sablier.errors import ImagesError, ImagesWarning
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.preprocess import LARGEST_EXACT, Preprocess


def patches(images: ImageSet, side: int, count: int, seed: int = 0) -> ImageSet:
    """Return about `count` patches of side x side pixels, evenly from the images, each randomly rotated or flipped.

    Images of one size, at most 64 pixels a side, are used as they are. Images narrower than a patch are padded with their
    outermost pixels. Patches are grey if every image is grey. Patches of one image form a group, as do those of images of
    one group.

    >>> patches(ImageSet(np.zeros((3, 100, 80), np.uint8)), side=32, count=12).shape
    (32, 32, 1)
    """
    if len(np.unique(images.sizes, axis=0)) == 1 and images.sizes.max() <= LARGEST_EXACT:
        return images.dense(Preprocess.for_images(images, side))
    if len(images) > count:
        images = images.take(np.linspace(0, len(images) - 1, max(count, 1)).astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagesWarning)  # of photos that are scaled: these are cut
        rule = Preprocess.for_images(images, side).model_copy(update={"height": side, "width": side, "resize": "exact"})
    rng = np.random.default_rng(seed)
    each = max(1, round(count / max(len(images), 1)))
    groups, given = (np.arange(len(images)) if each is None else each for each in (images.groups, images.given_groups))
    found, ids, origins, skipped = [], [], [], list(images.skipped)
    for index in range(len(images)):
        name = str(images.ids[index])
        try:
            image = images[index]
        except (OSError, ImagesError) as error:
            skipped.append(Skipped(name, str(error).removeprefix(f"{name}: ")))
            continue
        short = [max(0, side - length) for length in image.shape[:2]]
        image = np.pad(image, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge")
        for number in range(each):
            top, left = (int(rng.integers(length - side + 1)) for length in image.shape[:2])
            patch = np.rot90(image[top : top + side, left : left + side], int(rng.integers(4)))
            patch = patch[:, ::-1] if rng.integers(2) else patch
            found.append(rule.apply(np.ascontiguousarray(patch), name))
            ids.append(f"{name}#{number}")
            origins.append(index)
    pixels = np.stack(found) if found else np.empty((0, side, side, rule.channels), rule.dtype)
    return ImageSet(
        pixels, ids=np.array(ids, str), groups=groups[origins], given_groups=given[origins], skipped=tuple(skipped),
        source=images.source,
    )  # fmt: skip
