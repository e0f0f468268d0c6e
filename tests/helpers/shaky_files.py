"""A file system for fsspec, in memory, whose reads may fail or never end; and small images."""

import asyncio
import io
from typing import Any

import numpy as np
from fsspec.asyn import AsyncFileSystem
from PIL import Image


def png(value: int) -> bytes:
    """Return a grey image of 8 x 8 as a file."""
    data = io.BytesIO()
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(data, "PNG")
    return data.getvalue()


class Shaky(AsyncFileSystem):  # type: ignore[misc]  # it has no types
    """Files in memory; some reads fail, or never end."""

    protocol = "shaky"
    cachable = False
    files: dict[str, bytes] = {}  # noqa: RUF012
    failures: dict[str, int] = {}  # noqa: RUF012  # how often each read fails before it succeeds
    reads: list[str] = []  # noqa: RUF012

    async def _info(self, path: str, **options: Any) -> dict[str, Any]:
        if path in self.files:
            return {"name": path, "size": len(self.files[path]), "type": "file"}
        if any(name.startswith(f"{path}/") for name in self.files):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    async def _find(self, path: str, detail: bool = False, **options: Any) -> dict[str, dict[str, Any]]:
        return {name: await self._info(name) for name in self.files if name.startswith(path)}

    async def _cat_file(self, path: str, **options: Any) -> bytes:
        self.reads.append(path)
        if self.failures.get(path, 0):
            self.failures[path] -= 1
            raise OSError("connection reset")
        if path.endswith("slow.png"):
            await asyncio.sleep(60)
        if path.endswith("secret.png"):
            raise PermissionError("Access Denied")
        return self.files[path]

    async def _get_file(self, path: str, local: str, **options: Any) -> None:
        with open(local, "wb") as file:
            file.write(await self._cat_file(path))
