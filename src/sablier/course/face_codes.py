"""Faces and their codes in lesson 3: averages, the sum of the lesson's example, and an interpolation."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sablier.course.averages import rightly_named
from sablier.course.face_sums import (
    drawn_faces,
    error_ratio_of_pixels,
    measured_glasses,
    sums_to_glasses,
    without_held_out,
)
from sablier.course.sums import Sums, encoded
from sablier.images.faces import COMBINATIONS, faces
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.recipes.config import Recipe
from sablier.tasks.latent.interpolation import Interpolation, interpolation
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

HELD_OUT = "angular"  # the shape whose faces with glasses are not in training
TRAINED_ON, TESTED_ON = 6000, 1000
POSES = 12
SHOWN = 8
INTERPOLATION_PICTURES, FRAMES = 10, 40
ENDS = ("round-short-bare-neutral", "angular-long-bare-smile")  # of the interpolation


@dataclass(frozen=True)
class Faces:
    """The results on faces; images are N,48,48,1 in [0, 1].

    Args:
        trained_on: the number of faces.
        numbers, pixels: of a code, and of a face.
        rows: of the training.
        samples: a face of each combination of attributes, in the order of `COMBINATIONS`.
        defective, masks: test faces with defects, and where they are, N,48,48.
        mse, pca_mse: of reconstructions of new faces, by the network and by PCA.
        real, again, by_pca: some test faces, reconstructed by both.
        averages: the decoded mean code of each combination that was in training.
        averages_right: how many of them a classifier of pixels classifies correctly.
        sums: glasses for faces that were never seen with them, from one face or from the mean of many, by name.
        pixel_ratio: the error ratio of the same sums of pixels, by name.
        sum_rows: the terms, the sums and the truth, by name.
        interpolation: from one face to another.
        frames: the same in small steps.
        seconds: of training.
    """

    trained_on: int
    numbers: int
    pixels: int
    rows: list[dict[str, float]]
    samples: Array
    defective: Array
    masks: Array
    mse: float
    pca_mse: float
    real: Array
    again: Array
    by_pca: Array
    averages: Array
    averages_right: int
    sums: dict[str, Sums]
    pixel_ratio: dict[str, float]
    sum_rows: dict[str, Array]
    interpolation: Interpolation
    frames: Interpolation
    seconds: float


def training_faces() -> ImageSet:
    """Draw faces, less those of the shape that is held out with glasses."""
    return without_held_out(faces(TRAINED_ON), HELD_OUT)


def faces_studied(training: ImageSet, recipe: Recipe, on_progress: Callable[[Progress], None]) -> Faces:
    """Train an autoencoder on faces without their labels and compute with its codes.

    Args:
        training: faces.
        recipe: `autoencoder`.
    """
    tests = faces(TESTED_ON, seed=1)
    broken = faces(2 * SHOWN, seed=2, defects=0.5)
    broken = broken.take(np.flatnonzero(broken.attributes["defect"] != "none"))
    rule = Preprocess.for_images(training, recipe.size)
    model, history = train_model(training, rule, recipe, ("encode", "decode"), on_progress=on_progress)
    numbers, unit, again = latent_size(model, rule), rule.to_unit(tests.array), reconstruct(model, rule, tests)
    by_pca = reconstructed_by_pca(fitted_pca(training, rule, numbers), unit)
    known = [traits.label for traits in COMBINATIONS if training.matches("label", traits.label).any()]
    averages = mean_faces(model, rule, training, known)
    poses = drawn_faces(POSES)
    ends = ImageSet.concatenate([tests.where(label=label).take([0]) for label in ENDS])
    ways = {"one": False, "mean": True}
    return Faces(
        trained_on=len(training),
        numbers=numbers,
        pixels=unit[0].size,
        rows=history.rows,
        samples=rule.to_unit(poses[0]),
        defective=rule.to_unit(broken.array),
        masks=np.asarray(broken.masks),
        mse=float(squared_errors(unit, again).mean()),
        pca_mse=float(squared_errors(unit, by_pca).mean()),
        real=unit[:SHOWN],
        again=again[:SHOWN],
        by_pca=by_pca[:SHOWN],
        averages=averages,
        averages_right=rightly_named(training, rule, averages, known),
        sums={name: measured_glasses(model, rule, poses, HELD_OUT, way) for name, way in ways.items()},
        pixel_ratio={name: error_ratio_of_pixels(rule, poses, HELD_OUT, way) for name, way in ways.items()},
        sum_rows=_sum_rows(model, rule, poses),
        interpolation=interpolation(model, rule, ends, INTERPOLATION_PICTURES),
        frames=interpolation(model, rule, ends, FRAMES),
        seconds=history.seconds,
    )


def mean_faces(model: Model, rule: Preprocess, images: ImageSet, labels: list[str]) -> Array:
    """Return the decoded mean code of the faces of each label."""
    codes = encode(model, rule, images)
    return decode(model, rule, np.stack([codes[images.matches("label", label)].mean(axis=0) for label in labels]))


def _sum_rows(model: Model, rule: Preprocess, poses: Array) -> dict[str, Array]:
    """Return the rows of a picture: for two poses and each hair and smile, the changed face, sums, and the truth."""
    codes, unit = encoded(model, rule, poses), rule.to_unit(poses)
    found: dict[str, list[Array]] = {name: [] for name in ("bare", "one", "mean", "pixels", "truth")}
    single, _, _ = sums_to_glasses(codes, HELD_OUT, averaged=False)
    means, start, truth = sums_to_glasses(codes, HELD_OUT, averaged=True)
    of_pixels, _, _ = sums_to_glasses(unit, HELD_OUT, averaged=True)
    for pose in range(2):
        found["bare"] += list(unit[pose, start])
        found["one"] += list(decode(model, rule, single[pose, : len(start)]))
        found["mean"] += list(decode(model, rule, means[pose]))
        found["pixels"] += list(of_pixels[pose].clip(0, 1))
        found["truth"] += list(unit[pose, truth])
    return {name: np.stack(images) for name, images in found.items()}
