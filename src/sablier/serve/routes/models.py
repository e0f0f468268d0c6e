"""The models of the server, and what it does with them: an address for each verb."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from sablier.errors import SablierError
from sablier.images.decoding import Entry
from sablier.images.imageset import ImageSet
from sablier.serve.answers import chosen_media, response
from sablier.serve.models import NAME, ServedModel
from sablier.serve.problems import Problem, documented
from sablier.serve.service import Service, service_of
from sablier.serve.uploads import BODY, image_set, read_entries
from sablier.serve.verbs import VERBS
from sablier.serve.verbs.base import JSON, Answer, Question, Verb

router = APIRouter(prefix="/v1/models", tags=["models"])
Name = Annotated[str, Path(pattern=f"^{NAME.pattern}$", description="The name of a model: that of its file, without the ending.")]
PROBLEMS = (400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 429, 500, 504)
ALPHAS = (0.01, 0.05, 0.1)
HELD = 2  # times the pixels that an image may have: those of all images of a request whose verb holds them in memory


class Listed(BaseModel):
    """A model of the server."""

    name: str
    task: str
    bytes: int
    checksum: str
    height: int
    width: int
    channels: int
    source: str
    created: str
    promises: dict[str, str]
    calibration_images: int | None
    drift: dict[str, Any] | None
    problem: str | None


class ModelList(BaseModel):
    """The models of the server, and why other files in its folders are none."""

    models: list[Listed]
    unreadable: dict[str, str]


@router.get("", summary="The models of this server.", responses=documented(401, 403, 429))
async def list_models(request: Request) -> ModelList:
    """Return each model with its guarantee, its calibration and the checksum of its file."""
    service = service_of(request)
    found: list[Listed] = []
    unreadable: dict[str, str] = {}
    for name in service.models.names():
        try:
            found.append(_listed(await model_named(service, name), service.models.problems()))
        except (SablierError, Problem) as error:
            unreadable[name] = str(error)
    return ModelList(models=found, unreadable=unreadable)


@router.get("/{name}", summary="One model.", responses=documented(401, 403, 404, 409, 422, 429))
async def describe_model(request: Request, name: Name) -> Listed:
    """Return a model with its guarantee, its calibration and the checksum of its file."""
    service = service_of(request)
    return _listed(await model_named(service, name), service.models.problems())


async def model_named(service: Service, name: str) -> ServedModel:
    """Return a model; one that was replaced is read again, in a thread of its own."""
    found = service.models.current(name)
    if found is not None:
        return found
    return await asyncio.get_running_loop().run_in_executor(service.scheduler.readers, service.models.get, name)


def _listed(model: ServedModel, problems: dict[str, str]) -> Listed:
    rule, provenance, judge = model.file.preprocess, model.file.provenance, model.judge
    drift = model.drift
    return Listed(
        name=model.name, task=model.file.task, bytes=model.bytes, checksum=model.checksum,
        height=rule.height, width=rule.width, channels=rule.channels,
        source=provenance.source, created=str(provenance.created),
        promises={} if judge is None else {f"{alpha:g}": judge.promise(alpha) for alpha in ALPHAS},
        calibration_images=None if judge is None else judge.calibration.count,
        drift=None if drift is None else {"alarmed": drift.alarmed, "evidence": drift.evidence, "images": drift.count},
        problem=problems.get(model.name),
    )  # fmt: skip


async def answered(request: Request, name: str, verb: Verb, options: BaseModel) -> Response:
    """Return the answer to a request: its images are read, wait for a thread, and are answered in the form that it accepts."""
    service = service_of(request)
    media = chosen_media(request.headers.get("accept"), verb)
    pictures: bool | None = getattr(options, "pictures", None)  # None: the verb draws none
    drawn = pictures is not None and (pictures or media != JSON)
    model = await model_named(service, name)
    with service.metrics.timed("read"):
        entries = await read_entries(request, service.options) if verb.least else []
    if verb.least and not verb.least <= len(entries) <= (verb.most or len(entries)):
        raise Problem(422, f"expected {verb.least} images to {verb.name}, got {len(entries)}.")
    question = Question(options, drawn)
    with service.metrics.timed("compute"):
        answer = await _computed(service, model, verb, entries, question)
    service.metrics.count(model.name, verb.name, answer.document)
    with service.metrics.timed("answer"):
        if len(answer.pictures) > 1 or drawn:
            return await asyncio.to_thread(response, answer, media, drawn and media == JSON)
        return response(answer, media, False)


async def _computed(service: Service, model: ServedModel, verb: Verb, entries: list[Entry], question: Question) -> Answer:
    if verb.together is not None and len(entries) == 1:
        together = partial(_together, verb, model)
        answer: Answer = await service.scheduler.join((verb.name, id(model)), together, (entries[0], question))
        return answer
    return await service.scheduler.run(partial(_alone, service, verb, model, entries, question))


def _together(verb: Verb, model: ServedModel, asked: list[tuple[Entry, Question]]) -> list[Answer | Exception]:
    assert verb.together is not None
    return verb.together(verb.state(model), asked)


def _alone(
    service: Service, verb: Verb, model: ServedModel, entries: list[Entry], question: Question, check: Callable[[], None]
) -> Answer:
    state, images = verb.state(model), image_set(entries) if entries else None
    if images is not None and verb.holds:
        _check_pixels(images, HELD * service.options.most_pixels)
    return verb.run(state, images, Question(question.options, question.drawn, check))


def _check_pixels(images: ImageSet, most: int) -> None:
    pixels = int(images.sizes.prod(axis=1).sum())
    if pixels > most:
        raise Problem(413, f"expected at most {most:,} pixels in a request, got {pixels:,}. Send fewer images at a time.")


def _endpoint(verb: Verb) -> Callable[..., Awaitable[Response]]:
    async def endpoint(request: Request, name: Name, options: Annotated[verb.options, Query()]) -> Response:  # type: ignore[name-defined]
        return await answered(request, name, VERBS[verb.name], options)

    return endpoint


for _verb in VERBS.values():
    _media = {JSON: {"schema": {"type": "object"}}} | {
        media: {"schema": {"type": "string", "format": "binary"}} for media in _verb.media
    }
    router.add_api_route(
        f"/{{name}}/{_verb.name}", _endpoint(_verb), methods=["POST"], summary=_verb.summary, name=_verb.name,
        operation_id=_verb.name, response_class=Response,
        responses={200: {"description": "The answer.", "content": _media}, **documented(*PROBLEMS)},
        openapi_extra={"requestBody": BODY} if _verb.least else None,
    )  # fmt: skip
