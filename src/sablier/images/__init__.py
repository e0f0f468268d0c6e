"""Images: files, archives and arrays become an `ImageSet`. NumPy and Pillow only, no torch."""

from sablier.images.datasets import list_datasets, load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images, stream_images

__all__ = ["ImageSet", "Preprocess", "list_datasets", "load_dataset", "read_images", "stream_images"]
