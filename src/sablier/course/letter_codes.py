"""Letters and their codes in lesson 3: an autoencoder beside PCA, averages, sums and interpolations with known answers.

Letters are rendered from fonts. The test letters of the sums are of a font family that is not in training.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sablier.course.arithmetic import BOLD, REGULAR, drawn_letters, encoded_letters, measured_sums, sums_to_bold
from sablier.course.augmentation import Augmented, augmented
from sablier.course.averages import rightly_named
from sablier.course.sums import Sums
from sablier.images.glyphs import LETTERS, glyphs
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model, layer_table
from sablier.recipes.config import Recipe
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
from sablier.workflows.training.network import train_model

HELD_OUT = "STIX"  # the font family
TRAINED_ON, TESTED_ON = 12_000, 2000  # rendered letters, without those of the held-out family
POSES = 12
INTERPOLATION_PICTURES = 10


@dataclass(frozen=True)
class Letters:
    """The results on letters.

    Args:
        trained_on: the number of letters.
        numbers, pixels: of a code, and of a letter.
        layers, rows: of the network, and of its training.
        mse, pca_mse: of reconstructions of new letters of the training families, by the network and by PCA.
        real, again, by_pca: one test letter of each kind, reconstructed by both, 10,28,28,1 in [0, 1].
        averages: the decoded mean code of each letter, 10,28,28,1.
        averages_right: how many of them a classifier of pixels classifies correctly.
        sums: bold A - regular A + regular B, with A one other letter or all nine, by name.
        sum_rows: the terms, the decoded sums and the truth for each letter, by name, each 10,28,28,1.
        interpolations: from A to J, by curve.
        augmented: what more training images bring to a classifier.
        seconds: of training.
    """

    trained_on: int
    numbers: int
    pixels: int
    layers: list[tuple[str, str, str, int]]
    rows: list[dict[str, float]]
    mse: float
    pca_mse: float
    real: Array
    again: Array
    by_pca: Array
    averages: Array
    averages_right: int
    sums: dict[str, Sums]
    sum_rows: dict[str, Array]
    interpolations: dict[str, Interpolation]
    augmented: Augmented
    seconds: float


def some_letters(count: int, seed: int = 0) -> ImageSet:
    """Render letters of all families but the one that is held out."""
    letters = glyphs(count, seed=seed)
    return letters.take(~letters.matches("family", HELD_OUT))


def training_letters() -> ImageSet:
    """Render the letters that the network is trained on."""
    return some_letters(TRAINED_ON)


def letters_studied(training: ImageSet, recipe: Recipe, on_progress: Callable[[Progress], None]) -> Letters:
    """Train an autoencoder on letters without their labels and compute with its codes.

    Args:
        training: letters.
        recipe: `autoencoder`.
    """
    tests = some_letters(TESTED_ON, seed=1)
    rule = Preprocess.for_images(training, recipe.size)
    model, history = train_model(training, rule, recipe, ("encode", "decode"), on_progress=on_progress)
    numbers = latent_size(model, rule)
    unit, redrawn = rule.to_unit(tests.array), reconstruct(model, rule, tests)
    by_pca = reconstructed_by_pca(fitted_pca(training, rule, numbers), unit)
    averages, letters = class_averages(model, rule, training), drawn_letters(HELD_OUT, POSES)
    first = [int(np.flatnonzero(tests.matches("label", letter))[0]) for letter in LETTERS]
    ends = _two_letters(tests)
    return Letters(
        trained_on=len(training),
        numbers=numbers,
        pixels=unit[0].size,
        layers=layer_table(model),
        rows=history.rows,
        mse=float(squared_errors(unit, redrawn).mean()),
        pca_mse=float(squared_errors(unit, by_pca).mean()),
        real=unit[first],
        again=redrawn[first],
        by_pca=by_pca[first],
        averages=averages,
        averages_right=rightly_named(training, rule, averages, list(LETTERS)),
        sums={"one": measured_sums(model, rule, letters), "nine": measured_sums(model, rule, letters, True)},
        sum_rows=_sum_rows(model, rule, letters),
        interpolations={curve: interpolation(model, rule, ends, INTERPOLATION_PICTURES, curve) for curve in CURVES},
        augmented=augmented(model, rule, training, tests),
        seconds=history.seconds,
    )


def class_averages(model: Model, rule: Preprocess, letters: ImageSet) -> Array:
    """Return the decoded mean code of each letter, upright and regular ones only, 10,28,28,1."""
    plain = letters.where(bold=False, italic=False)
    codes = encode(model, rule, plain)
    return decode(model, rule, np.stack([codes[plain.matches("label", letter)].mean(axis=0) for letter in LETTERS]))


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
        "bold_a": unit[a, BOLD],
        "regular_a": unit[a, REGULAR],
        "regular_b": unit[b, REGULAR],
        "one": decode(model, rule, sums),
        "nine": decode(model, rule, means[0]),
        "truth": unit[b, BOLD],
    }
