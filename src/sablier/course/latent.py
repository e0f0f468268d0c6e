"""Lesson 3: the codes of letters and what can be done with them, compared with PCA of as many numbers.

The lesson prints no figures. Letters are rendered from fonts. The test letters are of a font family that is not in training,
unless stated otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sablier.course.arithmetic import BOLD, REGULAR, drawn_letters, encoded_letters, measured_sums, sums_to_bold
from sablier.course.sums import Sums
from sablier.files import write_whole
from sablier.images.glyphs import LETTERS, glyphs
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.recipes.make import make_recipe
from sablier.report.figures import picture_rows
from sablier.report.strips import interpolation_animation
from sablier.tasks.latent.interpolation import CURVES, Interpolation, interpolation
from sablier.tasks.latent.reconstruct import (
    decode,
    encode,
    fitted_pca,
    latent_size,
    reconstruct,
    reconstructed_by_pca,
    squared_errors,
)
from sablier.training.progress import Progress
from sablier.typing import Array
from sablier.workflows.outputs import writes
from sablier.workflows.training.network import train_model

HELD_OUT = "STIX"  # the font family
TRAINED_ON, TESTED_ON = 12_000, 2000  # rendered letters, without those of the held-out family
POSES = 12
INTERPOLATION_PICTURES = 10
FRAMES = 40


@dataclass(frozen=True)
class Lesson:
    """The results of the lesson.

    Args:
        trained_on: letters.
        numbers, pixels: of a code, and of a letter.
        mse, pca_mse: of reconstructions of new letters of the training families, by the network and by PCA.
        averages_right: of ten decoded averages, one per letter, how many a classifier of pixels classifies correctly.
        sums: bold A - regular A + regular B, with A one other letter or all nine, by name.
        walks: interpolations from A to J, by curve.
        seconds: of training.
        pictures: the files that were drawn.
    """

    trained_on: int
    numbers: int
    pixels: int
    mse: float
    pca_mse: float
    averages_right: int
    sums: dict[str, Sums]
    interpolations: dict[str, Interpolation]
    seconds: float
    pictures: tuple[Path, ...]


@writes("course-latent")
def run(
    output: Path | None,
    *,
    tier: str = "small",
    settings: Sequence[str] = (),
    on_progress: Callable[[str, Progress], None] = lambda stage, progress: None,
) -> Lesson:
    """Train an autoencoder on letters and compute with their codes.

    Args:
        output: a folder for reconstructions.png, averages.png, arithmetic.png, interpolation.png and .gif; None draws
            nothing.
        tier: of the recipe `autoencoder`.
        settings: "key=value" changes to it.
    """
    drawn = glyphs(TRAINED_ON)
    training, tests = (letters.take(~letters.matches("family", HELD_OUT)) for letters in (drawn, glyphs(TESTED_ON, seed=1)))
    recipe = make_recipe("autoencoder", tier, settings)
    rule = Preprocess.for_images(training, recipe.size)
    model, history = train_model(
        training, rule, recipe, ("encode", "decode"), on_progress=partial(on_progress, "training")
    )  # fmt: skip
    numbers = latent_size(model, rule)
    unit, redrawn = rule.to_unit(tests.array), reconstruct(model, rule, tests)
    by_pca = reconstructed_by_pca(fitted_pca(training, rule, numbers), unit)
    averages = class_averages(model, rule, training)
    letters = drawn_letters(HELD_OUT, POSES)
    interpolations = {curve: interpolation(model, rule, _two_letters(tests), INTERPOLATION_PICTURES, curve) for curve in CURVES}
    pictures: dict[Path, bytes] = {}
    if output is not None:
        first = [int(np.flatnonzero(tests.matches("label", letter))[0]) for letter in LETTERS]
        rows = {"real": unit, f"the net, {numbers} numbers": redrawn, f"PCA, {numbers} numbers": by_pca}
        frames = interpolation(model, rule, _two_letters(tests), FRAMES)
        pictures = {
            output / "reconstructions.png": picture_rows({name: row[first] for name, row in rows.items()}),
            output / "averages.png": picture_rows({"the mean of the codes of each letter, decoded": averages}),
            output / "arithmetic.png": picture_rows(_sum_rows(model, rule, letters)),
            output / "interpolation.png": picture_rows(
                {f"{curve}, from A to J": found.images for curve, found in interpolations.items()}
            ),
            output / "interpolation.gif": interpolation_animation(frames),
        }
        for path, data in pictures.items():
            write_whole(path, data)
    return Lesson(
        trained_on=len(training),
        numbers=numbers,
        pixels=unit[0].size,
        mse=float(squared_errors(unit, redrawn).mean()),
        pca_mse=float(squared_errors(unit, by_pca).mean()),
        averages_right=rightly_named(training, rule, averages),
        sums={
            "one letter": measured_sums(model, rule, letters),
            "nine letters": measured_sums(model, rule, letters, True),
        },
        interpolations=interpolations,
        seconds=history.seconds,
        pictures=tuple(pictures),
    )


def class_averages(model: Model, rule: Preprocess, letters: ImageSet) -> Array:
    """Return the decoded mean code of each letter, upright and regular ones only, 10,28,28,1."""
    plain = letters.where(bold=False, italic=False)
    codes = encode(model, rule, plain)
    return decode(model, rule, np.stack([codes[plain.matches("label", letter)].mean(axis=0) for letter in LETTERS]))


def rightly_named(training: ImageSet, rule: Preprocess, averages: Array) -> int:
    """Return how many of the averages, one per letter in order, a linear classifier of pixels classifies correctly."""
    from sklearn.linear_model import LogisticRegression

    some = training.take(range(min(3000, len(training))))
    classifier = LogisticRegression(max_iter=200).fit(rule.to_unit(some.array).reshape(len(some), -1), some.labels)
    return int((classifier.predict(averages.reshape(len(averages), -1)) == np.array(list(LETTERS))).sum())


def _two_letters(letters: ImageSet) -> ImageSet:
    """Return the first A and the first J."""
    return ImageSet.concatenate([letters.where(label=letter).take([0]) for letter in ("A", "J")])


def _sum_rows(model: Model, rule: Preprocess, letters: Array) -> dict[str, Array]:
    """Return the rows of a picture: for each letter of the first pose, the terms and the decoded sum."""
    codes, unit = encoded_letters(model, rule, letters[:1])[0], rule.to_unit(letters[0])
    b = np.arange(len(LETTERS))
    a = (b + 1) % len(LETTERS)
    sums = codes[a, BOLD] - codes[a, REGULAR] + codes[b, REGULAR]
    means, _ = sums_to_bold(codes[None], averaged=True)
    return {
        "bold A": unit[a, BOLD],
        "less regular A": unit[a, REGULAR],
        "and regular B": unit[b, REGULAR],
        "is, decoded": decode(model, rule, sums),
        "is, decoded, with the mean of nine letters for A": decode(model, rule, means[0]),
        "true bold B": unit[b, BOLD],
    }
