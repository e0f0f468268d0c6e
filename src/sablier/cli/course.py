"""course: the exercises of the course, one command each."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.course_classifiers import cifar, digits
from sablier.cli.lesson_page import Language, Notebook, print_page
from sablier.cli.panels import COURSE, Group, add_verb
from sablier.cli.progress import aside, console, table
from sablier.cli.time_left import training_progress


def add_to(app: typer.Typer) -> None:
    """Add the verb group."""
    group = typer.Typer(
        cls=Group, no_args_is_help=True, help="Run the exercises of the course: published figures beside those obtained here."
    )
    add_verb(group, list_lessons, "course list", name="list")
    add_verb(group, all_lessons, "course all --tier small --lang fr -o course/", name="all")
    add_verb(group, anomaly, "course anomaly --seeds 5 -o lesson1/")
    add_verb(group, letters, "course letters --lang fr -o lesson2/")
    add_verb(group, latent, "course latent --tier base -o lesson3/")
    add_verb(group, digits, "course digits --set optimizer=adam -o lesson4/")
    add_verb(group, cifar, "course cifar --tier base -o lab/")
    add_verb(group, gan, "course gan --data digits -o gans/")
    app.add_typer(group, name="course", rich_help_panel=COURSE)


def list_lessons() -> None:
    """List the lessons that can be run."""
    rows = [[lesson.__name__, (lesson.__doc__ or "").split("\n")[0]] for lesson in LESSONS]
    table("", ["lesson", "content"], rows, numbers=False)


def all_lessons(
    output: options.LessonFolder = Path("course"),
    tier: Annotated[str, typer.Option(metavar="NAME", help="Tier of all lessons: tiny, small, base or large.")] = "small",
    offline: Annotated[
        bool, typer.Option("--offline", help="Use images that come with sablier in place of the public sets.")
    ] = False,
    lang: Language = "en",
    notebook: Notebook = False,
) -> None:
    """Run all lessons, each into a folder of its own, and write an index page."""
    from sablier.course.lessons import run_all

    with training_progress(losses=True) as on_progress:
        course = run_all(
            output, tier=tier, offline=offline, language=lang, notebook=notebook, on_progress=on_progress,
            on_lesson=lambda lesson: aside.print(f"sablier course {lesson}", markup=False),
        )  # fmt: skip
    rows = [
        [row.lesson, f"{row.minutes:.1f}", "" if row.announced is None else f"{row.announced:.1f}", row.problem]
        for row in course.rows
    ]
    table("", ["lesson", "minutes", "announced", "not run because"], rows)
    console.print(f"See {', '.join(map(str, course.written.files))}", markup=False)
    if any(row.problem for row in course.rows):
        raise typer.Exit(1)


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
    data: Annotated[str, typer.Option(metavar="NAME", help="Data set to train on: notmnist or glyphs.")] = "notmnist",
    epochs: Annotated[
        int,
        typer.Option(
            metavar="N",
            callback=options.within(0),
            help="Epochs of the training that the lesson states: batches of 128, RMSProp. 0 leaves it out.",
        ),
    ] = 50,
    noise: Annotated[
        float, typer.Option(metavar="LEVEL", help="Level of the noise to remove; 1 is the range from black to white.")
    ] = 0.5,
    tier: Annotated[
        str, typer.Option(metavar="NAME", help="Tier of the network with a bottleneck: tiny, small, base or large.")
    ] = "tiny",
    seeds: options.Seeds = 1,
    settings: options.RecipeSettings = None,
    lang: Language = "en",
    notebook: Notebook = False,
) -> None:
    """Lesson 2: a convolutional autoencoder reconstructs the letters of notMNIST, then is trained to denoise them."""
    from sablier.course.letters import run

    with training_progress(losses=True) as on_progress:
        written = run(
            output, data=data, epochs=epochs, noise=noise, tier=tier, seeds=seeds, settings=settings or [], language=lang,
            notebook=notebook, on_progress=on_progress,
        )  # fmt: skip
    print_page(written.page, written.files)


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
