"""The workflow `attack`: attacks a classifier, and writes a table and pictures."""

from collections.abc import Callable
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ConfigError, UnknownName
from sablier.files import write_whole
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.classification.attack import AttackResult, attack_classifier
from sablier.tasks.classification.classify import Classifier
from sablier.transforms.attacks import ATTACKS, Attack
from sablier.workflows.image_files import write_pictures
from sablier.workflows.likeness import read_like
from sablier.workflows.outputs import writes
from sablier.workflows.tables import write_tables
from sablier.workflows.training.classifier import class_numbers

METHOD = "apgd"
MOST_ON_SHEET = 16


@writes("attack", "source")
def attack(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    method: str = METHOD,
    eps: float = 8 / 255,
    norm: str = "linf",
    count: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int], None] = lambda images: None,
    settings: dict[str, int] | None = None,
    **reading: Any,
) -> AttackResult:
    """Attack a classifier with small perturbations of labelled images, evaluated as 8-bit images.

    Sources of the methods: Goodfellow, Shlens and Szegedy 2015 ("fgsm"), Madry et al. 2018 ("pgd"), Croce and Hein 2020
    ("apgd", "apgd-dlr", "apgd-t", "standard"), Andriushchenko et al. 2020 ("square"), Moosavi-Dezfooli et al. 2016
    ("deepfool").

    Args:
        model: a .sablier file of a classifier.
        source: labelled images: anything that `read_images` takes.
        output: a folder for attack.csv, attack.json, attack.png and images/ (misclassified ones); None writes nothing.
        method: the name of an attack, as above.
        eps: the largest perturbation, above 0: of each value, in [0, 1], for norm "linf"; of the image for norm "l2".
        norm: "linf" or "l2".
        count: attack an even sample of so many images; None attacks all.
        seed: the seed of random choices.
        on_progress: called with the number of images attacked so far.
        settings: further fields of the attack, such as `{"steps": 20}` or `{"restarts": 2}`.
        **reading: options of `read_images`.

    Returns:
        The classes and probabilities before and after the attack, and the attacked images.

    Raises:
        ModelFileError: if the model is no classifier, or not of 8-bit images.
        ImagesError: if the images cannot be used, or have no labels or unknown ones.
        ConfigError: if an option has a value that it does not take.
        UnknownName: if there is no such method or setting.
        OutputError: if the output cannot be written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     recipe = sablier.make_recipe("course-softmax", settings=["epochs=5"])
        ...     _ = sablier.train("digits", f"{folder}/digits.sablier", recipe)
        ...     result = sablier.attack(f"{folder}/digits.sablier", "digits:test", eps=0.1, count=50)
        >>> result.robust_accuracy < result.accuracy
        True
    """
    made = make_attack(method, eps=eps, norm=norm, seed=seed, **(settings or {}))
    classifier = Classifier.from_file(file := ModelFile.load(Path(model)))
    images = drawn_evenly(read_like(file, source, **reading), count).dense(classifier.preprocess)
    result = attack_classifier(classifier, images, class_numbers(images, classifier.classes), method, made, on_progress)
    if output is not None:
        _write(result, Path(output))
    return result


def drawn_evenly(images: ImageSet, count: int | None) -> ImageSet:
    """Return an even sample of so many images; all of them for None, or if there are fewer.

    Raises:
        ConfigError: if the count is below 1.
    """
    if count is None:
        return images
    if count < 1:
        raise ConfigError(f"expected at least 1 image, got {count}.")
    return images.take(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int))


def make_attack(method: str, **options: Any) -> Attack:
    """Return an attack by its name.

    Raises:
        UnknownName: if there is no such method, or it does not have the option.
        ConfigError: if an option has a value that it does not take.
    """
    known = [item.name for item in fields(ATTACKS.named(method))]
    for option in options:
        if option not in known:
            raise UnknownName(f"option of {method}", option, known)
    return ATTACKS[method](**options)


def _write(result: AttackResult, folder: Path) -> None:
    """Write the tables, a sheet of the images with the most probable wrong classes, and every misclassified image."""
    # Plotting is imported only when needed.
    from sablier.report.attacks import attack_sheet

    write_tables(folder, "attack", result)
    write_whole(folder / "attack.png", attack_sheet(result, MOST_ON_SHEET))
    write_pictures(folder / "images", map(str, result.ids[result.fooled]), result.attacked[result.fooled])
