"""The verb `denoise`: images without their noise."""

from sablier.images.imageset import ImageSet
from sablier.serve.models import ServedModel
from sablier.serve.verbs.base import PICTURES, PNG, ZIP, Answer, NoOptions, Picture, Question, Verb, given
from sablier.tasks.denoise import NoiseRemover
from sablier.workflows.denoise import noise_remover
from sablier.workflows.image_files import as_file


class DenoiseOptions(NoOptions):
    """The parameters of `denoise`."""

    pictures: bool = PICTURES


def load(model: ServedModel) -> NoiseRemover:
    """Return the noise remover of a model."""
    return noise_remover(model.file)


def run(remover: NoiseRemover, images: ImageSet | None, question: Question) -> Answer:
    """Return the noise levels, and the images without noise, in their own types."""
    result = remover.denoise(given(images))
    files = [as_file(image) for image in result.cleaned] if question.drawn else []
    pictures = [Picture(id, data, suffix) for id, (suffix, data) in zip(result.ids.tolist(), files, strict=False)]
    return Answer(result.to_json(), pictures)


DENOISE = Verb("denoise", "Remove the noise of each image.", DenoiseOptions, 1, None, (PNG, ZIP), load, run, holds=True)
