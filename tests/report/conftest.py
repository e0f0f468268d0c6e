"""A browser, and tiny detectors, trained once: with networks, and without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from threes import Threes

from sablier.images.imageset import ImageSet
from sablier.recipes.make import make_recipe
from sablier.workflows.training.detector import train_detector

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, to open pages from files."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def threes() -> Threes:
    """A detector with a member of each kind."""
    members = "members=restoration,transformations,closed-form"
    return detector_of_threes(members, "epochs=2", "folds=2", "width=8", "transformations.width=4")


@pytest.fixture(scope="session")
def plain_threes() -> Threes:
    """A detector without a network."""
    return detector_of_threes("members=closed-form")


def detector_of_threes(*settings: str) -> Threes:
    digits = load_digits()
    pixels = np.round(digits.images * 255 / 16).astype(np.uint8)
    ids = [f"digits/{label}/{index:04d}.png" for index, label in enumerate(digits.target)]
    images = ImageSet(pixels, ids=np.array(ids), labels=digits.target.astype(str), source="digits of scikit-learn, class 3")
    normal = images.where(label="3")
    file = train_detector(normal.take(np.arange(120)), make_recipe(tier="tiny", settings=settings))
    return Threes(file, normal.take(np.arange(120, len(normal))), images.take(np.flatnonzero(digits.target != 3)[:80]))
