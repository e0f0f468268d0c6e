"""What the verbs share that compute with codes and write one picture."""

from pathlib import Path
from typing import Any

from sablier.errors import ImagesError, OutputError
from sablier.images.imageset import ImageSet
from sablier.images.selection import parse_selection
from sablier.modelfile import ModelFile
from sablier.workflows.likeness import read_like


def first_image(file: ModelFile, source: Any, **reading: Any) -> ImageSet:
    """Return the first image of a source, dense.

    Raises:
        ImagesError: where there is none, where it cannot be read, or where the model does not take it.
    """
    images = read_like(file, source, **reading)
    dense = images.take(range(min(1, len(images)))).dense(file.preprocess)
    if not len(dense):
        reasons = "; ".join(f"{item.id}: {item.reason}" for item in dense.skipped[-1:])
        raise ImagesError(f"expected a readable image to begin with in {source}, got none. {reasons}".rstrip())
    return dense


def check_not_read(output: Path, *sources: Any) -> None:
    """Raise OutputError where a picture would replace an image it is made of, or be read as one next time."""
    goes = output.resolve()
    for source in sources:
        if not isinstance(source, str | Path):
            continue
        whole = source if Path(source).exists() else parse_selection(str(source))[0]
        came = Path(whole).expanduser().resolve()
        if goes == came or (came.is_dir() and goes.is_relative_to(came)):
            raise OutputError(f"{output} is or lies among the images it would be made of. Choose another place with -o.")
