"""The application: routes, and before them who may ask, how much, and the log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from PIL import Image
from starlette.types import ASGIApp

import sablier
from sablier.serve.access_log import AccessLog
from sablier.serve.documentation import add_documentation
from sablier.serve.guard import Guard
from sablier.serve.limits import Limits
from sablier.serve.options import ServiceOptions
from sablier.serve.problems import SCHEMA, add_handlers
from sablier.serve.routes import health, jobs, models
from sablier.serve.service import Service

DESCRIPTION = "Models of sablier judge, denoise, classify, encode, reconstruct, compress and generate images."


def create_app(options: ServiceOptions, service: Service | None = None) -> ASGIApp:
    """Return the service as an ASGI application.

    Args:
        options: what it serves, to whom, and its limits.
        service: what its routes share; None makes one.

    Raises:
        ConfigError: if there is no such model file. ModelFileError: if one that is named cannot be read.
    """
    service = service or Service(options)
    app = FastAPI(
        title="sablier", version=sablier.__version__, description=DESCRIPTION, docs_url=None, redoc_url=None,
        lifespan=partial(_lifespan, service),
    )  # fmt: skip
    app.state.service = service
    app.include_router(health.router)
    app.include_router(models.router)
    app.include_router(jobs.router)
    add_handlers(app)
    add_documentation(app)
    _describe(app, bool(options.tokens))
    service.limits = Limits(app, options)
    guarded = Guard(service.limits, options.tokens, options.allowed_hosts)
    return AccessLog(guarded, service.metrics.count_request)


@asynccontextmanager
async def _lifespan(service: Service, app: FastAPI) -> AsyncIterator[None]:
    """Read the models before the first request, and finish what is computed at the end."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, service.options.most_pixels
    try:
        service.models.read_named()
        if service.jobs is not None:
            service.jobs.start()
        service.ready = True
        yield
    finally:
        service.ready = False
        if service.jobs is not None:
            await asyncio.to_thread(service.jobs.close)
        service.scheduler.close()
        Image.MAX_IMAGE_PIXELS = before


def _describe(app: FastAPI, tokens: bool) -> None:
    """Add to the description of the service what FastAPI does not know of it."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            components = document.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            schemas["Problem"] = SCHEMA
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            if tokens:
                components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                document["security"] = [{"token": []}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
