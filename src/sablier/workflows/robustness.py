"""The workflow `robustness`: measures a classifier under corruptions and attacks, and writes tables, pictures and a page."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import ConfigError, UnknownName
from sablier.files import write_text, write_whole
from sablier.modelfile import ModelFile
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.classification.robustness import RobustnessResult, measure_robustness
from sablier.transforms.natural import KINDS, SETS, SEVERITIES, check_severity
from sablier.workflows.attack import drawn_evenly, make_attack
from sablier.workflows.likeness import read_like
from sablier.workflows.outputs import writes
from sablier.workflows.tables import write_tables
from sablier.workflows.training.classifier import class_numbers

COUNT = 1000
ATTACKED_BY = ("fgsm", "apgd", "standard")  # one step, the usual one, and the strongest


@writes("robustness", "source")
def robustness(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    kinds: Sequence[str] = ("all",),
    severities: Sequence[int] = SEVERITIES,
    attacks: Sequence[str] = ATTACKED_BY,
    eps: float = 8 / 255,
    count: int | None = COUNT,
    seed: int = 0,
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    **reading: Any,
) -> RobustnessResult:
    """Measure the accuracy of a classifier under natural corruptions and under attacks.

    The corruptions are those of CIFAR-10-C (Hendrycks and Dietterich 2019) and MNIST-C (Mu and Gilmer 2019).

    Args:
        model: a .sablier file of a classifier of 8-bit images.
        source: labelled images: anything that `read_images` takes.
        output: a folder for robustness.csv, .json, .png and .html, and corruptions.png; None writes nothing.
        kinds: names of corruptions, or "all", "mnist-c", "cifar-10-c"; empty for none.
        severities: integers from 1 to 5.
        attacks: names of attacks, as for `attack`; empty for none.
        eps: the largest change of a value in [0, 1] by an attack.
        count: use an even sample of so many images; None uses all.
        seed: the seed of corruptions and attacks.
        on_progress: called with what comes next, how many corruptions and attacks are done, and of how many.
        **reading: options of `read_images`.

    Returns:
        The number of correctly classified images under each corruption and attack.

    Raises:
        ModelFileError, ImagesError, ConfigError, UnknownName, OutputError: before anything is written if possible.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     _ = sablier.train("digits", f"{folder}/d.sablier", sablier.make_recipe("course-softmax"))
        ...     result = sablier.robustness(f"{folder}/d.sablier", "digits:test", kinds=["fog"], severities=[5], attacks=[])
        >>> result.corruption_accuracy < result.accuracy
        True
    """
    chosen = chosen_kinds(kinds)
    for severity in severities:
        check_severity(severity)
    if not (chosen and severities) and not attacks:
        raise ConfigError("expected corruptions with a severity, or attacks, got none. Name some with --kinds or --attacks.")
    made = {name: make_attack(name, eps=eps, seed=seed) for name in dict.fromkeys(attacks)}
    classifier = Classifier.from_file(file := ModelFile.load(Path(model)))
    images = drawn_evenly(read_like(file, source, **reading), count).dense(classifier.preprocess)
    numbers = class_numbers(images, classifier.classes)
    levels = tuple(dict.fromkeys(severities)) if chosen else ()
    result = measure_robustness(classifier, images, numbers, chosen if levels else (), levels, made, seed, on_progress)
    if output is not None:
        _write(result, Path(output), f"{Path(model).name} on {images.source}")
    return result


def chosen_kinds(names: Sequence[str]) -> tuple[str, ...]:
    """Return the corruptions that names of corruptions and of sets stand for, each once.

    >>> chosen_kinds(["fog", "mnist-c"])[:3]
    ('fog', 'shot-noise', 'impulse-noise')

    Raises:
        UnknownName: if a name is neither.
    """
    known = {**{kind: (kind,) for kind in KINDS}, "all": tuple(KINDS), **SETS}
    for name in names:
        if name not in known:
            raise UnknownName(KINDS.kind, name, known)
    return tuple(dict.fromkeys(kind for name in names for kind in known[name]))


def _write(result: RobustnessResult, folder: Path, title: str) -> None:
    # Plotting is imported only when needed.
    from sablier.report.robustness import corruption_sheet, robustness_page, robustness_table

    write_tables(folder, "robustness", result)
    write_whole(folder / "robustness.png", robustness_table(result))
    if result.kinds:
        write_whole(folder / "corruptions.png", corruption_sheet(result))
    write_text(folder / "robustness.html", robustness_page(result, title))
