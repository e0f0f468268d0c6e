"""The images of a request: the body itself, the files of a form, or a zip archive. They stay in memory."""

import zipfile
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from sablier.errors import ImagesError
from sablier.files.names import as_id
from sablier.images.decoding import KINDS, Entry, image_chunks
from sablier.images.formats.archives import zip_entries
from sablier.images.formats.base import Options
from sablier.images.imageset import ImageSet
from sablier.serve.options import ServiceOptions
from sablier.serve.problems import Problem

ZIP = ("application/zip", "application/x-zip-compressed")
FORM = "multipart/form-data"
UNKNOWN = ("", "application/octet-stream")
NAME = "image"  # of an image that comes without one
MOST_UNPACKED = 20  # times the bytes that a request may have: what the members of a zip archive may have together
TAKEN = f"an image ({KINDS.removesuffix(' images')}), a zip archive of images, or a form with files"
BODY: dict[str, Any] = {
    "required": True,
    "description": "One image; several images as the files of a form; or a zip archive of images.",
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "application/zip": {"schema": {"type": "string", "format": "binary"}},
        FORM: {
            "schema": {
                "type": "object",
                "required": ["images"],
                "properties": {"images": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}},
            }
        },
    },
}


async def read_entries(request: Request, options: ServiceOptions) -> list[Entry]:
    """Return the image files that a request brings, not decoded yet.

    Raises:
        Problem: if there are none or too many, or the body is of another kind.
    """
    entries = with_own_ids([entry for each in (await read_fields(request, options)).values() for entry in each])
    if len(entries) > options.most_images:
        raise Problem(
            413, f"expected at most {options.most_images:,} images in a request, got {len(entries):,}. Send fewer at a time."
        )
    return entries


async def read_fields(request: Request, options: ServiceOptions, otherwise: str = NAME) -> dict[str, list[Entry]]:
    """Return the image files that a request brings, however many, by the fields of its form.

    Args:
        request: the request.
        options: the limits.
        otherwise: the field of a body that is no form.

    Raises:
        Problem: if there are none, or the body is of another kind.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        return await _of_form(request, options)
    data = await request.body()
    if not data:
        raise Problem(400, f"expected {TAKEN} as the body, got none.")
    return {otherwise: _of_body(kind, data, options)}


def image_set(entries: Sequence[Entry]) -> ImageSet:
    """Return image files as a set that is decoded on demand; those whose headers cannot be read are listed as skipped.

    Raises:
        ImagesError: if none can be read.
    """
    return next(image_chunks(entries, None, Options(), "the request", lambda: ""))


def _of_body(kind: str, data: bytes, options: ServiceOptions) -> list[Entry]:
    if kind in ZIP or (kind in UNKNOWN and data.startswith(b"PK")):
        return _of_zip(data, options)
    if kind in UNKNOWN or (kind.startswith("image/") and not kind.startswith("image/svg")):
        return [_entry(NAME, data)]
    raise Problem(415, f"expected {TAKEN} as the body, got {kind[:100]!r}.")


async def _of_form(request: Request, options: ServiceOptions) -> dict[str, list[Entry]]:
    fields: dict[str, list[Entry]] = {}
    async with request.form(max_files=options.most_images, max_fields=0) as form:
        for field, file in form.multi_items():
            if isinstance(file, UploadFile):
                name, data = as_id(PurePosixPath((file.filename or NAME).replace("\\", "/")).name) or NAME, await file.read()
                entries = fields.setdefault(field, [])
                entries += _of_zip(data, options) if name.lower().endswith(".zip") else [_entry(name, data)]
    if not fields:
        raise Problem(400, "expected files in the form, got none. Add them as images=@FILE.")
    return fields


def _of_zip(data: bytes, options: ServiceOptions) -> list[Entry]:
    try:
        entries, _ = zip_entries(BytesIO(data), "the zip archive")
        with zipfile.ZipFile(BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except ImagesError as error:
        raise Problem(422, str(error)) from error
    if unpacked > MOST_UNPACKED * options.most_bytes:
        raise Problem(
            413, f"expected at most {MOST_UNPACKED * options.most_bytes:,} bytes in the zip archive, unpacked, got {unpacked:,}."
        )
    if not entries:
        raise Problem(422, f"expected {KINDS} in the zip archive, found none.")
    return entries


def _entry(name: str, data: bytes) -> Entry:
    return Entry(name, None, None, partial(BytesIO, data))


def with_own_ids(entries: list[Entry]) -> list[Entry]:
    """Return the files with a number behind names that were there before."""
    seen: dict[str, int] = {}
    found = []
    for entry in entries:
        seen[entry.id] = number = seen.get(entry.id, 0) + 1
        found.append(entry if number == 1 else Entry(f"{entry.id}#{number}", entry.label, entry.modified, entry.open))
    return found
