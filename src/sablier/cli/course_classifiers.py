"""course digits, course cifar: the exercises on classifiers."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.lesson_page import Language, Notebook, print_page
from sablier.cli.progress import console, table
from sablier.cli.time_left import training_progress


def digits(
    output: options.LessonFolder = Path("course-digits"),
    data: Annotated[
        str,
        typer.Option(metavar="NAME", help="Data set to classify: mnist, fashion-mnist, digits or another with labels."),
    ] = "mnist",
    seeds: options.Seeds = 1,
    settings: options.RecipeSettings = None,
    lang: Language = "en",
    notebook: Notebook = False,
) -> None:
    """Lesson 4, classifiers: a linear and a convolutional network on digits, untrained, after one epoch and after three."""
    from sablier.course.digits import run

    with training_progress(losses=True) as on_progress:
        written = run(
            output, data=data, seeds=seeds, settings=settings or [], language=lang, notebook=notebook, on_progress=on_progress
        )  # fmt: skip
    print_page(written.page, written.files)


def cifar(
    output: options.LessonFolder = Path("course-cifar"),
    data: Annotated[
        str, typer.Option(metavar="NAME", help="Data set to classify: cifar10, digits or another with labels.")
    ] = "cifar10",
    tier: Annotated[str, typer.Option(metavar="NAME", help="Tier of the deeper network: tiny, small, base or large.")] = "small",
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", help="Number of test images to attack, an even sample.")
    ] = 200,
    settings: options.RecipeSettings = None,
) -> None:
    """Lesson 4, lab: two networks on CIFAR-10, their worst mistakes, adversarial attacks and fooling images."""
    from sablier.course.cifar import run

    with training_progress() as on_progress:
        lesson = run(output, data=data, tier=tier, count=count, settings=settings or [], on_progress=on_progress)
    rows = [
        [net.name, f"{net.parameters:,}", f"{net.seconds:.0f}", f"{net.told.accuracy:.1%}", f"{net.told.calibration_error():.1%}"]
        for net in lesson.nets
    ]
    table("Accuracy on test images", ["network", "parameters", "seconds", "accuracy", "ECE"], rows)
    console.print("The lab asks for an accuracy of more than 50 % on CIFAR-10.")
    first = lesson.nets[0].attacked
    rows = [
        [
            net.name, f"{net.attacked.accuracy:.1%}", f"{net.attacked.robust_accuracy:.1%}",
            f"{net.attacked.largest.max() * 255:.0f} of 255", f"{net.attacked.similarity.mean():.3f}",
        ]
        for net in lesson.nets
    ]  # fmt: skip
    table(
        f"Accuracy on {len(first)} of them under {first.attack}",
        ["network", "no attack", "attack", "largest change", "SSIM"],
        rows,
    )
    console.print("SSIM (structural similarity) is 1 for equal images. To a person both photos look the same.")
    rows = [
        [net.name, way, f"{fooled.sum()} of {len(fooled)}", f"{agrees.sum()} of {len(agrees)}"]
        for net in lesson.nets
        if net.fooled.judge_agrees is not None
        for way, fooled, agrees in zip(net.fooled.ways, net.fooled.fooled, net.fooled.judge_agrees, strict=True)
    ]
    sure = f"{lesson.nets[0].fooled.sure:.1%}"
    title = f"Fooling images: classes that a network predicts with a probability of at least {sure}"
    table(title, ["network", "way", "fooled", "the other network agrees"], rows)
    console.print(f"See {', '.join(str(path) for path in lesson.written)}", markup=False)
    console.print(f"The models are in {output}, for sablier classify, robustness and compare.", markup=False)
