"""The verb `embed`: the codes of images."""

from typing import Any

from sablier.images.imageset import ImageSet
from sablier.serve.models import ServedModel
from sablier.serve.verbs.base import Answer, NoOptions, Question, Verb, given
from sablier.tasks.latent.embed import Embedder
from sablier.workflows.embed import encoding_network


def load(model: ServedModel) -> Any:
    """Return the network of a model that encodes, and its preprocessing."""
    return encoding_network(model.file)[0], model.file.preprocess


def run(state: Any, images: ImageSet | None, question: Question) -> Answer:
    """Return the code of each image."""
    network, preprocess = state
    embedder = Embedder(network, preprocess, compare=False)
    embedder.add(given(images))
    result = embedder.result()
    codes = [
        {"id": id, "code": code} for id, code in zip(result.latents.ids.tolist(), result.latents.codes.tolist(), strict=True)
    ]
    skipped = [{"id": item.id, "reason": item.reason} for item in result.skipped]
    return Answer({"images": len(codes), "numbers": embedder.numbers, "skipped": skipped, "codes": codes})


EMBED = Verb("embed", "Encode each image.", NoOptions, 1, None, (), load, run)
