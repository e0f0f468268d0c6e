"""The workflow `sample`: generates new images, or variations of given ones."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError
from sablier.files import write_each, write_whole
from sablier.files.kinds import JSON, PNG, Kind, check_replaces
from sablier.images.sources import read_images
from sablier.modelfile import JUDGE, ModelFile
from sablier.report.figures import sheet
from sablier.report.pictures import as_bytes, png
from sablier.tasks.denoise import TASK as DENOISE
from sablier.tasks.detection.detect import TASK as DETECT
from sablier.tasks.latent.mixture import LatentMixture
from sablier.tasks.latent.sample import METHODS, STRENGTH, Sampler, SampleResult, compared, sampler_of
from sablier.workflows.likeness import read_like
from sablier.workflows.outputs import writes
from sablier.workflows.reconstruct import drawing_network
from sablier.workflows.tables import as_json
from sablier.workflows.training.network import NET

COUNT = 64
MOST_ON_A_SHEET = 400
MOST_COMPARED = 200_000_000  # pixel values of the images to compare with: 800 megabytes


def _sheet(output: Path) -> Kind | None:
    """Return the kind of the file that all images go to, on one sheet; None for a folder.

    Raises:
        OutputError: if the path looks like, or is, a file of another kind.
    """
    if output.suffix.lower() == ".png":
        return PNG
    if (output.suffix[1:].isalpha() and not output.is_dir()) or output.is_file():
        raise OutputError(f"expected a folder or a .png file to write to, got {output}. Choose one with -o.")
    return None


@writes("sample", "like", "compare", file=_sheet)
def sample(
    model: str | PathLike[str],
    output: str | PathLike[str],
    count: int = COUNT,
    *,
    like: Any = None,
    strength: float = STRENGTH,
    method: str | None = None,
    compare: Any = None,
    seed: int = 0,
    **reading: Any,
) -> SampleResult:
    """Generate new images with a model, or variations of given images.

    Args:
        model: a .sablier file of an autoencoder, a generator or a detector with a decoder.
        output: a folder for numbered PNG files and samples.json; or a .png file for one sheet, with a .json of that name.
        count: how many images, at least 1, and at most 400 on a sheet.
        like: images to vary, each in turn: anything that `read_images` takes. None generates images of any kind.
        strength: of variations, from 0, the reconstruction, to 1, any other image of the same component of the mixture.
        method: "mixture" of Gaussians, "flow" (Lipman et al. 2023), "gaussian" or "network"; None: the first that the model
            has.
        compare: images, for example the training images, to find the nearest of: anything that `read_images` takes.
        seed: the same seed gives the same images.
        **reading: options of `read_images`.

    Returns:
        The images, N,H,W,C float32 in [0, 1], with p-values of their codes.

    Raises:
        ConfigError: if a value is out of range, or the model does not have the method.
        ModelFileError: if the model generates nothing, or cannot vary images.
        ImagesError: if there are no images to vary or to compare with.
        OutputError: if the output cannot be written, is a file of another kind, or is among the images.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     _ = sablier.train("digits", f"{folder}/d.sablier", sablier.make_recipe("autoencoder", "tiny", ["epochs=1"]))
        ...     print(sablier.sample(f"{folder}/d.sablier", f"{folder}/new", 4).images.shape)
        (4, 8, 8, 1)
    """
    output = Path(output)
    _check(count, strength, method, output)
    sampler = sampler_from(file := ModelFile.load(Path(model)))
    if like is None:
        result = sampler.sample(count, seed, method)
    else:
        if method is not None:
            raise ConfigError("variations are drawn in one way only. Leave method out, or like.")
        images = read_like(file, like, **reading).dense(sampler.preprocess)
        result = sampler.variations(images, count, strength, seed)
    if compare is not None:
        known = read_images(compare, **reading).dense(sampler.preprocess)
        if not len(known) or known.array.size > MOST_COMPARED:
            raise ImagesError(f"expected from 1 to {MOST_COMPARED:,} pixel values to compare with, got {known.array.size:,}.")
        result = compared(result, known, sampler.preprocess)
    _write(result, output)
    return result


def sampler_from(file: ModelFile) -> Sampler:
    """Return the sampler of a model file.

    Raises:
        ModelFileError: if the model generates nothing.
    """
    try:
        if file.task == DETECT:
            network, _ = drawing_network(file)
            return Sampler(network, file.preprocess, _normal_codes(file))
        draws = {"decode", "sample"}
        if file.task in (DENOISE, JUDGE) or not draws & (network := file.parts[NET].to_model()).capabilities:
            raise ModelFileError(
                f"a model trained to {file.task} draws no new images. Train one that does with: "
                "sablier train IMAGES --recipe generator"
            )
        return sampler_of(file, network)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"the model file lacks a part of what draws: {error}.") from error


def _normal_codes(file: ModelFile) -> LatentMixture:
    """Return the Gaussian that a detector keeps of the codes of normal images."""
    kept = next(part.tensors for name, part in sorted(file.parts.items()) if name.endswith("/restoration/latents"))
    factor = np.linalg.cholesky(np.linalg.inv(kept["precision"].astype(np.float64)))
    return LatentMixture(np.ones(1), kept["mean"][None].astype(np.float64), factor[None], np.empty(0))


def _check(count: int, strength: float, method: str | None, output: Path) -> None:
    """Raise an error for wrong arguments, before the model is loaded."""
    if count < 1:
        raise ConfigError(f"expected to draw at least 1 image, got {count}.")
    if not 0 <= strength <= 1:
        raise ConfigError(f"expected a strength from 0 to 1, got {strength:g}.")
    if method is not None and method not in METHODS:
        raise ConfigError(f"expected method to be one of {', '.join(METHODS)}, got {method!r}.")
    if output.suffix.lower() == ".png":
        check_replaces(output.with_suffix(".json"), JSON)
        if count > MOST_ON_A_SHEET:
            raise ConfigError(f"expected at most {MOST_ON_A_SHEET} images on a sheet, got {count}. Name a folder with -o.")


def _write(result: SampleResult, output: Path) -> None:
    """Write the images, and then the document."""
    if _sheet(output):
        columns = int(np.ceil(np.sqrt(len(result))))
        write_whole(output, sheet(result.images, _captions(result), columns))
        return write_whole(output.with_suffix(".json"), _document(result))
    width = max(4, len(str(len(result) - 1)))

    def write(index: int) -> None:
        write_whole(output / f"{index:0{width}}.png", png(as_bytes(result.images[index])))

    write_each(write, range(len(result)))
    return write_whole(output / "samples.json", _document(result))


def _captions(result: SampleResult) -> list[str]:
    """Return the captions of a sheet: the image that was varied, and the nearest image; empty without either."""
    lines: list[list[str]] = [[] for _ in range(len(result))]
    for row, caption in zip(result.to_table(), lines, strict=True):
        if "like" in row:
            caption.append(row["like"])
        if "nearest" in row:
            caption += [f"{row['nearest']:.3f} from", row["nearest_id"]]
    return ["\n".join(caption) for caption in lines if caption]


def _document(result: SampleResult) -> bytes:
    return as_json(result.to_json())
