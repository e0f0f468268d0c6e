"""The workflow `classify`: predicts classes, and writes a table and pictures."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import TooFewImages
from sablier.files import write_whole
from sablier.modelfile import ModelFile
from sablier.tasks.classification.classify import ClassificationResult, Classifier
from sablier.workflows.likeness import read_like
from sablier.workflows.outputs import writes
from sablier.workflows.tables import write_tables

MOST_ON_SHEET = 48


@writes("classify", "source")
def classify(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    on_progress: Callable[[int], None] = lambda images: None,
    **reading: Any,
) -> ClassificationResult:
    """Predict the class of each image of a source.

    Args:
        model: a .sablier file of a classifier.
        source: images: anything that `read_images` takes.
        output: a folder for classes.csv, classes.json, unsure.png (the 48 least certain) and, with labels, reliability.png;
            None writes nothing.
        on_progress: called with the number of images.
        **reading: options of `read_images`.

    Returns:
        The calibrated probabilities, and whether an image may belong to no class.

    Raises:
        ModelFileError: if the model is no classifier.
        ImagesError: if the images cannot be used.
        OutputError: if the output cannot be written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     recipe = sablier.make_recipe("course-softmax", settings=["epochs=5"])
        ...     _ = sablier.train("digits", f"{folder}/digits.sablier", recipe)
        ...     result = sablier.classify(f"{folder}/digits.sablier", "digits:test")
        >>> result.probabilities.shape, result.accuracy > 0.9
        ((360, 10), True)
    """
    classifier = Classifier.from_file(file := ModelFile.load(Path(model)))
    images = read_like(file, source, **reading).dense(classifier.preprocess)
    if not len(images):
        raise TooFewImages(f"expected at least one readable image in {source}, got none.")
    result = classifier.classify(images)
    on_progress(len(result))
    if output is None:
        return result
    folder = Path(output)
    write_tables(folder, "classes", result)
    # Plotting is imported only when needed.
    from sablier.report.figures import sheet

    rows = result.to_table()
    least = np.argsort(result.probabilities.max(axis=1), kind="stable")[:MOST_ON_SHEET]
    captions = [_caption(rows[index], result.unlike is not None and bool(result.unlike[index])) for index in least]
    write_whole(folder / "unsure.png", sheet(classifier.preprocess.to_unit(images.array[least]), captions))
    found = result.reliability()
    if found is not None:
        from sablier.report.reliability import reliability_diagram

        write_whole(folder / "reliability.png", reliability_diagram(found))
    return result


def _caption(row: dict[str, Any], unlike: bool) -> str:
    lines = [f"{row['class']} {row['probability']:.0%}", f"{row['next']} {row['next_probability']:.0%}"]
    if unlike:
        lines.append("none of these?")
    elif "label" in row:
        lines.append(f"labelled {row['label']}")
    return "\n".join(lines)
