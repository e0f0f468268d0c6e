"""The verb `interpolate`: pictures between two images."""

from typing import Literal

from pydantic import Field

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.report.pictures import as_bytes, png
from sablier.serve.models import ServedModel
from sablier.serve.verbs.base import PICTURES, ZIP, Answer, NoOptions, Picture, Question, Verb, given
from sablier.tasks.latent.interpolation import interpolation
from sablier.tasks.latent.mixture import LatentMixture, mixture_of
from sablier.workflows.reconstruct import drawing_network

State = tuple[Model, Preprocess, LatentMixture | None]


class InterpolateOptions(NoOptions):
    """The parameters of `interpolate`."""

    count: int = Field(default=10, ge=2, le=100, description="How many pictures, the reconstructions of both images included.")
    curve: Literal["linear", "spherical"] = Field(default="linear", description="The curve between both codes.")
    pictures: bool = PICTURES


def load(model: ServedModel) -> State:
    """Return the network of a model that reconstructs, its preprocessing, and the distribution of its codes."""
    return drawing_network(model.file)[0], model.file.preprocess, mixture_of(model.file)


def run(state: State, images: ImageSet | None, question: Question) -> Answer:
    """Return the pictures between the first image and the second."""
    network, preprocess, mixture = state
    ends = given(images).dense(preprocess)
    if ends.skipped:
        raise ImagesError(f"{ends.skipped[0].id}: {ends.skipped[0].reason}")
    options: InterpolateOptions = question.options
    centre = None if mixture is None else mixture.gaussian().means[0]
    result = interpolation(network, preprocess, ends, options.count, options.curve, centre=centre, support=mixture)
    pictures = [Picture(f"{index}", png(as_bytes(image))) for index, image in enumerate(result.images) if question.drawn]
    return Answer(result.to_json(), pictures)


INTERPOLATE = Verb(
    "interpolate", "Decode pictures between two images.", InterpolateOptions, 2, 2, (ZIP,), load, run
)  # fmt: skip
