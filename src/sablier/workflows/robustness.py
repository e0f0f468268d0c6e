"""robustness = load, read, corrupt and attack, write: a table first, then pictures and a page."""

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
    """Measure how many labelled images a classifier tells right under natural corruptions and under attacks.

    Args:
        model: a .sablier file that classifies.
        source: whatever `read_images` takes, with labels; `reading` are its options.
        output: a folder for robustness.csv, robustness.json, robustness.png (the table), corruptions.png (one image under
            every kind) and robustness.html; None writes nothing.
        kinds: names of corruptions, or "all", "mnist-c", "cifar-10-c"; empty for none.
        severities: numbers from 1 to 5.
        attacks: names of `ATTACKS`; empty for none. They may change each value by `eps`, a share of the range.
        count: measure on only so many images, drawn evenly; None takes all.
        seed: of corruptions and attacks; the same seed damages the same.
        on_progress: called with what comes next, how many kinds and attacks are done, and of how many.

    Raises:
        ModelFileError, ImagesError, ConfigError, UnknownName, OutputError: before anything is written where possible.
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
    """Return the kinds that names of kinds and of sets stand for, each once.

    >>> chosen_kinds(["fog", "mnist-c"])[:3]
    ('fog', 'shot-noise', 'impulse-noise')

    Raises:
        UnknownName: for a name that is neither.
    """
    known = {**{kind: (kind,) for kind in KINDS}, "all": tuple(KINDS), **SETS}
    for name in names:
        if name not in known:
            raise UnknownName(KINDS.kind, name, known)
    return tuple(dict.fromkeys(kind for name in names for kind in known[name]))


def _write(result: RobustnessResult, folder: Path, title: str) -> None:
    # Drawing is imported only when something is drawn.
    from sablier.report.robustness import corruption_sheet, robustness_page, robustness_table

    write_tables(folder, "robustness", result)
    write_whole(folder / "robustness.png", robustness_table(result))
    if result.kinds:
        write_whole(folder / "corruptions.png", corruption_sheet(result))
    write_text(folder / "robustness.html", robustness_page(result, title))
