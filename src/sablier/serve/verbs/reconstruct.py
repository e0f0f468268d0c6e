"""The verb `reconstruct`: images from their codes."""

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.report.pictures import as_bytes, png
from sablier.serve.models import ServedModel
from sablier.serve.verbs.base import PICTURES, PNG, ZIP, Answer, NoOptions, Picture, Question, Verb, given
from sablier.tasks.latent.reconstruct import reconstruction_result, scaled_back
from sablier.workflows.reconstruct import drawing_network


class ReconstructOptions(NoOptions):
    """The parameters of `reconstruct`."""

    pictures: bool = PICTURES


def load(model: ServedModel) -> tuple[Model, Preprocess]:
    """Return the network of a model that reconstructs."""
    return drawing_network(model.file)[0], model.file.preprocess


def run(state: tuple[Model, Preprocess], images: ImageSet | None, question: Question) -> Answer:
    """Return the errors, and the reconstructions at the sizes of their images."""
    network, preprocess = state
    result = reconstruction_result(network, preprocess, given(images).dense(preprocess))
    rows = zip(result.ids.tolist(), result.reconstructions, result.sizes.tolist(), strict=True) if question.drawn else ()
    pictures = [Picture(id, png(as_bytes(scaled_back(again[None], *size)[0]))) for id, again, size in rows]
    return Answer(result.to_json(), pictures)


RECONSTRUCT = Verb(
    "reconstruct", "Reconstruct each image from its code.", ReconstructOptions, 1, None, (PNG, ZIP), load, run, holds=True
)
