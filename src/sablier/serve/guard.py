"""Who may ask: the host that a request names, the page that it comes from, and its token.

A page of another site can make a browser send requests to a server on the same machine. Such a request names its origin, which
is refused; and a name that points to this machine by a trick (DNS rebinding) is none of the names of the server.
"""

import hmac
import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sablier.serve.problems import Problem

OPEN = ("/healthz", "/readyz")  # what a supervisor asks without a token
FOREIGN = ("cross-site", "same-site")  # values of Sec-Fetch-Site


class Guard:
    """Refuses requests from elsewhere.

    Args:
        app: what answers all others.
        tokens: bearer tokens; none: no token is needed.
        allowed_hosts: names of the server besides localhost and plain addresses.
    """

    def __init__(self, app: ASGIApp, tokens: Iterable[str], allowed_hosts: Iterable[str]) -> None:
        self.app = app
        self.tokens = tuple(token.encode() for token in tokens)
        self.names = {"localhost", *(name.lower() for name in allowed_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        problem = self._problem(Headers(scope=scope), scope["path"]) if scope["type"] == "http" else None
        if problem is None:
            await self.app(scope, receive, send)
        else:
            await problem.response()(scope, receive, send)

    def _problem(self, headers: Headers, path: str) -> Problem | None:
        """Return why a request is refused; None if it is not."""
        host = headers.get("host", "")
        if not self._is_own(host):
            return Problem(
                403,
                f"the server is not {host[:100]!r}. Address it by its IP address or as localhost, or start it with --allow-host.",
            )
        origin = headers.get("origin")
        if headers.get("sec-fetch-site") in FOREIGN or (origin is not None and urlsplit(origin).netloc.lower() != host.lower()):
            return Problem(403, "the request comes from a page of another site, which may not use this server.")
        if self.tokens and path not in OPEN and not self._has_token(headers.get("authorization", "")):
            return Problem(
                401, "expected one of the server's tokens, as 'Authorization: Bearer TOKEN'.", {"WWW-Authenticate": "Bearer"}
            )
        return None

    def _is_own(self, host: str) -> bool:
        """Return whether a request addresses the server by a number, or by one of its names."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            ipaddress.ip_address(name)
        except ValueError:
            return host.rpartition(":")[0].lower() in self.names or host.lower() in self.names
        return True

    def _has_token(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode()
        equal = [hmac.compare_digest(given, each) for each in self.tokens]  # all of them, so that the time tells nothing
        return scheme.lower() == "bearer" and any(equal)
