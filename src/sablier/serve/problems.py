"""Errors as answers: problem details in JSON (RFC 9457)."""

import json
import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sablier.errors import ModelFileError, SablierError
from sablier.serve.jobs.record import NoSuchJob, TooManyJobs, WrongState

MEDIA = "application/problem+json"
RETRY_SECONDS = 30  # where jobs wait for each other
STATUSES: dict[type[SablierError], int] = {ModelFileError: 409, NoSuchJob: 404, WrongState: 409, TooManyJobs: 429}  # else 422
SCHEMA = {
    "title": "Problem",
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string", "description": "The kind of problem."},
        "status": {"type": "integer", "description": "The status of the answer."},
        "detail": {"type": "string", "description": "What was expected, what came, and what to do."},
    },
}


class Problem(Exception):
    """A request that gets no result.

    Args:
        status: of the answer.
        detail: what was expected, what came, and what to do.
        headers: of the answer.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}

    def response(self) -> Response:
        """Return the answer."""
        document = {"title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}
        return Response(json.dumps(document), self.status, self.headers, MEDIA)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the description of the service says of answers that are problems."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def as_problem(error: SablierError) -> Problem:
    """Return the problem that an error of sablier is: what a request asks for that cannot be done."""
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 422)
    return Problem(status, str(error), {"Retry-After": str(RETRY_SECONDS)} if status == 429 else None)


def add_handlers(app: FastAPI) -> None:
    """Answer every error with a problem."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    async def sablier(request: Request, error: Exception) -> Response:
        assert isinstance(error, SablierError)
        return as_problem(error).response()

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = "; ".join(f"{'.'.join(map(str, each['loc'][1:])) or each['loc'][0]}: {each['msg']}" for each in error.errors())
        return Problem(422, f"{found}. See /docs for what is expected.").response()

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = f"there is no {request.url.path}. See /docs." if error.status_code == 404 else str(error.detail)
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := _methods(request)):
            headers["Allow"] = ", ".join(sorted(methods))
        return Problem(error.status_code, detail, headers).response()

    async def gone(request: Request, error: Exception) -> Response:
        return Problem(400, "the request ended before its body did.").response()

    async def fault(request: Request, error: Exception) -> Response:
        return Problem(500, "the server has a fault; its log has the details.").response()

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(SablierError, sablier)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, fault)


def _methods(request: Request) -> set[str]:
    """Return the methods that the description of the service has for an address; a framework names those of one route."""
    paths = request.app.openapi()["paths"]
    path = request.url.path
    found = [path] if path in paths else [each for each in paths if re.fullmatch(re.sub(r"{\w+}", "[^/]+", each), path)]
    return {method.upper() for each in found for method in paths[each]}
