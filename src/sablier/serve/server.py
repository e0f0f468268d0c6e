"""Starts the server, and stops it in an orderly way."""

import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import cpu_count

import uvicorn

from sablier.errors import ConfigError
from sablier.serve.access_log import LOG
from sablier.serve.app import create_app
from sablier.serve.options import ServiceOptions
from sablier.serve.service import Service

BACKLOG = 2048


def serve(options: ServiceOptions, on_ready: Callable[[str], None] = lambda address: None) -> None:
    """Answer requests until a signal stops the server; requests that have come are still answered.

    Args:
        options: what it serves, to whom, and its limits.
        on_ready: called with the address when it listens.

    Raises:
        ConfigError: if there is no such model file, or the address cannot be had.
        ModelFileError: if a model file that is named cannot be read.
        OutputError: if another server has the folder of jobs, or it cannot be written.
    """
    _share_threads(options.workers)
    service = Service(options)
    app = create_app(options, service)
    config = uvicorn.Config(
        app, host=options.host, port=options.port, log_config=None, access_log=False, server_header=False, backlog=BACKLOG,
        timeout_graceful_shutdown=int(options.seconds) + 1, lifespan="on",
    )  # fmt: skip
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    for logger in (LOG, logging.getLogger("uvicorn.error")):
        logger.addHandler(handler)
        logger.propagate = False
    LOG.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    listening = _listening(options)
    host = f"[{options.host}]" if ":" in options.host else options.host
    try:
        if service.jobs is not None:
            service.jobs.start()  # before the server does, so that an error is a message
        address = f"http://{host}:{listening.getsockname()[1]}"
        with _handled_signals():
            _Server(config, lambda: on_ready(address), service.stop_telling).run([listening])
    finally:
        if service.jobs is not None:
            service.jobs.close()
        listening.close()
        LOG.removeHandler(handler)


@contextmanager
def _handled_signals() -> Iterator[None]:
    """Let nothing come of the signals that uvicorn raises again after it has stopped."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(uvicorn.Server):
    """Tells when it listens, and when it begins to stop."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None], on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self.on_start, self.on_stop = on_start, on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.on_stop()
        await super().shutdown(sockets)


def _listening(options: ServiceOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio then sends small answers at once
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((options.host, options.port))
    except OSError as error:
        found.close()
        raise ConfigError(
            f"the address {options.host}:{options.port} cannot be had: {error.strerror or error}. Choose another by --port."
        ) from error
    return found


def _share_threads(workers: int) -> None:
    """Divide the processor among threads that compute at once."""
    import torch

    torch.set_num_threads(max(1, (cpu_count() or 1) // workers))
