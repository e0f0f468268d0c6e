"""Jobs for tests."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from quick_jobs import STAND_IN, QuickJobs

from sablier.images import read_images


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., QuickJobs]]:
    """Start jobs in one folder; all are closed at the end."""
    made: list[QuickJobs] = []

    def start(**options: Any) -> QuickJobs:
        jobs = QuickJobs(tmp_path / "jobs", command=STAND_IN, **options)
        jobs.start()
        made.append(jobs)
        return jobs

    yield start
    for jobs in made:
        jobs.close()


@pytest.fixture(scope="session")
def zipped_digits() -> Callable[..., Callable[[Path], object]]:
    """An upload of the first digits of a source, as PNG files in a zip archive."""

    def upload(source: str, count: int) -> Callable[[Path], object]:
        def write(path: Path) -> None:
            with zipfile.ZipFile(path, "w") as archive:
                for index, pixels in enumerate(read_images(source).array[:count]):
                    image = io.BytesIO()
                    Image.fromarray(pixels[..., 0]).save(image, "PNG")
                    archive.writestr(f"{index:04}.png", image.getvalue())

        return write

    return upload
