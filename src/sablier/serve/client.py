"""`Client`: asks a server of `sablier serve`. This file needs httpx2, and nothing else of sablier but its errors."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any

from sablier.errors import ServiceError

ADDRESS = "http://127.0.0.1:8080"
TRIES = 5  # where the server has too much to do
Images = str | PathLike[str] | bytes | Iterable[str | PathLike[str] | bytes]


@dataclass(frozen=True)
class Detection:
    """The verdict on an image.

    Args:
        id: its name.
        score: the anomaly score; higher is more anomalous.
        p_value: the share of calibration images that score at least as high.
        verdict: "normal", "anomaly" or "undetermined"; in a triage "reject", "review", "pass" or "undetermined".
        regions: where regions were asked for, those of a flagged image: left, top, width, height, area and peak.
    """

    id: str
    score: float
    p_value: float
    verdict: str
    regions: tuple[dict[str, float], ...] = ()


@dataclass(frozen=True)
class Detections:
    """The verdicts on the images of a request.

    Args:
        alpha: the p-value up to which images are flagged.
        promise: the guarantee, in words.
        flagged: how many images are flagged.
        images: a verdict for each image that could be read.
        skipped: why other images could not be read, by name.
        document: the whole answer.
    """

    alpha: float
    promise: str
    flagged: int
    images: tuple[Detection, ...]
    skipped: dict[str, str]
    document: dict[str, Any]


class Client:
    """Asks a server of `sablier serve`. A server that has too much to do is asked again, a few times.

    Args:
        address: of the server.
        token: a bearer token, if the server asks for one.
        seconds: how long to wait for an answer.

    Raises:
        ServiceError: by every method: for a server that cannot be reached, and for an answer that is an error.

    Examples:
        >>> from sablier import Client
        >>> with Client("http://127.0.0.1:8080") as client:  # doctest: +SKIP
        ...     found = client.detect("part", "new.png", alpha=0.01)
        ...     print(found.images[0].verdict, found.promise)
    """

    def __init__(self, address: str = ADDRESS, *, token: str | None = None, seconds: float = 120.0) -> None:
        try:
            import httpx2
        except ModuleNotFoundError as error:
            raise ServiceError("the client needs the package httpx2. Install it with: pip install 'sablier[serve]'") from error
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=address, headers=headers, timeout=seconds)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def models(self) -> list[dict[str, Any]]:
        """Return what the server says of its models: name, task, checksum, guarantee and more."""
        found: list[dict[str, Any]] = self._ask("GET", "/v1/models").json()["models"]
        return found

    def detect(self, model: str, images: Images, **options: Any) -> Detections:
        """Return verdicts.

        Args:
            model: the name of a detector.
            images: a file, its bytes, or several of them; a zip archive counts as the images in it.
            options: parameters of the request, such as alpha=0.01, fdr=0.1 or regions=True.
        """
        document = self.ask(model, "detect", images, **options)
        rows = tuple(
            Detection(row["id"], row["score"], row["p_value"], row["verdict"], tuple(row.get("regions", ())))
            for row in document["detections"]
        )
        skipped = {item["id"]: item["reason"] for item in document["skipped"]}
        return Detections(document["alpha"], document["promise"], document["flagged"], rows, skipped, document)

    def ask(self, model: str, verb: str, images: Images | None = None, **options: Any) -> dict[str, Any]:
        """Return the JSON answer of any verb: detect, classify, denoise, reconstruct, embed, sample, interpolate or compress."""
        document: dict[str, Any] = self._post(model, verb, images, options, "application/json").json()
        return document

    def file(self, model: str, verb: str, images: Images | None = None, *, accept: str = "image/png", **options: Any) -> bytes:
        """Return the answer of a verb as a file: image/png, application/zip, or application/octet-stream of `compress`."""
        content: bytes = self._post(model, verb, images, options, accept).content
        return content

    def submit(self, kind: str, sources: Mapping[str, Images] | None = None, **options: Any) -> str:
        """Submit a job, and return its id.

        Args:
            kind: train, calibrate, evaluate or map.
            sources: images of the job, by field: "source", or "good" and "bad" of evaluate; None where `options` name a folder
                below a root of the server.
            options: parameters of the request, such as name="part", recipe="detector", tier="small" or model="part".
        """
        files = [(field, _named(image)) for field, images in (sources or {}).items() for image in _listed(images)]
        return str(self._ask("POST", f"/v1/jobs/{kind}", params=options, files=files or None).json()["id"])

    def job(self, id: str) -> dict[str, Any]:
        """Return a job as it is: its state, its result when it is done, and its error when it failed."""
        found: dict[str, Any] = self._ask("GET", f"/v1/jobs/{id}").json()
        return found

    def control(self, id: str, what: str) -> dict[str, Any]:
        """Pause, resume or cancel a job, and return it."""
        found: dict[str, Any] = self._ask("POST", f"/v1/jobs/{id}/{what}").json()
        return found

    def wait(self, id: str, every_seconds: float = 1.0) -> dict[str, Any]:
        """Return a job when it is done.

        Raises:
            ServiceError: if it failed, was cancelled, or is paused.
        """
        while (job := self.job(id))["state"] in ("queued", "running"):
            time.sleep(every_seconds)
        if job["state"] != "done":
            raise ServiceError(f"the job {id} is {job['state']}. {job['error'] or ''}".rstrip())
        return job

    def job_file(self, id: str, name: str) -> bytes:
        """Return a file that a job wrote, one of its "files"."""
        content: bytes = self._ask("GET", f"/v1/jobs/{id}/files/{name}").content
        return content

    def _post(self, model: str, verb: str, images: Images | None, options: dict[str, Any], accept: str) -> Any:
        files = None if images is None else [("images", _named(image)) for image in _listed(images)]
        values = {key: str(value).lower() if isinstance(value, bool) else value for key, value in options.items()}
        return self._ask("POST", f"/v1/models/{model}/{verb}", params=values, files=files, headers={"Accept": accept})

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        import httpx2

        for turn in range(TRIES):
            try:
                response = self._http.request(method, path, **request)
            except httpx2.HTTPError as error:
                raise ServiceError(f"{self._http.base_url} cannot be asked: {error or type(error).__name__}.") from error
            if response.status_code != 429 or turn == TRIES - 1:
                break
            time.sleep(float(response.headers.get("Retry-After", "1")))
        if response.is_success:
            return response
        try:
            detail = str(response.json()["detail"])
        except (ValueError, KeyError, TypeError):
            detail = response.reason_phrase
        raise ServiceError(f"{path}: {detail} (status {response.status_code})")


def _listed(images: Images) -> list[str | PathLike[str] | bytes]:
    return [images] if isinstance(images, str | PathLike | bytes) else list(images)


def _named(image: str | PathLike[str] | bytes) -> tuple[str, bytes]:
    """Return the name and the bytes of a file."""
    if isinstance(image, bytes):
        return "archive.zip" if image.startswith(b"PK") else "image", image
    try:
        return Path(image).name, Path(image).read_bytes()
    except OSError as error:
        raise ServiceError(f"{image} cannot be read: {error.strerror or error}.") from error
