"""How much a server takes: requests at once, bytes of a body, and the time in which they must arrive."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sablier.serve.options import ServiceOptions
from sablier.serve.problems import Problem

RETRY_SECONDS = 1
WITHOUT_LIMIT = ("/healthz", "/readyz", "/metrics")


class Limits:
    """Refuses what is too much: 429 for too many requests, 413 for too many bytes, 408 for bytes that come too slowly.

    Args:
        app: what answers all others.
        options: the limits.
    """

    def __init__(self, app: ASGIApp, options: ServiceOptions) -> None:
        self.app, self.options = app, options
        self.waiting, self.held = 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request within the limits."""
        if scope["type"] != "http" or scope["path"] in WITHOUT_LIMIT:
            await self.app(scope, receive, send)
            return
        problem = self._refused(Headers(scope=scope))
        if problem is not None:
            await problem.response()(scope, receive, send)
            return
        body = _Body(self, receive)
        self.waiting += 1
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.waiting -= 1
            self.held -= body.count

    def _refused(self, headers: Headers) -> Problem | None:
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self.options.most_bytes:
            return self.too_large()
        if self.waiting >= self.options.most_waiting:
            return self.too_many()
        return None

    def too_large(self) -> Problem:
        """Return that a body has too many bytes."""
        return Problem(413, f"expected at most {self.options.most_bytes:,} bytes in a request. Send fewer or smaller images.")

    def too_many(self) -> Problem:
        """Return that the server has enough to do."""
        return Problem(429, "the server has as many requests as it takes. Try again.", {"Retry-After": str(RETRY_SECONDS)})


class _Body:
    """Counts the bytes of the body of one request as they arrive."""

    def __init__(self, limits: Limits, receive: Receive) -> None:
        self.limits, self.source = limits, receive
        self.count, self.whole = 0, False
        self.end = time.monotonic() + limits.options.body_seconds

    async def receive(self) -> Message:
        if self.whole:  # whether the client has gone is no question of time
            return await self.source()
        try:
            message = await asyncio.wait_for(self.source(), max(0.0, self.end - time.monotonic()))
        except TimeoutError:
            seconds = self.limits.options.body_seconds
            raise Problem(408, f"expected the whole request within {seconds:g} seconds.", {"Connection": "close"}) from None
        came = len(message.get("body", b""))
        self.count += came
        self.limits.held += came
        if self.count > self.limits.options.most_bytes:
            raise self.limits.too_large()
        if self.limits.held > self.limits.options.most_held:
            raise self.limits.too_many()
        self.whole = not message.get("more_body", False)
        return message
