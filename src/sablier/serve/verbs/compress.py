"""The verb `compress`: images as one .sabz file."""

from pydantic import Field

from sablier.images.imageset import ImageSet
from sablier.serve.models import ServedModel
from sablier.serve.verbs.base import Answer, NoOptions, Question, Verb, given
from sablier.tasks.codec.codec import QUALITY, Codec

SABZ = "application/octet-stream"


class CompressOptions(NoOptions):
    """The parameters of `compress`."""

    quality: int = Field(default=QUALITY, ge=1, le=100, description="From 1, the fewest bytes, to 100, the smallest error.")
    lossless: bool = Field(default=False, description="Whether every pixel is kept.")


def load(model: ServedModel) -> Codec:
    """Return the codec of a model."""
    return Codec(model.file)


def run(codec: Codec, images: ImageSet | None, question: Question) -> Answer:
    """Return the compressed images, decoded once and compared."""
    options: CompressOptions = question.options
    found = codec.compressed(
        given(images), options.quality, lossless=options.lossless, on_progress=lambda count: question.check()
    )
    document = {
        "images": found.header.images,
        "bytes": len(found.data),
        "mse": found.mse,
        "skipped": [{"id": item.id, "reason": item.reason} for item in found.skipped],
    }
    return Answer(document, data=found.data)


COMPRESS = Verb("compress", "Compress images into one .sabz file.", CompressOptions, 1, None, (SABZ,), load, run, holds=True)
