"""course: the exercises of the course, one command each."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli.progress import console, table, training_progress


def add_to(app: typer.Typer) -> None:
    """Add the verb group."""
    group = typer.Typer(no_args_is_help=True, help="The exercises of the course: its figures beside the ones obtained here.")
    group.command("list", epilog="Example: sablier course list")(list_lessons)
    group.command(epilog="Example: sablier course anomaly --seeds 5 -o lesson1/")(anomaly)
    app.add_typer(group, name="course")


def list_lessons() -> None:
    """List the lessons that can be run."""
    table("", ["lesson", "what it does"], [["anomaly", (anomaly.__doc__ or "").split("\n")[0]]], numbers=False)


def anomaly(
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for the pictures.")] = Path("course-anomaly"),
    seeds: Annotated[int, typer.Option(help="How many trainings the figures are a mean of.", min=1)] = 1,
    normal: Annotated[str, typer.Option(help="The digit that is normal.")] = "5",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value of the recipe, as key=value.", metavar="KEY=VALUE")
    ] = None,
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
