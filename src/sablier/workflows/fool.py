"""fool = load, make, write: a table first, then pictures."""

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
    """Make strange images that a classifier is sure of, judged as 8-bit files hold them.

    Args:
        model: a .sablier file that classifies.
        output: a folder for fool.csv, fool.json, fool.png, and images/ with a folder for each way; None writes nothing.
        classes: names of the classes to be taken for; None takes all.
        ways: "direct" and "cppn", which evolve images for all classes together, or "gradient".
        judge: another .sablier file that classifies, to be asked what it sees.
        sure: the calibrated probability that is enough.
        generations: of evolution, or steps of the gradient, at most.
        seed: the same seed gives the same images.
        on_progress: takes the way, and how many images the classifier has looked at in it.

    Raises:
        ModelFileError, UnknownName, ConfigError, ImagesError, OutputError: before the work where possible.
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
    # Drawing is imported only when something is drawn.
    from sablier.report.fooling import fool_sheet

    write_tables(folder, "fool", result)
    write_whole(folder / "fool.png", fool_sheet(result))
    for way, images in zip(result.ways, result.images, strict=True):
        write_pictures(folder / "images" / way, map(str, result.classes), images)
