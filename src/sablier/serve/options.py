"""What a server is told when it starts."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from sablier.errors import ConfigError

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class ServiceOptions:
    """What a server serves, to whom, and its limits.

    Args:
        models: model files, and folders of them.
        host, port: the address that it listens on; port 0 takes a free one.
        tokens: bearer tokens, one of which every request must have; none: no token is needed.
        allowed_hosts: names, besides localhost and plain addresses, by which clients may address the server.
        workers: how many threads compute at once.
        most_bytes: of the body of a request.
        most_pixels: of an image.
        most_images: of a request.
        most_waiting: how many requests may be in the server at once.
        seconds: after which a request is given up.
        body_seconds: in which the body of a request must arrive.
        jobs: the folder of jobs; None: there are no jobs.
        roots: folders whose images jobs may read.
        job_threads: how many threads a job may use.
        most_jobs: how many jobs may wait.

    Raises:
        ConfigError: for a value out of range, or an address that others can reach without a token.
    """

    models: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8080
    tokens: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    workers: int = 1
    most_bytes: int = 20 * MEGABYTE
    most_pixels: int = 50 * MEGABYTE
    most_images: int = 500
    most_waiting: int = 64
    seconds: float = 60.0
    body_seconds: float = 30.0
    jobs: Path | None = None
    roots: tuple[Path, ...] = ()
    job_threads: int = 1
    most_jobs: int = 16

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise ConfigError(f"expected a port from 0 to 65535, got {self.port}.")
        for name in (
            "workers",
            "most_bytes",
            "most_pixels",
            "most_images",
            "most_waiting",
            "seconds",
            "body_seconds",
            "job_threads",
            "most_jobs",
        ):
            if getattr(self, name) <= 0:
                raise ConfigError(f"expected {name} above 0, got {getattr(self, name)}.")
        if not is_loopback(self.host) and not self.tokens:
            raise ConfigError(
                f"other machines can reach the address {self.host}, so the server starts only with a token there. "
                "Write a long random word into a file, and name it by --token-file; or listen on 127.0.0.1."
            )
        if self.roots and not is_loopback(self.host):
            raise ConfigError(f"--root is for servers that only this machine can reach, got the address {self.host}.")
        if self.roots and self.jobs is None:
            raise ConfigError("--root names folders for jobs, got no folder of jobs. Add --jobs.")
        for root in self.roots:
            if not root.is_dir():
                raise ConfigError(f"expected a folder for --root, got {root}.")

    @property
    def most_held(self) -> int:
        """How many bytes of the bodies of all requests may be in memory at once."""
        return max(512 * MEGABYTE, self.most_bytes)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("a.example")
    (True, True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_tokens(path: Path) -> tuple[str, ...]:
    """Return the tokens of a file, one a line; empty lines and lines that begin with # are left out.

    Raises:
        ConfigError: if the file cannot be read, or a token is missing, short, or not of printable ASCII without spaces.
    """
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file of tokens {path} cannot be read: {error}.") from error
    tokens = tuple(line for line in lines if line and not line.startswith("#"))
    if not tokens:
        raise ConfigError(f"expected a token in {path}, one a line, got none.")
    for number, token in enumerate(tokens, 1):
        if len(token) < 16 or not all("!" <= letter <= "~" for letter in token):
            raise ConfigError(
                f"expected tokens of 16 or more printable ASCII characters without spaces in {path}; token {number} is not one."
            )
    return tokens
