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
from sablier.part_fit import check_fit
from sablier.tasks.detection.parallel import in_parallel
from sablier.tasks.detection.place_mixture import PlaceMixture
from sablier.tasks.detection.places import PlaceSums
from sablier.tasks.detection.tracing import tracing
from sablier.transforms.batches import Batch, Batches

Views = tuple[Tensor, ...]
Mixtures = tuple[PlaceMixture, ...]
MOST_BYTES = 3_000_000_000  # of views: about 4,500 photos of 256 x 256, or 700 of 640 x 640
# Photos of so many pixels are cached after training, too, since some are scored again to draw them: of so many, how far their
# places are from good ones, and the features of the last.
LARGE, MOST_LARGE, BYTES_OF_LARGE = 1_000_000, 32, 200_000_000


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
        self._distances: OrderedDict[bytes, dict[int, tuple[Mixtures, Views]]] = OrderedDict()
        self.most_distances = 0

    @classmethod
    def for_use(cls, network: Model, preprocess: Preprocess) -> "Remembered":
        """Return the cache after training: a large photo that is scored again, to draw it, is then computed once."""
        found = cls(network, keeps=preprocess.height * preprocess.width > LARGE, most_bytes=BYTES_OF_LARGE)
        found.most_distances = MOST_LARGE if found.keeps else 0
        return found

    def distances(self, x: Tensor, mixtures: Mixtures) -> Views:
        """Return for each view N,h,w: the distances of places of N,C,H,W images in [0, 1] from the mixture of the view."""
        if not self.most_distances or tracing() or len(x) != 1:
            return self._measured(x, mixtures)
        if getattr(self._last, "keyed", None) is not x:
            self._last.keyed, self._last.key = x, _key(x[0])
        key: bytes = self._last.key
        with self._lock:
            own = self._distances.setdefault(key, {})
            self._distances.move_to_end(key)
            if len(self._distances) > self.most_distances:
                self._distances.popitem(last=False)
        if id(mixtures) not in own:  # the mixtures are kept beside, so that no others get this id
            own[id(mixtures)] = mixtures, self._measured(x, mixtures)
        return own[id(mixtures)][1]

    def _measured(self, x: Tensor, mixtures: Mixtures) -> Views:
        views = self.describe(x)
        check_fit("views of the network", len(mixtures), len(views))
        return tuple(mixture.distances(view) for mixture, view in zip(mixtures, views, strict=True))

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
        keys = [_key(image) for image in x]
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


def _key(image: Tensor) -> bytes:
    """Return a digest of a C,H,W image."""
    return blake2b(image.permute(1, 2, 0).contiguous().numpy().data, digest_size=16).digest()
