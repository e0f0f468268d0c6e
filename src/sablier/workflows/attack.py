"""attack = load, read, attack, write: a table first, then pictures."""

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
    """Attack a classifier with every image of a labelled source, and judge what comes of it from 8-bit pixels.

    Args:
        model: a .sablier file that classifies.
        source: whatever `read_images` takes, with labels; `reading` are its options.
        output: a folder for attack.csv, attack.json, attack.png, and images/ that fool the classifier; None writes nothing.
        method: "fgsm", "pgd", "apgd", "apgd-dlr", "apgd-t", "square", "deepfool" or "standard".
        eps, norm: how far an image may be moved: each value ("linf"), from 0 to 1, the range from black to white; or the root
            of the summed squared changes ("l2").
        count: attack only so many images, drawn evenly; None attacks all.
        seed: the same seed attacks the same.
        settings: further fields of the attack, such as steps or restarts.

    Raises:
        ModelFileError, ImagesError, ConfigError, UnknownName, OutputError: before anything is written where possible.
    """
    made = make_attack(method, eps=eps, norm=norm, seed=seed, **(settings or {}))
    classifier = Classifier.from_file(file := ModelFile.load(Path(model)))
    images = drawn_evenly(read_like(file, source, **reading), count).dense(classifier.preprocess)
    result = attack_classifier(classifier, images, class_numbers(images, classifier.classes), method, made, on_progress)
    if output is not None:
        _write(result, Path(output))
    return result


def drawn_evenly(images: ImageSet, count: int | None) -> ImageSet:
    """Return so many images of a set, evenly from first to last; all of them for None, or where there are not more.

    Raises:
        ConfigError: for less than one.
    """
    if count is None:
        return images
    if count < 1:
        raise ConfigError(f"expected at least 1 image, got {count}.")
    return images.take(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int))


def make_attack(method: str, **options: Any) -> Attack:
    """Return an attack by its name.

    Raises:
        UnknownName: for a method, or an option that it does not have; ConfigError for a value it does not take.
    """
    known = [item.name for item in fields(ATTACKS.named(method))]
    for option in options:
        if option not in known:
            raise UnknownName(f"option of {method}", option, known)
    return ATTACKS[method](**options)


def _write(result: AttackResult, folder: Path) -> None:
    """Write the tables, a sheet of what fools the classifier most surely, and every image that does."""
    # Drawing is imported only when something is drawn.
    from sablier.report.attacks import attack_sheet

    write_tables(folder, "attack", result)
    write_whole(folder / "attack.png", attack_sheet(result, MOST_ON_SHEET))
    write_pictures(folder / "images", map(str, result.ids[result.fooled]), result.attacked[result.fooled])
