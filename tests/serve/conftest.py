"""A folder of small models, and a server of them in this process."""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from sablier.images.sources import read_images
from sablier.serve.app import create_app
from sablier.serve.options import ServiceOptions

LOCAL = "http://127.0.0.1:8080"
CODEC = ("epochs=1", "latent=4", "width=8", "context.epochs=1", "context.width=8")


@pytest.fixture(scope="session")
def models(
    tmp_path_factory: pytest.TempPathFactory, small_detector: Path, digits_file: Path, small_classifier: Path,
    small_autoencoder: Path, trained: Callable[..., Path],
) -> Path:  # fmt: skip
    """A folder with a model of each kind."""
    folder = tmp_path_factory.mktemp("models")
    files = {
        "threes": small_detector, "folds": digits_file, "classes": small_classifier, "codes": small_autoencoder,
        "clean": trained("denoiser", "epochs=1", "width=8", "noise_high=10"), "codec": trained("codec", *CODEC),
    }  # fmt: skip
    for name, path in files.items():
        shutil.copy(path, folder / f"{name}.sablier")
    return folder


@pytest.fixture(scope="session")
def digits() -> list[bytes]:
    """40 digits as the bytes of PNG files, in order."""
    return [png(image[..., 0]) for image in read_images("digits:test").array[:40]]


def png(pixels: Any) -> bytes:
    """Return pixels as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def server() -> Callable[..., Any]:
    """`with server(options) as client`: a server in this process."""

    @contextmanager
    def running(options: ServiceOptions, **headers: str) -> Iterator[TestClient]:
        with TestClient(create_app(options), base_url=LOCAL, headers=headers, raise_server_exceptions=False) as client:
            yield client

    return running


@pytest.fixture(scope="module")
def client(server: Callable[..., Any], models: Path) -> Iterator[TestClient]:
    """A server of all models, with default limits."""
    with server(ServiceOptions((models,))) as client:
        yield client
