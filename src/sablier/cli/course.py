"""course: the exercises of the course, one command each."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.course_classifiers import cifar, digits
from sablier.cli.progress import console, table
from sablier.cli.time_left import training_progress


def add_to(app: typer.Typer) -> None:
    """Add the verb group."""
    group = typer.Typer(no_args_is_help=True, help="The exercises of the course: its figures beside the ones obtained here.")
    group.command("list", epilog="Example: sablier course list")(list_lessons)
    group.command(epilog="Example: sablier course anomaly --seeds 5 -o lesson1/")(anomaly)
    group.command(epilog="Example: sablier course letters --as-printed -o lesson2/")(letters)
    group.command(epilog="Example: sablier course latent --tier base -o lesson3/")(latent)
    group.command(epilog="Example: sablier course digits --set optimizer=adam -o lesson4/")(digits)
    group.command(epilog="Example: sablier course cifar --tier base -o lab/")(cifar)
    group.command(epilog="Example: sablier course gan --data digits -o gans/")(gan)
    app.add_typer(group, name="course")


def list_lessons() -> None:
    """List the lessons that can be run."""
    rows = [[lesson.__name__, (lesson.__doc__ or "").split("\n")[0]] for lesson in LESSONS]
    table("", ["lesson", "what it does"], rows, numbers=False)


def anomaly(
    output: options.LessonFolder = Path("course-anomaly"),
    seeds: options.Seeds = 1,
    normal: Annotated[str, typer.Option(help="The digit that is normal.")] = "5",
    settings: options.RecipeSettings = None,
) -> None:
    """Lesson 1: a dense autoencoder learns one digit of MNIST; what it redraws badly is another digit."""
    from sablier.course.anomaly import LESSON, run

    with training_progress() as on_progress:
        lesson = run(output, normal=normal, seeds=seeds, settings=settings or [], on_progress=on_progress)
    rows = [
        ["parameters", f"{LESSON['parameters']:,}", "", f"{lesson.parameters:,}"],
        ["validation MSE", *(f"{LESSON[key]:.4f}" for key in ("printed_mse", "mended_mse")), f"{lesson.validation_mse:.4f}"],
        ["AUROC, the other digits", *(f"{LESSON[key]:.3f}" for key in ("printed_auroc", "mended_auroc")), f"{lesson.auroc:.3f}"],
        ["PCA, same images", "", "", f"{lesson.auroc_pca:.3f}"],
        ["seconds of training", "", "", f"{lesson.seconds:.1f}"],
    ]
    columns = ["", "as printed", "with equal shapes", f"here, {lesson.seeds} seed{'s' if lesson.seeds > 1 else ''}"]
    table(f"Lesson 1: {normal} is normal", columns, rows)
    console.print(
        "As printed, the lesson's loss compares shapes N,28,28 and N,1,28,28: every reconstruction with every image of the "
        "batch, so the net learns the mean image. A loss here refuses shapes that differ."
    )
    console.print(f"See {', '.join(str(path) for path in lesson.pictures)}", markup=False)


def letters(
    output: options.LessonFolder = Path("course-letters"),
    as_printed: Annotated[
        bool, typer.Option("--as-printed", help="Train with the lesson's own optimizer too, for its 50 epochs: minutes.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(help="As --as-printed, for so many epochs instead.", min=1)] = None,
    noise: Annotated[float, typer.Option(help="The strength of the noise to clean; 1 is from black to white.")] = 0.5,
    tier: Annotated[str, typer.Option(help="Of the net that compresses: tiny, small, base or large.")] = "tiny",
    seeds: options.Seeds = 1,
    settings: options.RecipeSettings = None,
) -> None:
    """Lesson 2: a convolutional autoencoder redraws the letters of notMNIST, then learns to clean noisy ones."""
    from sablier.course.letters import LESSON, run
    from sablier.metrics import psnr

    printed = epochs or (int(LESSON["epochs"]) if as_printed else 0)
    with training_progress() as on_progress:
        lesson = run(
            output, epochs_as_printed=printed, noise=noise, tier=tier, seeds=seeds, settings=settings or [],
            on_progress=on_progress,
        )  # fmt: skip
    layers = [[name, kind, shape, f"{count:,}"] for name, kind, shape, count in lesson.layers]
    title = f"Lesson 2: {lesson.parameters:,} parameters, as printed {LESSON['parameters']:,}"
    table(title, ["layer", "kind", "output", "parameters"], layers)
    evenly = {round(place * (len(lesson.history) - 1) / 9) for place in range(10)}
    rows = [
        [f"{row['epoch']:.0f}", *(f"{row[key]:.5f}" if key in row else "" for key in ("loss", "validation_loss"))]
        for place, row in enumerate(lesson.history)
        if place in evenly
    ]
    table("Our schedule", ["epoch", "training loss", "on 2,000 test letters"], rows)
    keras = LESSON["keras_mse"]
    rows = [
        [f"Keras, {LESSON['epochs']} epochs (measured)", f"{LESSON['numbers']:,}", f"{keras:.4f}", f"{psnr(keras):.1f} dB", ""]
    ]
    for method in lesson.methods:
        seconds = f"{method.seconds:.1f}" if method.seconds else ""
        rows.append([method.name, f"{method.numbers:,}", f"{method.mse:.4f}", f"{psnr(method.mse):.1f} dB", seconds])
    title = f"Test letters of {lesson.pixels:,} pixels, redrawn, {lesson.seeds} seed{'s' if lesson.seeds > 1 else ''}"
    table(title, ["", "numbers", "MSE", "PSNR", "seconds"], rows)
    console.print(
        "The lesson's code of 7 x 7 x 128 = 6,272 numbers has room for each of 784 pixels eight times: it does not compress. "
        "The bottleneck and PCA do."
    )
    table(
        f"Test letters with noise of {noise:g}, clipped",
        ["", "PSNR", "seconds"],
        [
            ["noisy", f"{lesson.noisy_psnr:.1f} dB", ""],
            ["predicted by the course net", f"{lesson.cleaned_psnr:.1f} dB", f"{lesson.cleaning_seconds:.1f}"],
        ],
    )
    console.print(f"See {', '.join(str(path) for path in lesson.pictures)}", markup=False)


def latent(
    output: options.LessonFolder = Path("course-latent"),
    tier: Annotated[str, typer.Option(help="Of the autoencoder: tiny, small, base or large.")] = "small",
    settings: options.RecipeSettings = None,
) -> None:
    """Lesson 3: what lies in the bottleneck: averages, sums and differences of letters, walks between them, beside PCA."""
    from sablier.course.latent import HELD_OUT, run
    from sablier.metrics import psnr

    with training_progress() as on_progress:
        lesson = run(output, tier=tier, settings=settings or [], on_progress=on_progress)
    table(
        f"New letters of {lesson.pixels} pixels, redrawn from {lesson.numbers} numbers",
        ["", "MSE", "PSNR"],
        [[name, f"{mse:.4f}", f"{psnr(mse):.1f} dB"] for name, mse in (("the autoencoder", lesson.mse), ("PCA", lesson.pca_mse))],
    )
    console.print(
        f"Decoded averages of the codes of each letter, named by a linear classifier: {lesson.averages_right} of 10 right."
    )
    rows = [
        [
            name, f"{sums.error:.4f}", f"{sums.nothing:.4f}", f"{sums.error_ratio:.2f}", f"{sums.floor_ratio:.2f}",
            f"{sums.right_by_code:.0%}", f"{sums.right:.0%}",
        ]
        for name, sums in lesson.sums.items()
    ]  # fmt: skip
    title = f"bold A - regular A + regular B = bold B? Letters of {HELD_OUT}, never trained on"
    table(title, ["A is", "error", "of regular B", "ratio", "at best", "right", "by pixels"], rows)
    console.print(
        "The error is that of the decoded sum to the true bold B, beside that of regular B as it is. At best: the ratio of "
        "bold B redrawn from its own code. Right: of 20 letters, regular and bold, bold B has the nearest code; by pixels: is "
        "nearest to the decoded sum."
    )
    rows = [[curve, f"{walk.steps.mean():.3f}", f"{walk.unevenness or 0:.2f}"] for curve, walk in lesson.walks.items()]
    table("A walk from an A to a J", ["", "mean step, of pixels from 0 to 1", "largest over mean"], rows)
    console.print(f"{lesson.trained_on:,} letters, no label, {lesson.seconds:.0f} s of training.")
    console.print("The lesson removes noise too: that is sablier denoise, and the second half of sablier course letters.")
    console.print(f"See {', '.join(str(path) for path in lesson.pictures)}", markup=False)


def gan(
    output: options.LessonFolder = Path("course-gan"),
    data: Annotated[
        str, typer.Option(help="The set to learn to draw: mnist, fashion-mnist, digits or another with labels.")
    ] = "mnist",
    tier: Annotated[str, typer.Option(help="Of the two nets: tiny, small, base or large.")] = "small",
    point_steps: Annotated[
        int | None, typer.Option(help="How long the game on 25 Gaussians lasts.", show_default="30000 steps", min=1)
    ] = None,
    seeds: options.Seeds = 1,
    settings: options.RecipeSettings = None,
) -> None:
    """Lesson 4, GANs: two nets play against each other, on 25 Gaussians and then on digits; what is drawn, and what is not."""
    from sablier.course.gan import run

    with training_progress() as on_progress:
        lesson = run(
            output, data=data, tier=tier, seeds=seeds, point_steps=point_steps, settings=settings or [], on_progress=on_progress
        )
    layers = [[name, kind, shape, f"{count:,}"] for name, kind, shape, count in lesson.layers]
    generator, discriminator = lesson.parameters
    title = f"Generator, {generator:,} parameters, and discriminator, {discriminator:,}"
    table(title, ["layer", "kind", "output", "parameters"], layers)
    points = lesson.points
    console.print(
        f"The game on points: {points.found} of 25 Gaussians found, {points.near:.0%} of the points within three standard "
        f"deviations of one, {points.seconds:.0f} s."
    )
    rows = [
        [name, f"{share:.1%}", *(f"{each.shares[name]:.1%}" for each in lesson.coverage)] for name, share in lesson.real.items()
    ]
    rows.append(["variety, real is 1", "1.00", *(f"{each.diversity:.2f}" for each in lesson.coverage)])
    title = f"What {lesson.judged:,} drawn images show, as nearest neighbours see it; {lesson.seconds:.0f} s of training"
    table(title, ["", "real", *(f"seed {seed}" for seed in range(len(lesson.coverage)))], rows)
    collapsed = sum(each.collapsed for each in lesson.coverage)
    console.print(f"{collapsed} of {len(lesson.coverage)} collapsed: lost a class, or draws the same again and again.")
    console.print(f"See {', '.join(str(path) for path in lesson.pictures)}", markup=False)


LESSONS = (anomaly, letters, latent, digits, cifar, gan)
