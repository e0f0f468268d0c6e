"""course digits, course cifar: the exercises on classifiers."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.progress import console, table
from sablier.cli.time_left import training_progress


def digits(
    output: options.LessonFolder = Path("course-digits"),
    data: Annotated[
        str, typer.Option(help="The set to tell apart: mnist, fashion-mnist, digits or another with labels.")
    ] = "mnist",
    seeds: options.Seeds = 1,
    settings: options.RecipeSettings = None,
) -> None:
    """Lesson 4, classifiers: a linear net and a convolutional one learn to tell digits, before, after one epoch, after three."""
    from sablier.course.digits import run
    from sablier.report.words import counted

    with training_progress() as on_progress:
        lesson = run(output, data=data, seeds=seeds, settings=settings or [], on_progress=on_progress)
    layers = [[name, kind, shape, f"{count:,}"] for name, kind, shape, count in lesson.layers]
    title = " and ".join(f"{name}, {count:,} parameters" for name, count in lesson.parameters.items())
    table(title, ["layer", "kind", "output", "parameters"], layers)
    rows = [
        [
            row.net, f"{row.epochs}", f"{row.iterations:,}", row.printed, f"{row.accuracy:.2%}",
            f"{row.seconds:.1f}" if row.epochs else "",
        ]
        for row in lesson.rows
    ]  # fmt: skip
    here = f"here, {counted(lesson.seeds, 'seed')}"
    table("Test images told right", ["net", "epochs", "iterations", "lesson", here, "seconds"], rows)
    console.print(
        "The lesson's figures are of MNIST. Each length is a training of its own, since the learning rate goes down to nothing "
        "at its end. Nothing is chosen by the test images, and the last epoch counts."
    )
    console.print(
        "As printed, the lesson gives probabilities to a loss that wants their logarithms: it minimises -sum p, which hardly "
        "moves where a net is surely wrong; its text says -sum log p. It also drops channels (Dropout2d) of numbers that have no "
        "channels any more: torch warns that this will be an error, and plain dropout is meant."
    )
    console.print(f"See {', '.join(str(path) for path in lesson.pictures)}", markup=False)


def cifar(
    output: options.LessonFolder = Path("course-cifar"),
    data: Annotated[str, typer.Option(help="The set to tell apart: cifar10, digits or another with labels.")] = "cifar10",
    tier: Annotated[str, typer.Option(help="Of the deeper net: tiny, small, base or large.")] = "small",
    count: Annotated[int, typer.Option("--count", "-n", help="How many test images to attack, drawn evenly.")] = 200,
    settings: options.RecipeSettings = None,
) -> None:
    """Lesson 4, lab: two nets on CIFAR-10, the photos they tell worst, changes nobody sees, and images that show nothing."""
    from sablier.course.cifar import run

    with training_progress() as on_progress:
        lesson = run(output, data=data, tier=tier, count=count, settings=settings or [], on_progress=on_progress)
    rows = [
        [net.name, f"{net.parameters:,}", f"{net.seconds:.0f}", f"{net.told.accuracy:.1%}", f"{net.told.calibration_error():.1%}"]
        for net in lesson.nets
    ]
    table("Test images told right", ["net", "parameters", "seconds", "accuracy", "ECE"], rows)
    console.print("The lab asks for more than 50 % on CIFAR-10.")
    first = lesson.nets[0].attacked
    rows = [
        [
            net.name, f"{net.attacked.accuracy:.1%}", f"{net.attacked.robust_accuracy:.1%}",
            f"{net.attacked.largest.max() * 255:.0f} of 255", f"{net.attacked.similarity.mean():.3f}",
        ]
        for net in lesson.nets
    ]  # fmt: skip
    table(f"{len(first)} of them under {first.attack}", ["net", "as they are", "attacked", "largest change", "SSIM"], rows)
    console.print("SSIM, the structural similarity of both, is 1 where they are equal. A person sees the same photo.")
    rows = [
        [net.name, way, f"{fooled.sum()} of {len(fooled)}", f"{agrees.sum()} of {len(agrees)}"]
        for net in lesson.nets
        if net.fooled.judge_agrees is not None
        for way, fooled, agrees in zip(net.fooled.ways, net.fooled.fooled, net.fooled.judge_agrees, strict=True)
    ]
    sure = f"at least {lesson.nets[0].fooled.sure:.1%} sure"
    table(f"Images that show nothing: classes of which a net is {sure}", ["net", "way", "fooled", "the other net agrees"], rows)
    console.print(f"See {', '.join(str(path) for path in lesson.written)}", markup=False)
    console.print(f"The models are in {output}: go on with sablier classify, robustness and compare.", markup=False)
