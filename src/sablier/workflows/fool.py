"""The workflow `fool`: generates fooling images for a classifier, and writes a table and pictures."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from sablier.files import write_whole
from sablier.modelfile import ModelFile
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.classification.fool import GENERATIONS, SURE, FoolResult, fool_classifier
from sablier.tasks.classification.fooling import WAYS
from sablier.workflows.image_files import write_pictures
from sablier.workflows.outputs import writes
from sablier.workflows.tables import write_tables


@writes("fool")
def fool(
    model: str | PathLike[str],
    output: str | PathLike[str] | None = None,
    *,
    classes: Sequence[str] | None = None,
    ways: Sequence[str] = tuple(WAYS),
    judge: str | PathLike[str] | None = None,
    sure: float = SURE,
    generations: int = GENERATIONS,
    seed: int = 0,
    on_progress: Callable[[str, int], None] = lambda way, images: None,
) -> FoolResult:
    """Generate fooling images: images of nothing that a classifier is sure of (Nguyen, Yosinski and Clune 2015).

    The images are evaluated as 8-bit images.

    Args:
        model: a .sablier file of a classifier.
        output: a folder for fool.csv, fool.json, fool.png, and images/ with a folder per method; None writes nothing.
        classes: the names of the target classes; None: all.
        ways: methods: "direct" (evolution of pixels), "cppn" (evolution of patterns; Stanley 2007) and "gradient" (gradient
            ascent; Simonyan, Vedaldi and Zisserman 2014).
        judge: the .sablier file of another classifier, which also classifies the images.
        sure: the calibrated probability to reach, between 0 and 1.
        generations: the most generations of evolution, or gradient steps.
        seed: the seed of random choices.
        on_progress: called with the method, and the number of images that the classifier has evaluated.

    Returns:
        An image per method and class, with its probability and p-value.

    Raises:
        ModelFileError: if a model is no classifier of 8-bit images, or the judge lacks a class.
        UnknownName: if there is no such method or class.
        ConfigError: if `sure` or `generations` is out of range.
        ImagesError: if the judge takes images of another size only.
        OutputError: if the output cannot be written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     recipe = sablier.make_recipe("course-softmax", settings=["epochs=2"])
        ...     _ = sablier.train("digits[label=0,1]", f"{folder}/digits.sablier", recipe)
        ...     result = sablier.fool(f"{folder}/digits.sablier", ways=["gradient"], sure=0.9)
        >>> result.fooled.tolist()
        [[True, True]]
    """
    classifier = Classifier.from_file(ModelFile.load(Path(model)))
    other = None if judge is None else Classifier.from_file(ModelFile.load(Path(judge)))
    result = fool_classifier(
        classifier, ways, classes, judge=other, sure=sure, generations=generations, seed=seed, on_progress=on_progress
    )
    if output is not None:
        _write(result, Path(output))
    return result


def _write(result: FoolResult, folder: Path) -> None:
    """Write the tables, a sheet, and every image."""
    # Plotting is imported only when needed.
    from sablier.report.fooling import fool_sheet

    write_tables(folder, "fool", result)
    write_whole(folder / "fool.png", fool_sheet(result))
    for way, images in zip(result.ways, result.images, strict=True):
        write_pictures(folder / "images" / way, map(str, result.classes), images)
