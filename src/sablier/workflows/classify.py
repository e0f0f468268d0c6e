"""classify = load, read, tell, write: a table first, then pictures."""

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
    """Tell the class of every image of a source.

    Args:
        model: a .sablier file that classifies.
        source: whatever `read_images` takes; `reading` are its options.
        output: a folder for classes.csv, classes.json and unsure.png, the 48 images it is least sure of; where there are labels,
            for reliability.png too; None writes nothing.

    Raises:
        ModelFileError, ImagesError, OutputError: before anything is written where possible.
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
    # Drawing is imported only when something is drawn.
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
