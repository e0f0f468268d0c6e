"""`Verb`: what the service does with images and a model; one file each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sablier.images.decoding import Entry
from sablier.images.imageset import ImageSet
from sablier.serve.models import ServedModel

PNG, ZIP, JSON = "image/png", "application/zip", "application/json"
PICTURES = Field(default=False, description="Whether a JSON answer contains the pictures, in base64.")


class NoOptions(BaseModel):
    """The options of a verb that takes none; the base of the others."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Picture:
    """A picture of an answer: the id of its image, and the bytes of a file of this suffix."""

    id: str
    data: bytes
    suffix: str = ".png"


@dataclass(frozen=True)
class Answer:
    """What a request gets.

    Args:
        document: the numbers, for JSON.
        pictures: for JSON where they are asked for, or as files.
        data: a file of `Verb.media`, where that is no picture.
    """

    document: dict[str, Any]
    pictures: list[Picture] = field(default_factory=list)
    data: bytes | None = None


@dataclass(frozen=True)
class Question:
    """What a request asks.

    Args:
        options: of the verb.
        drawn: whether the answer needs pictures.
        check: raises an exception where nobody waits for the answer any more.
    """

    options: Any
    drawn: bool = False
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Verb:
    """What the service does with images and a model.

    Args:
        name: the last part of its address.
        summary: what it does, in a sentence.
        options: the parameters that a request may have.
        least: the fewest images that it takes; 0: it takes none.
        most: the most; None: as many as the server takes.
        media: what it answers besides JSON.
        load: makes what `run` needs of a model; a ModelFileError where the model is for something else.
        run: answers a request.
        holds: whether it holds all images in memory, at their own size.
        together: answers requests with one image each in one step; None: each is answered by itself.
    """

    name: str
    summary: str
    options: type[BaseModel]
    least: int
    most: int | None
    media: tuple[str, ...]
    load: Callable[[ServedModel], Any]
    run: Callable[[Any, ImageSet | None, Question], Answer]
    holds: bool = False
    together: "Callable[[Any, Sequence[tuple[Entry, Question]]], list[Answer | Exception]] | None" = None

    def state(self, model: ServedModel) -> Any:
        """Return what `run` needs of a model; made once.

        Raises:
            ModelFileError: if the model is for something else.
        """
        with model.lock:
            if self.name not in model.states:
                model.states[self.name] = self.load(model)
            return model.states[self.name]


def given(images: ImageSet | None) -> ImageSet:
    """Return the images of a request of a verb that takes some."""
    if images is None:
        raise TypeError("this verb takes images")
    return images
