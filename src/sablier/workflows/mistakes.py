"""The workflow `mistakes`: finds wrong labels with predictions out of sample, and writes a table and pictures."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import TooFewImages
from sablier.files import write_text, write_whole
from sablier.images.fingerprints import Fingerprints, fingerprints
from sablier.images.grouping import with_repeats
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.recipes.make import recipe_from
from sablier.recipes.tasks import ClassificationRecipe
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.classification.mistakes import CROSS_VALIDATION, MODEL, MistakesResult, find_mistakes
from sablier.tasks.classification.saliency import where_it_looked
from sablier.tasks.known_images import NEW
from sablier.tasks.known_part import known_images_in
from sablier.typing import Array
from sablier.workflows.likeness import read_like
from sablier.workflows.outputs import writes
from sablier.workflows.tables import write_tables
from sablier.workflows.training.classifier import check_labels, class_numbers
from sablier.workflows.training.cross_validation import FOLDS, CrossValidation, cross_validate, folder_of, forget_folds
from sablier.workflows.training.forecast import OnProgress, unheard

LEARNT_SHARE = 0.05  # of the images; if the model was trained on more, cross-validation predicts them


@writes("mistakes", "source")
def mistakes(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    folds: int | None = None,
    on_progress: OnProgress = unheard,
    **reading: Any,
) -> MistakesResult:
    """Find the images whose labels a classifier contradicts most, and labels that are probably wrong.

    Labels are checked by confident learning (Northcutt, Jiang and Chuang 2021). A network confirms wrong labels that it was
    trained on. Images that trained the model are therefore predicted by cross-validation, with networks of the model's
    recipe.

    Args:
        model: a .sablier file of a classifier.
        source: labelled images: anything that `read_images` takes; `reading` are its options.
        output: a folder for mistakes.csv, .json, .png and .html, and confusion.png; a stopped run is resumed from there.
        folds: of the cross-validation; 0 uses the model itself; None decides by what the model was trained on.
        on_progress: called with the stage and its progress.

    Returns:
        The images, ranked, and the labels that are probably wrong.

    Raises:
        ModelFileError, ImagesError, ConfigError, OutputError: before anything is computed if possible.
    """
    file = ModelFile.load(Path(model))
    classifier = Classifier.from_file(file)
    images = read_like(file, source, **reading).dense(classifier.preprocess)
    if not len(images):
        raise TooFewImages(f"expected at least one readable image in {source}, got none.")
    class_numbers(images, classifier.classes)
    check_labels(images, fewest=1)
    prints = fingerprints(images, classifier.preprocess)
    images = with_repeats(images, prints, near=False)
    learnt = has_learnt_from(file, prints)
    chosen = (FOLDS if learnt else 0) if folds is None else folds
    if chosen:
        recipe = recipe_from(file.provenance.recipe, ClassificationRecipe)
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


def has_learnt_from(file: ModelFile, prints: Fingerprints) -> bool:
    """Return whether a model was trained on more than a twentieth of these images, or on near copies of them.

    Labels are ignored, so images that moved to another class are recognised. A few percent may be recognised wrongly.
    """
    known = known_images_in(file).overlap(prints)
    return bool(np.mean(known != NEW) > LEARNT_SHARE)


def reason_for(folds: int, asked: bool, learnt: bool) -> str:
    """Return where the probabilities come from and why, in words."""
    if folds:
        why = "as asked" if asked else "since the model was trained on some of these images"
        return (
            f"Probabilities are those of a cross-validation in {folds} folds, {why}: no network classifies its training images."
        )
    if learnt:
        return (
            "Probabilities are the model's own, as asked, though it was trained on some of these images: it may "
            "have memorised wrong labels."
        )
    why = "as asked" if asked else "since these images are new to it"
    return f"Probabilities are the model's own, {why}. If it was trained on some of them, use --folds {FOLDS}."


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
        images: N dense images.
        networks: those that predicted them.
        fold: N: the number of the network that predicted each image.
        title: of the page.
    """
    write_tables(folder, "mistakes", result)
    # Plotting is imported only when needed.
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
    write_text(folder / "mistakes.html", page)
