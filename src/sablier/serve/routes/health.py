"""Whether the server works, and what it counts."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sablier.serve.metrics import MEDIA
from sablier.serve.problems import Problem, documented
from sablier.serve.service import service_of

router = APIRouter(tags=["server"])


class Health(BaseModel):
    """How the server is."""

    status: str


@router.get("/healthz", summary="Whether the server answers.")
async def healthz() -> Health:
    """Return that it does."""
    return Health(status="ok")


@router.get("/readyz", summary="Whether the server has read its models.", responses=documented(503))
async def readyz(request: Request) -> Health:
    """Return that it has, and can judge images."""
    if not service_of(request).ready:
        raise Problem(503, "the server has not read its models yet, or stops.", {"Retry-After": "1"})
    return Health(status="ready")


@router.get(
    "/metrics", summary="Counts and times, for Prometheus.", response_class=Response, responses={200: {"content": {MEDIA: {}}}}
)
async def metrics(request: Request) -> Response:
    """Return images, verdicts, seconds by stage, requests in the server, and evidence of drift."""
    return Response(service_of(request).metrics.text(), media_type=MEDIA)
