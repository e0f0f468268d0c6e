"""The seven rotations and reflections of a square image other than the identity."""

from dataclasses import dataclass, replace

import numpy as np

from sablier.images.imageset import ImageSet


@dataclass(frozen=True)
class Turn:
    """A symmetry of a square: quarter turns counterclockwise, then left and right exchanged if it is `mirrored`."""

    quarters: int
    mirrored: bool = False

    def of(self, images: ImageSet) -> ImageSet:
        """Return dense images, turned; images that are not square keep their shape only after half turns.

        >>> images = ImageSet(np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1))
        >>> Turn(1).of(images)[0][:, :, 0].tolist()
        [[1, 3], [0, 2]]
        """
        pixels = np.rot90(images.array, self.quarters, axes=(1, 2))
        return replace(images, pixels=np.ascontiguousarray(pixels[:, :, ::-1] if self.mirrored else pixels), masks=None)


TURNS = tuple(Turn(quarters, mirrored) for mirrored in (False, True) for quarters in range(4) if quarters or mirrored)
