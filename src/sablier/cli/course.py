"""course: the exercises of the course, one command each."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.course_classifiers import cifar, digits
from sablier.cli.lesson_page import Language, Notebook, print_page
from sablier.cli.panels import COURSE, Group, add_verb
from sablier.cli.progress import console, table
from sablier.cli.time_left import training_progress


def add_to(app: typer.Typer) -> None:
    """Add the verb group."""
    group = typer.Typer(
        cls=Group, no_args_is_help=True, help="Run the exercises of the course: published figures beside those obtained here."
    )
    add_verb(group, list_lessons, "course list", name="list")
    add_verb(group, anomaly, "course anomaly --seeds 5 -o lesson1/")
    add_verb(group, letters, "course letters --as-printed -o lesson2/")
    add_verb(group, latent, "course latent --tier base -o lesson3/")
    add_verb(group, digits, "course digits --set optimizer=adam -o lesson4/")
    add_verb(group, cifar, "course cifar --tier base -o lab/")
    add_verb(group, gan, "course gan --data digits -o gans/")
    app.add_typer(group, name="course", rich_help_panel=COURSE)


def list_lessons() -> None:
    """List the lessons that can be run."""
    rows = [[lesson.__name__, (lesson.__doc__ or "").split("\n")[0]] for lesson in LESSONS]
    table("", ["lesson", "content"], rows, numbers=False)


def anomaly(
    output: options.LessonFolder = Path("course-anomaly"),
    data: Annotated[
        str, typer.Option(metavar="NAME", help="Data set to train on: mnist, fashion-mnist, digits or another with labels.")
    ] = "mnist",
    seeds: options.Seeds = 1,
    normal: Annotated[str, typer.Option(metavar="LABEL", help="The label of the normal images.")] = "5",
    settings: options.RecipeSettings = None,
    lang: Language = "en",
    notebook: Notebook = False,
) -> None:
    """Lesson 1: a dense autoencoder, trained on one digit of MNIST, detects other digits by their reconstruction error."""
    from sablier.course.anomaly import run

    with training_progress(losses=True) as on_progress:
        written = run(
            output, data=data, normal=normal, seeds=seeds, settings=settings or [], language=lang, notebook=notebook,
            on_progress=on_progress,
        )  # fmt: skip
    print_page(written.page, written.files)


def letters(
    output: options.LessonFolder = Path("course-letters"),
    as_printed: Annotated[
        bool, typer.Option("--as-printed", help="Train with the lesson's own optimizer too, for its 50 epochs (minutes).")
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(metavar="N", callback=options.within(1), help="Like --as-printed, for this number of epochs."),
    ] = None,
    noise: Annotated[
        float, typer.Option(metavar="LEVEL", help="Level of the noise to remove; 1 is the range from black to white.")
    ] = 0.5,
    tier: Annotated[
        str, typer.Option(metavar="NAME", help="Tier of the network with a bottleneck: tiny, small, base or large.")
    ] = "tiny",
    seeds: options.Seeds = 1,
    settings: options.RecipeSettings = None,
) -> None:
    """Lesson 2: a convolutional autoencoder reconstructs the letters of notMNIST, then is trained to denoise them."""
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
    table("Training with our schedule", ["epoch", "training loss", "loss on 2,000 test letters"], rows)
    keras = LESSON["keras_mse"]
    rows = [
        [f"Keras, {LESSON['epochs']} epochs (measured)", f"{LESSON['numbers']:,}", f"{keras:.4f}", f"{psnr(keras):.1f} dB", ""]
    ]
    for method in lesson.methods:
        seconds = f"{method.seconds:.1f}" if method.seconds else ""
        rows.append([method.name, f"{method.numbers:,}", f"{method.mse:.4f}", f"{psnr(method.mse):.1f} dB", seconds])
    title = f"Reconstructed test letters of {lesson.pixels:,} pixels, {lesson.seeds} seed{'s' if lesson.seeds > 1 else ''}"
    table(title, ["method", "code size", "MSE", "PSNR", "seconds"], rows)
    console.print(
        "The code of the lesson has 7 x 7 x 128 = 6,272 numbers, eight for each of the 784 pixels: it does not compress. "
        "The codes of the bottleneck and of PCA do."
    )
    table(
        f"Test letters with noise of {noise:g}, clipped",
        ["images", "PSNR", "seconds"],
        [
            ["noisy", f"{lesson.noisy_psnr:.1f} dB", ""],
            ["denoised by the course network", f"{lesson.cleaned_psnr:.1f} dB", f"{lesson.cleaning_seconds:.1f}"],
        ],
    )
    console.print(f"See {', '.join(str(path) for path in lesson.pictures)}", markup=False)


def latent(
    output: options.LessonFolder = Path("course-latent"),
    tier: Annotated[str, typer.Option(metavar="NAME", help="Tier of the autoencoders: tiny, small, base or large.")] = "small",
    settings: options.RecipeSettings = None,
    lang: Language = "en",
    notebook: Notebook = False,
) -> None:
    """Lesson 3: codes of letters and faces: averages, sums such as adding glasses, interpolation, and PCA beside them."""
    from sablier.course.latent import run

    with training_progress(losses=True) as on_progress:
        written = run(
            output, tier=tier, settings=settings or [], language=lang, notebook=notebook, on_progress=on_progress
        )  # fmt: skip
    print_page(written.page, written.files)


def gan(
    output: options.LessonFolder = Path("course-gan"),
    data: Annotated[
        str,
        typer.Option(metavar="NAME", help="Data set to train on: mnist, fashion-mnist, digits or another with labels."),
    ] = "mnist",
    tier: Annotated[str, typer.Option(metavar="NAME", help="Tier of both networks: tiny, small, base or large.")] = "small",
    point_steps: Annotated[
        int | None,
        typer.Option(
            metavar="N", callback=options.within(1), help="Training steps on the 25 Gaussians." + options.default(30000)
        ),
    ] = None,
    seeds: options.Seeds = 1,
    settings: options.RecipeSettings = None,
) -> None:
    """Lesson 4, GANs: generator and discriminator, trained on 25 Gaussians and on digits; are all classes generated?"""
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
        f"Trained on points: {points.found} of 25 Gaussians found, {points.near:.0%} of the points within three standard "
        f"deviations of one, {points.seconds:.0f} s."
    )
    rows = [
        [name, f"{share:.1%}", *(f"{each.shares[name]:.1%}" for each in lesson.coverage)] for name, share in lesson.real.items()
    ]
    rows.append(["diversity, real is 1", "1.00", *(f"{each.diversity:.2f}" for each in lesson.coverage)])
    title = f"Classes of {lesson.judged:,} generated images, by nearest neighbours; {lesson.seconds:.0f} s of training"
    table(title, ["class", "real", *(f"seed {seed}" for seed in range(len(lesson.coverage)))], rows)
    collapsed = sum(each.collapsed for each in lesson.coverage)
    console.print(
        f"Mode collapse in {collapsed} of {len(lesson.coverage)} runs: a class is missing, or the images hardly differ."
    )
    console.print(f"See {', '.join(str(path) for path in lesson.pictures)}", markup=False)


LESSONS = (anomaly, letters, latent, digits, cifar, gan)
