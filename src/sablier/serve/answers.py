"""Answers in the form that a request accepts: JSON, a picture, a zip archive of pictures, or a file."""

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from starlette.responses import Response

from sablier.serve.problems import Problem
from sablier.serve.verbs.base import JSON, PNG, ZIP, Answer, Verb
from sablier.workflows.naming import picture_paths


def chosen_media(accept: str | None, verb: Verb) -> str:
    """Return the media type of the answer to a request: what it accepts most of what the verb gives, JSON before others.

    Raises:
        Problem: if it accepts none.

    >>> from sablier.serve.verbs.denoise import DENOISE
    >>> [chosen_media(accept, DENOISE) for accept in (None, "image/png", "text/html, */*;q=0.8", "application/zip, image/*;q=0")]
    ['application/json', 'image/png', 'application/json', 'application/zip']
    """
    offered = (JSON, *verb.media)
    if not accept or not accept.strip():
        return JSON
    weights = {media: _weight(media, accept) for media in offered}
    best = max(offered, key=lambda media: weights[media])
    if weights[best] <= 0:
        raise Problem(406, f"expected an Accept header with one of {', '.join(offered)}, got {accept[:100]!r}.")
    return best


def response(answer: Answer, media: str, drawn: bool) -> Response:
    """Return an answer in a media type; with `drawn` JSON has the pictures, too.

    Raises:
        Problem: if it cannot be given in that type.
    """
    if media == JSON:
        return Response(as_json(answer.document | ({"pictures": _in_base64(answer)} if drawn else {})), media_type=JSON)
    if answer.data is not None:
        return Response(answer.data, media_type=media)
    if media == ZIP:
        return Response(_zipped(answer), media_type=ZIP)
    if len(answer.pictures) == 1 and answer.pictures[0].suffix == ".png":
        return Response(answer.pictures[0].data, media_type=PNG)
    found = f"{len(answer.pictures)} pictures" if len(answer.pictures) != 1 else f"a {answer.pictures[0].suffix} file"
    raise Problem(406, f"the answer is {found}, and the request accepts one PNG picture only. Accept {ZIP} or {JSON}.")


def as_json(document: dict[str, Any]) -> bytes:
    """Return a document as JSON, which has neither infinity nor NaN.

    >>> as_json({"score": float("inf")})
    b'{"score": null}'
    """
    try:
        return json.dumps(document, allow_nan=False).encode()
    except ValueError:
        return json.dumps(json.loads(json.dumps(document), parse_constant=lambda name: None)).encode()


def _in_base64(answer: Answer) -> list[dict[str, str]]:
    media = {".png": PNG, ".npy": "application/octet-stream"}
    return [
        {"id": each.id, "media_type": media[each.suffix], "data": base64.b64encode(each.data).decode()}
        for each in answer.pictures
    ]


def _zipped(answer: Answer) -> bytes:
    buffer = io.BytesIO()
    names = picture_paths(Path(), [each.id for each in answer.pictures])
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("answer.json", as_json(answer.document))
        for name, each in zip(names, answer.pictures, strict=True):
            archive.writestr(f"pictures/{name.with_suffix(each.suffix).as_posix()}", each.data)
    return buffer.getvalue()


def _weight(media: str, accept: str) -> float:
    """Return how much a request accepts a media type, from 0 to 1: by the most specific range that includes it."""
    found = (-1, 0.0)
    for part in accept.split(","):
        range_, *parameters = (piece.strip().lower() for piece in part.split(";"))
        specific = {media: 2, f"{media.split('/')[0]}/*": 1, "*/*": 0}.get(range_, -1)
        weight = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
        try:
            found = max(found, (specific, float(weight)), key=lambda each: each[0])
        except ValueError:
            continue
    return found[1]
