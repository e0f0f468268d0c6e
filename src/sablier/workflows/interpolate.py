"""The workflow `interpolate`: interpolates between the codes of two images, and writes a strip or an animation."""

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
    """Decode codes between those of two images.

    A model of photos scales both images to its size. A model of small images takes images of its own size only.

    Args:
        model: a .sablier file of an autoencoder or a detector.
        start: anything that `read_images` takes; the first image counts.
        end: likewise.
        output: a .png for a strip, or a .gif for an animation; None writes nothing.
        count: how many pictures, the reconstructions of both images included; None: 10, or 40 for an animation.
        curve: "linear", or "spherical", an arc (slerp; Shoemake 1985, White 2016) around the mean code of the training
            images.
        **reading: options of `read_images`.

    Returns:
        The pictures, N,H,W,C in [0, 1], their codes and p-values.

    Raises:
        ModelFileError, ImagesError, ConfigError, OutputError: before anything is written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     recipe = sablier.make_recipe("autoencoder", "tiny", ["epochs=1", "latent=4", "width=8"])
        ...     _ = sablier.train("digits", f"{folder}/digits.sablier", recipe)
        ...     result = sablier.interpolate(f"{folder}/digits.sablier", "digits[label=3]", "digits[label=5]")
        >>> result.images.shape
        (10, 8, 8, 1)
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
