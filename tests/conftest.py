"""Fixtures shared by every test."""

import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from sablier.images import ImageSet, read_images
from sablier.tasks.detect import Detector
from sablier.training.recipe import Recipe
from sablier.training.recipes import make_recipe
from sablier.workflows.detector import train_detector


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny nets gain nothing from threads, and on a busy machine they spend their time waiting for each other."""
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start


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
def digits_file(tmp_path_factory: pytest.TempPathFactory, tiny_recipe: Recipe, digit_threes: ImageSet) -> Path:
    """A model file: a cross-fold detector of threes. Copy it before writing to it."""
    path = tmp_path_factory.mktemp("digits") / "threes.sablier"
    train_detector(digit_threes, tiny_recipe).save(path)
    return path


@pytest.fixture(scope="session")
def digits_detector(tiny_recipe: Recipe, digit_threes: ImageSet) -> Detector:
    """The same detector, without the detour by a file."""
    return Detector.from_file(train_detector(digit_threes, tiny_recipe))


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
