"""Fixtures shared by every test."""

import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from sablier.images import ImageSet, read_images
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.exporting.export import export
from sablier.workflows.training.detector import train_detector
from sablier.workflows.training.train import train


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public sets; tests that ask for it are skipped, and say so, where there is none."""
    named = os.environ.get("SABLIER_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("SABLIER_DATA does not name a folder of public sets")
    return Path(named)


@pytest.fixture(scope="session")
def tiny_recipe() -> Recipe:
    """Two epochs of narrow nets in two folds: a detector of every kind of member in a second."""
    members = "members=restoration,transformations,closed-form"
    return make_recipe(tier="tiny", settings=[members, "epochs=2", "folds=2", "width=8", "transformations.width=4"])


@pytest.fixture(scope="session")
def digit_threes() -> ImageSet:
    """The threes of the digits' training split, 8 x 8."""
    return read_images("digits[label=3]")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a file that many tests read, once for all workers of a run: `made_once(name, make)` lets the first `make(path)`."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-once"
    folder.mkdir(exist_ok=True)

    def made(name: str, make: Callable[[Path], object]) -> Path:
        path = folder / name
        with FileLock(folder / f"{name}.lock"):
            if not path.exists():
                make(path)
        return path

    return made


@pytest.fixture(scope="session")
def trained(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Callable[..., Path]:
    """Train on the digits' training split, each recipe once: `trained("autoencoder", "epochs=2")` is a model file.

    Copy it before writing to it.
    """

    def of_digits(recipe: str, *settings: str) -> Path:
        name = "-".join([recipe, *settings]).replace("/", "_")
        return made_once(f"{name}.sablier", lambda path: train("digits", path, make_recipe(recipe, "tiny", settings)))

    return of_digits


@pytest.fixture(scope="session")
def small_autoencoder(trained: Callable[..., Path]) -> Path:
    """A model file: an autoencoder of six numbers that has hardly seen the digits."""
    return trained("autoencoder", "epochs=2", "latent=6", "width=8")


@pytest.fixture(scope="session")
def small_classifier(trained: Callable[..., Path]) -> Path:
    """A model file: a narrow classifier of the digits."""
    return trained("classifier", "steps=80", "width=8")


@pytest.fixture(scope="session")
def digits_file(made_once: Callable[[str, Callable[[Path], object]], Path], tiny_recipe: Recipe, digit_threes: ImageSet) -> Path:
    """A model file: a cross-fold detector of threes. Copy it before writing to it."""
    return made_once("threes.sablier", lambda path: train_detector(digit_threes, tiny_recipe).save(path))


@pytest.fixture(scope="session")
def digits_detector(tiny_recipe: Recipe, digit_threes: ImageSet) -> Detector:
    """The same detector, without the detour by a file."""
    return Detector.from_file(train_detector(digit_threes, tiny_recipe))


@pytest.fixture(scope="session")
def small_detector(made_once: Callable[[str, Callable[[Path], object]], Path], digit_threes: ImageSet) -> Path:
    """A model file: a detector of threes with one member, which is calibrated by one split."""
    recipe = make_recipe(tier="tiny", settings=["members=restoration", "epochs=6", "folds_below=100", "width=8"])
    return made_once("one-member.sablier", lambda path: train_detector(digit_threes, recipe).save(path))


@pytest.fixture(scope="session")
def small_onnx(made_once: Callable[[str, Callable[[Path], object]], Path], small_detector: Path) -> Path:
    """The same detector, exported."""
    pytest.importorskip("sablier_runtime", reason="sablier_runtime is not installed")
    return made_once("one-member.onnx", lambda path: export(small_detector, path))


@pytest.fixture(scope="session")
def digit_folder(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A folder with the files of 40 digits of all classes, every fourth a three."""

    def write(folder: Path) -> None:
        images = read_images("digits:test")
        threes, others = images.where(label=3).take(np.arange(10)), images.take(np.arange(0, 360, 12))
        folder.mkdir()
        for kind, each in (("three", threes), ("other", others)):
            for index, image in enumerate(each.array):
                Image.fromarray(image[..., 0]).save(folder / f"{kind}-{index:02}.png")

    return made_once("digit-files", write)


@dataclass(frozen=True)
class Done:
    """What a command printed, with its line breaks and frames taken out, and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def sablier(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Done]:
    """Run `sablier` with arguments in this process and an empty folder; a traceback fails the test by itself."""
    from sablier.cli.main import run

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["sablier", *map(str, arguments)])
        capsys.readouterr()
        try:
            run()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        out, err = (" ".join(text.translate({ord(c): " " for c in "│┃╭╮╰╯─━┏┓┗┛┡┩└┘┳┻╇┴┬├┤"}).split()) for text in captured)
        assert "Traceback" not in out + err
        return Done(code, out, err)

    return call
