"""mistakes = load, read, judge out of sample, write: a table first, then pictures."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sablier.errors import ImagesError, TooFewImages
from sablier.files import write_whole
from sablier.images.datasets import DATASETS
from sablier.images.imageset import IN_MEMORY, ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.selection import parse_selection
from sablier.modelfile import ModelFile, Provenance
from sablier.models.base import Model
from sablier.tasks.classify import Classifier
from sablier.tasks.mistakes import CROSS_VALIDATION, MODEL, MistakesResult, find_mistakes
from sablier.tasks.saliency import where_it_looked
from sablier.training.recipes import recipe_from
from sablier.workflows.classifier import check_labels, class_numbers
from sablier.workflows.cross_validation import FOLDS, CrossValidation, cross_validate, folder_of, forget_folds
from sablier.workflows.likeness import read_like
from sablier.workflows.naming import check_apart
from sablier.workflows.network import OnProgress
from sablier.workflows.tables import write_tables

Array = NDArray[Any]


def mistakes(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    folds: int | None = None,
    on_progress: OnProgress = lambda stage, progress: None,
    **reading: Any,
) -> MistakesResult:
    """Find the images on which a classifier and the labels of a source disagree most, and the labels that look wrong.

    A network that has learnt a wrong label by heart agrees with it. So images that the model learnt from are judged by
    cross-validation: networks of the model's own recipe, each trained on the other folds.

    Args:
        model: a .sablier file that classifies.
        source: whatever `read_images` takes, with labels; `reading` are its options.
        output: a folder for mistakes.csv, mistakes.json, mistakes.png, confusion.png and mistakes.html; finished folds lie there
            until all is written, and the same call goes on from them. None writes nothing.
        folds: of the cross-validation; 0 lets the model itself judge; None decides by what it learnt from.

    Raises:
        ModelFileError, ImagesError, ConfigError, OutputError: before anything is computed where possible.
        Interrupted: on Ctrl-C, with finished folds kept in the output folder.
    """
    file = ModelFile.load(Path(model))
    classifier = Classifier.from_file(file)
    if output is not None:
        check_apart(source, Path(output))
    images = read_like(file, source, **reading).dense(classifier.preprocess)
    if not len(images):
        raise TooFewImages(f"expected at least one readable image in {source}, got none.")
    class_numbers(images, classifier.classes)
    check_labels(images, fewest=1)
    learnt = has_learnt_from(file.provenance, images)
    chosen = (FOLDS if learnt else 0) if folds is None else folds
    if chosen:
        recipe = recipe_from(file.provenance.recipe)
        place = None if output is None else folder_of(Path(output), images, recipe, chosen)
        found = cross_validate(images, recipe, chosen, folder=place, on_progress=on_progress)
    else:
        told = classifier.classify(images)
        found = CrossValidation(classifier.classes, told.probabilities, np.zeros(len(images), np.int64), (classifier,))
    result = find_mistakes(
        images,
        found.classes,
        found.probabilities,
        probabilities_of=CROSS_VALIDATION if chosen else MODEL,
        folds=chosen,
        reason=reason_for(chosen, folds is not None, learnt),
    )
    if output is not None:
        nets, preprocess = [each.network for each in found.classifiers], found.classifiers[0].preprocess
        title = f"{Path(model).name} on {images.source}"
        write_mistakes(Path(output), result, images, preprocess, nets, found.fold, title)
        forget_folds(Path(output))
    return result


def has_learnt_from(provenance: Provenance, images: ImageSet) -> bool:
    """Return whether a model has learnt from dense images, or may have: they are the same, or come from the same place.

    Images that were moved to another class, added or left out make another fingerprint, but their source is the same.
    """
    return provenance.fingerprint == images.fingerprint() or overlapping(provenance.source, images.source)


def overlapping(first: str, second: str) -> bool:
    """Return whether two sources, by their names, have images in common.

    >>> overlapping("mnist:train", "mnist[label=3]"), overlapping("mnist:train", "mnist:test"), overlapping("a/b", "a/b/c")
    (True, False, True)
    """
    names = [_unselected(source) for source in (first, second)]
    sets = [name.partition(":") for name in names]
    if all(name in DATASETS for name, _, _ in sets):
        splits = {split or "train" for _, _, split in sets}
        return sets[0][0] == sets[1][0] and (len(splits) == 1 or "all" in splits)
    if IN_MEMORY in names or any(name in DATASETS for name, _, _ in sets):
        return False
    one, other = (Path(name).expanduser().resolve() for name in names)
    return one.is_relative_to(other) or other.is_relative_to(one)


def _unselected(source: str) -> str:
    """Return the name of a source without its selection; a folder may have brackets in its name."""
    try:
        return source if Path(source).exists() else parse_selection(source)[0]
    except ImagesError:
        return source


def reason_for(folds: int, asked: bool, learnt: bool) -> str:
    """Return where the probabilities come from and why, in words."""
    if folds:
        why = "as asked" if asked else "since the model has learnt from these images, or from others of the same source"
        return (
            f"Probabilities are those of a cross-validation in {folds} folds, {why}: no network judges what it has learnt from."
        )
    if learnt:
        return (
            "Probabilities are the model's own, as asked, though it has learnt from these images, or from others of the same "
            "source: it may know wrong labels by heart."
        )
    why = "as asked" if asked else "since these images are new to it"
    return f"Probabilities are the model's own, {why}. Where it has learnt from some of them, take --folds {FOLDS}."


def write_mistakes(
    folder: Path,
    result: MistakesResult,
    images: ImageSet,
    preprocess: Preprocess,
    networks: Sequence[Model],
    fold: Array,
    title: str,
) -> None:
    """Write the tables, then the pictures and the page.

    Args:
        folder: for mistakes.csv, mistakes.json, mistakes.png, confusion.png and mistakes.html.
        images: the N dense images that were judged.
        networks: those that judged them.
        fold: N: the number of the network that judged each image.
        title: of the page.
    """
    write_tables(folder, "mistakes", result)
    # Drawing is imported only when something is drawn.
    from sablier import __version__
    from sablier.report.mistakes import confusion_picture, looked, mistakes_sheet, pictured_rows
    from sablier.report.mistakes_page import listed_rows, mistakes_page
    from sablier.report.pictures import as_rgb

    rows, to_unit = pictured_rows(result), preprocess.to_unit
    where = np.empty((len(rows), *images.shape[:2]), np.float32)
    for number, network in enumerate(networks):
        own = fold[rows] == number
        chosen = rows[own]
        seen, other = result.rivals[chosen], result.numbers[chosen]
        where[own] = where_it_looked(network, preprocess, images.take(chosen), seen, other)
    pictures = {int(row): looked(*pair) for row, *pair in zip(rows, to_unit(images.array[rows]), where, strict=True)}
    write_whole(folder / "confusion.png", confusion_picture(result))
    write_whole(folder / "mistakes.png", mistakes_sheet(result, pictures))
    thumbnails = {int(row): as_rgb(to_unit(images.array[row])) for row in listed_rows(result)}
    page = mistakes_page(result, pictures, thumbnails, title, f"sablier {__version__}")
    write_whole(folder / "mistakes.html", page.encode(errors="backslashreplace"))
