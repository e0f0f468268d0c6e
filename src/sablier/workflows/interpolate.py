"""interpolate = load, read two images, interpolate between their codes, write a strip or an animation."""

from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.report.strips import interpolation_animation, interpolation_strip
from sablier.tasks.latent.interpolation import Interpolation, interpolation
from sablier.tasks.latent.mixture import mixture_of
from sablier.workflows.latent_pictures import first_image
from sablier.workflows.outputs import by_suffix, writes
from sablier.workflows.reconstruct import drawing_network

WRITERS = {".png": interpolation_strip, ".gif": interpolation_animation}
PICTURES = {".png": 10, ".gif": 40}


@writes("interpolate", "start", "end", file=by_suffix)
def interpolate(
    model: str | PathLike[str],
    start: Any,
    end: Any,
    output: str | PathLike[str] | None = None,
    *,
    count: int | None = None,
    curve: str = "linear",
    **reading: Any,
) -> Interpolation:
    """Interpolate from one image to another through what a model keeps of them, and draw what lies between.

    A model of photos scales both images to its own size, so they may differ in size; one of small images takes only images
    of the size it was trained on.

    Args:
        model: a .sablier file that reconstructs or detects.
        start, end: whatever `read_images` takes, of which the first image counts; `reading` are its options.
        output: a .png, which becomes a strip, or a .gif, which becomes an animation; None writes nothing.
        count: pictures on the way, both ends among them; None stands for 10, or 40 in an animation.
        curve: "linear", or "spherical", around the mean of the codes of the training images where the file knows it.

    Raises:
        ModelFileError, ImagesError, ConfigError, OutputError: before anything is written.
    """
    path = None if output is None else Path(output)
    suffix = ".png" if path is None else path.suffix.lower()
    if suffix not in WRITERS:
        raise ConfigError(f"expected an output that ends in .png, for a strip, or .gif, for an animation, got {path}.")
    file = ModelFile.load(Path(model))
    network, _ = drawing_network(file)
    mixture = mixture_of(file)
    found = interpolation(
        network,
        file.preprocess,
        ImageSet.concatenate([first_image(file, source, **reading) for source in (start, end)]),
        PICTURES[suffix] if count is None else count,
        curve,
        centre=None if mixture is None else mixture.gaussian().means[0],
        support=mixture,
    )
    if path is not None:
        write_whole(path, WRITERS[suffix](found))
    return found
