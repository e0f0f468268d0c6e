"""The verb `sample`: new images."""

from typing import Literal

from pydantic import Field

from sablier.images.imageset import ImageSet
from sablier.report.pictures import as_bytes, png
from sablier.serve.models import ServedModel
from sablier.serve.verbs.base import PICTURES, PNG, ZIP, Answer, NoOptions, Picture, Question, Verb
from sablier.tasks.latent.sample import Sampler
from sablier.workflows.sample import sampler_from


class SampleOptions(NoOptions):
    """The parameters of `sample`."""

    count: int = Field(default=1, ge=1, le=400, description="How many images.")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="The same seed gives the same images.")
    method: Literal["mixture", "flow", "gaussian", "network"] | None = Field(
        default=None, description="How codes are drawn; by default the first that the model has."
    )
    pictures: bool = PICTURES


def load(model: ServedModel) -> Sampler:
    """Return the sampler of a model."""
    return sampler_from(model.file)


def run(sampler: Sampler, images: ImageSet | None, question: Question) -> Answer:
    """Return new images."""
    options: SampleOptions = question.options
    result = sampler.sample(options.count, options.seed, options.method)
    pictures = [Picture(f"{index}", png(as_bytes(image))) for index, image in enumerate(result.images) if question.drawn]
    return Answer(result.to_json(), pictures)


SAMPLE = Verb("sample", "Generate new images.", SampleOptions, 0, 0, (PNG, ZIP), load, run)
