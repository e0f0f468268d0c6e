"""A cache of the features of images, for folds of one detector, which ask for the same images again."""

from collections import OrderedDict
from hashlib import blake2b
from threading import Lock, local
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.detection.parallel import in_parallel
from sablier.tasks.detection.places import PlaceSums
from sablier.tasks.detection.tracing import tracing
from sablier.transforms.batches import Batch, Batches

Views = tuple[Tensor, ...]
MOST_BYTES = 3_000_000_000  # of views: about 4,500 photos of 256 x 256, or 700 of 640 x 640


LARGE, BYTES_OF_LARGE = 1_000_000, 200_000_000  # pixels of photos whose features are cached after training, too; of these


class Remembered:
    """A network with a cache of its features.

    The last batch of each thread is always cached. With `keeps`, all images are, up to a number of bytes; beyond that, the least
    recently used are dropped.
    """

    def __init__(self, network: Model, *, keeps: bool = False, most_bytes: int = MOST_BYTES) -> None:
        self.network, self.keeps, self.most_bytes = network, keeps, most_bytes
        self._last = local()
        self._kept: OrderedDict[bytes, Views] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        self._sums: WeakKeyDictionary[ImageSet, list[PlaceSums]] = WeakKeyDictionary()

    @classmethod
    def for_use(cls, network: Model, preprocess: Preprocess) -> "Remembered":
        """Return the cache after training: a large photo that is scored again, to draw it, is then described once."""
        return cls(network, keeps=preprocess.height * preprocess.width > LARGE, most_bytes=BYTES_OF_LARGE)

    def sums(self, images: ImageSet, preprocess: Preprocess, seed: int = 0) -> list[PlaceSums]:
        """Return the sums of each view over dense images; for the same set they are computed once."""
        if images not in self._sums:
            sums: list[PlaceSums] = []
            for views in in_parallel(self._described, Batches(images, preprocess).for_scoring()):
                sums = sums or [PlaceSums(len(images), seed) for _ in views]
                for each, view in zip(sums, views, strict=True):
                    each.add(view)
            self._sums[images] = sums
        return self._sums[images]

    @torch.no_grad()
    def _described(self, batch: Batch) -> Views:
        return self.describe(batch.x)

    def describe(self, x: Tensor) -> Views:
        """Return views, N,D,h,w each, of N,C,H,W images in [0, 1]."""
        if getattr(self._last, "x", None) is not x:
            looks_up = self.keeps and not tracing()
            self._last.x, self._last.found = x, self._looked_up(x) if looks_up else self.network.describe(x)
        found: Views = self._last.found
        return found

    def _looked_up(self, x: Tensor) -> Views:
        keys = [blake2b(image.contiguous().numpy().tobytes(), digest_size=16).digest() for image in x.permute(0, 2, 3, 1)]
        known = [self._kept.get(key) for key in keys]  # once: another thread may drop some
        new = [place for place, found in enumerate(known) if found is None]
        seen = self.network.describe(x if len(new) == len(x) else x[new]) if new else ()
        with self._lock:
            for key, found in zip(keys, known, strict=True):
                if found is not None and key in self._kept:
                    self._kept.move_to_end(key)
            for number, place in enumerate(new):
                known[place] = kept = tuple(view[number].clone() for view in seen)
                self._keep(keys[place], kept)
        return tuple(torch.stack(each) for each in zip(*(found for found in known if found is not None), strict=True))

    def _keep(self, key: bytes, found: Views) -> None:
        if key not in self._kept:
            self._kept[key] = found
            self._bytes += sum(view.nbytes for view in found)
        while self._bytes > self.most_bytes:
            self._bytes -= sum(view.nbytes for view in self._kept.popitem(last=False)[1])
