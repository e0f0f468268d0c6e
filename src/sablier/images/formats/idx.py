"""Images in IDX files, the format of MNIST."""

from collections.abc import Iterator
from pathlib import Path

from sablier.images.formats import Format, Options, add_format
from sablier.images.formats.base import numbered, readable
from sablier.images.idx import check_dimensions, idx_blocks, is_idx_head, is_idx_name, opened_idx, read_idx
from sablier.images.imageset import ImageSet
from sablier.images.labels import given_labels


def stream_idx(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images of an IDX file; labels come from `labels`, or from the file with the matching MNIST name.

    Raises:
        ImagesError: for a bad header, another type than unsigned bytes, or too few or too many bytes.
    """
    labels = given_labels(options.labels)
    beside = _labels_beside(path)
    if labels is None and beside is not None:
        labels = read_idx(beside, dimensions=(1,))
    with readable(path, "an IDX file"), opened_idx(path) as (stream, shape):
        check_dimensions(path, shape, (3, 4))
        yield from numbered(idx_blocks(path, stream, shape, chunk), labels, str(path), options.shape, count=shape[0])


add_format(Format("IDX", is_idx_name, is_idx_head, stream_idx, frozenset({"labels", "shape"})))


def _labels_beside(path: Path) -> Path | None:
    """Return train-labels-idx1-ubyte(.gz) for train-images-idx3-ubyte(.gz), if it exists."""
    if "images" not in path.name:
        return None
    name = path.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    return next((beside for end in (".gz", "") if (beside := path.with_name(name + end)).is_file()), None)
