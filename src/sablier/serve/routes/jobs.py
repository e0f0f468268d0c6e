"""Jobs: long work that goes on when the request has been answered."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, Field, create_model
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import FileResponse, Response, StreamingResponse

from sablier.images.decoding import Entry
from sablier.serve.jobs import KINDS, Job, Jobs, State
from sablier.serve.jobs.events import Event
from sablier.serve.jobs.folders import ID, Upload
from sablier.serve.jobs.kinds import MODEL, Kind
from sablier.serve.models import NAME
from sablier.serve.problems import RETRY_SECONDS, Problem, documented
from sablier.serve.roots import below_a_root
from sablier.serve.routes.models import model_named
from sablier.serve.service import Service, service_of
from sablier.serve.uploads import BODY, read_fields, with_own_ids


class _JobId(StringConvertor):
    """An id of a job in an address, so that no other word is one, such as the kind of a job."""

    regex = ID.pattern


register_url_convertor("job", _JobId())
router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
JobId = Annotated[str, Path(pattern=f"^{ID.pattern}$", description="The id of a job.")]
EVENT_STREAM, FILE = "text/event-stream", "application/octet-stream"
MOST_FOLLOWED = 16  # answers that tell of events, at once
BEAT_SECONDS = 15.0  # after which a line without a meaning shows that the server is still there
PROBLEMS = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500)


class JobAnswer(BaseModel):
    """A job as it is now."""

    id: str
    kind: str
    arguments: dict[str, Any]
    state: State
    asked: Annotated[str | None, Field(description="What a running job was asked to do, and has not done yet.")]
    continues: Annotated[bool, Field(description="Whether it goes on from a checkpoint when it is resumed, or starts again.")]
    submitted: datetime
    started: datetime | None
    ended: datetime | None
    error: str | None
    result: dict[str, Any]
    files: Annotated[list[str], Field(description="The files of a job that is done; see /v1/jobs/{id}/files/{name}.")]


@router.get("", summary="All jobs.", responses=documented(401, 403, 404, 429))
async def list_jobs(request: Request) -> list[JobAnswer]:
    """Return the jobs of this server, in the order in which they were submitted."""
    jobs = jobs_of(request)
    return [await _answer(jobs, job, files=False) for job in jobs.all()]


@router.get("/{id:job}", summary="One job.", responses=documented(401, 403, 404, 422, 429))
async def describe_job(request: Request, id: JobId) -> JobAnswer:
    """Return the state of a job, its result when it is done, and its error when it failed."""
    jobs = jobs_of(request)
    return await _answer(jobs, jobs.get(id))


@router.post("/{id:job}/pause", summary="Pause a job.", responses=documented(401, 403, 404, 409, 422, 429))
async def pause_job(request: Request, id: JobId) -> JobAnswer:
    """Pause a job. A running one is paused as soon as it has written its checkpoint; `asked` says so until then."""
    jobs = jobs_of(request)
    return await _answer(jobs, await asyncio.to_thread(jobs.pause, id))


@router.post("/{id:job}/resume", summary="Resume a paused job.", responses=documented(401, 403, 404, 409, 422, 429))
async def resume_job(request: Request, id: JobId) -> JobAnswer:
    """Put a paused job into the queue again. Training goes on at its checkpoint; other jobs start again (`continues`)."""
    jobs = jobs_of(request)
    return await _answer(jobs, await asyncio.to_thread(jobs.resume, id))


@router.post("/{id:job}/cancel", summary="Cancel a job.", responses=documented(401, 403, 404, 409, 422, 429))
async def cancel_job(request: Request, id: JobId) -> JobAnswer:
    """End a job without a result. A running one is cancelled as soon as it stops; `asked` says so until then."""
    jobs = jobs_of(request)
    return await _answer(jobs, await asyncio.to_thread(jobs.cancel, id))


@router.delete("/{id:job}", status_code=204, summary="Delete a job.", responses=documented(401, 403, 404, 409, 422, 429))
async def delete_job(request: Request, id: JobId) -> Response:
    """Delete a job that has ended, and all its files."""
    await asyncio.to_thread(jobs_of(request).delete, id)
    return Response(status_code=204)


@router.get(
    "/{id:job}/events", summary="The events of a job, as they happen.", response_class=StreamingResponse,
    responses=documented(401, 403, 404, 422, 429) | {200: {"description": "Events.", "content": {EVENT_STREAM: {}}}},
)  # fmt: skip
async def follow_job(
    request: Request,
    id: JobId,
    after: Annotated[int, Query(ge=0, le=2**53, description="The number of the last event that is known already.")] = 0,
    last_event_id: Annotated[str | None, Header(description="The same, as browsers send it.", max_length=20)] = None,
) -> StreamingResponse:
    """Return server-sent events: `state`, `progress`, `epoch` (with the losses) and `warning`, until the job has ended."""
    service, jobs = service_of(request), jobs_of(request)
    jobs.get(id)
    if service.following >= MOST_FOLLOWED:
        raise Problem(429, f"{MOST_FOLLOWED} requests follow jobs already. Try again.", {"Retry-After": str(RETRY_SECONDS)})
    known = int(last_event_id) if last_event_id and last_event_id.isdecimal() and last_event_id.isascii() else after
    return StreamingResponse(
        _told(service, jobs.events(id, known, BEAT_SECONDS)), media_type=EVENT_STREAM, headers={"Cache-Control": "no-cache"}
    )


@router.get(
    "/{id:job}/files/{name:path}", summary="A file that a job wrote.", response_class=FileResponse,
    responses=documented(401, 403, 404, 409, 422, 429) | {200: {"description": "The file.", "content": {FILE: {}}}},
)  # fmt: skip
async def job_file(
    request: Request, id: JobId, name: Annotated[str, Path(description="One of `files` of the job.")]
) -> FileResponse:
    """Return a model file, a page or a picture of a job that is done."""
    files = await asyncio.to_thread(jobs_of(request).outputs, id)
    if name not in files:
        raise Problem(404, f"the job has no file {name[:100]!r}. See `files` of /v1/jobs/{id}.")
    return FileResponse(files[name], media_type=FILE, filename=files[name].name)


def jobs_of(request: Request) -> Jobs:
    """Return the jobs of the server that a request came to.

    Raises:
        Problem: if it has none.
    """
    jobs = service_of(request).jobs
    if jobs is None:
        raise Problem(404, "this server takes no jobs: it was started without --jobs.")
    return jobs


async def _answer(jobs: Jobs, job: Job, files: bool = True) -> JobAnswer:
    """Return what a request gets to know of a job; without its files where many jobs are listed."""
    written = await asyncio.to_thread(jobs.outputs, job.id) if files and job.state == "done" else ()
    return JobAnswer(
        **{name: value for name, value in job.model_dump().items() if name in JobAnswer.model_fields},
        continues=job.kind in KINDS and KINDS[job.kind].continues,
        files=list(written),
    )


async def _told(service: Service, events: AsyncIterator[Event | None]) -> AsyncIterator[str]:
    """Yield events as a browser reads them (server-sent events)."""
    service.following += 1
    try:
        async for event in events:
            if event is None:
                yield ":\n\n"
            else:
                yield f"id: {event.number}\nevent: {event.kind}\ndata: {json.dumps(event.content)}\n\n"
    finally:
        service.following -= 1


async def _submitted(request: Request, kind: type[Kind], options: BaseModel) -> tuple[Jobs, Job]:
    """Submit what a request asks for, with the images that it brings or names."""
    service, jobs = service_of(request), jobs_of(request)
    given = options.model_dump()
    arguments = kind.model_validate({name: given[name] for name in kind.model_fields})
    sources: dict[str, FilePath | Upload] = {}
    if MODEL in kind.takes:
        sources[MODEL] = await _model(service, given[MODEL])
    named = {name: text for name, text in given.items() if name in _images_of(kind) and text is not None}
    for name, text in named.items():
        sources[name] = await asyncio.to_thread(below_a_root, text, service.options.roots)
    if not named or await request.body():
        fields = await read_fields(request, service.options, _images_of(kind)[0])
        if twice := named.keys() & fields.keys():
            raise Problem(422, f"expected {', '.join(twice)} once, got it as a parameter and in the body.")
        sources |= {name: partial(_zipped, with_own_ids(entries)) for name, entries in fields.items()}
    return jobs, await asyncio.to_thread(jobs.submit, arguments, sources)


async def _model(service: Service, name: str) -> FilePath:
    """Return the file of a model."""
    path = (await model_named(service, name)).path
    if path.suffix.lower() != ".sablier":
        raise Problem(409, f"expected a model in a .sablier file, got {path.name}, which is exported and cannot be worked with.")
    return path


def _zipped(entries: Sequence[Entry], path: FilePath) -> None:
    """Write images that a request brought as a zip archive, as they came."""
    with zipfile.ZipFile(path, "w") as archive:
        for entry in entries:
            with entry.open() as stream:
                archive.writestr(entry.id, stream.read())


def _images_of(kind: type[Kind]) -> tuple[str, ...]:
    return tuple(name for name in (*kind.takes, *kind.may_take) if name != MODEL)


def _options_of(kind: type[Kind]) -> type[BaseModel]:
    """Return the parameters of a request for a job: its arguments, its model, and images below a root of the server."""
    fields: dict[str, Any] = {
        name: (Annotated[str | None, Field(description="Images on the disk of the server, below --root.", max_length=1000)], None)
        for name in _images_of(kind)
    }
    if MODEL in kind.takes:
        fields[MODEL] = (Annotated[str, Field(pattern=f"^{NAME.pattern}$", description="A model of the server.")], ...)
    return create_model(f"{kind.__name__}Options", __base__=kind, **fields)


def _body_of(kind: type[Kind]) -> dict[str, Any]:
    """Return the description of the body of a request for a job."""
    names = _images_of(kind)
    files = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
    form = {"schema": {"type": "object", "properties": dict.fromkeys(names, files)}}
    description = (
        f"Images, where no parameter names them: the files of a form in the {'field' if len(names) == 1 else 'fields'} "
        f"{', '.join(names)}; or one image or zip archive, which is {names[0]}."
    )
    return BODY | {"required": False, "description": description, "content": BODY["content"] | {"multipart/form-data": form}}


def _endpoint(kind: type[Kind]) -> Callable[..., Awaitable[JobAnswer]]:
    taken = _options_of(kind)

    async def endpoint(request: Request, response: Response, options: Annotated[taken, Query()]) -> JobAnswer:  # type: ignore[valid-type]
        jobs, job = await _submitted(request, kind, options)
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        return await _answer(jobs, job)

    endpoint.__doc__ = f"{kind.__doc__} The answer comes at once; the job waits until those before it have ended."
    return endpoint


for _kind in KINDS.values():
    router.add_api_route(
        f"/{_kind.kind}", _endpoint(_kind), methods=["POST"], status_code=202, summary=f"Submit a job: {_kind.kind}.",
        operation_id=f"submit_{_kind.kind}", responses=documented(*PROBLEMS), openapi_extra={"requestBody": _body_of(_kind)},
    )  # fmt: skip
