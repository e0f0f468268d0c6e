"""To add an optimizer, a format, an attack or a corruption is to add one file: public verbs find and use it."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import sablier
from sablier.errors import ConfigError, ImagesError, UnknownName
from sablier.images.formats import FORMATS
from sablier.registry import Registry
from sablier.training.optimizers import OPTIMIZERS, optimizer_names
from sablier.transforms.attacks import ATTACKS
from sablier.transforms.natural import KINDS

AddFile = Callable[[Registry[Any], str, str], None]


@pytest.fixture
def add_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AddFile:
    """Put a file beside those of a package, as far as Python can tell; afterwards it has never been there."""

    def add(registry: Registry[Any], name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(dedent(text), encoding="utf-8")
        package = import_module(registry.package)
        monkeypatch.setattr(registry, "_entries", {key: registry[key] for key in registry})
        monkeypatch.setattr(registry, "_filled", False)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        monkeypatch.setattr(package, name, None, raising=False)
        monkeypatch.setitem(sys.modules, f"{registry.package}.{name}", sys)
        del sys.modules[f"{registry.package}.{name}"]

    return add


def test_an_optimizer_is_a_file(add_file: AddFile, tmp_path: Path) -> None:
    add_file(
        OPTIMIZERS,
        "signs",
        """
        import torch
        from sablier.training.optimizers import register

        class Signs(torch.optim.Optimizer):
            def __init__(self, parameters, rate):
                super().__init__(parameters, {"lr": rate})

            @torch.no_grad()
            def step(self):
                for group in self.param_groups:
                    for parameter in group["params"]:
                        parameter.sub_(group["lr"] * parameter.grad.sign())

        @register(learning_rate=0.004)
        def signs(parameters, config):
            return Signs(parameters, config.learning_rate)
        """,
    )
    recipe = sablier.make_recipe(
        "classifier", "tiny", settings=["optimizer=signs", "epochs=6", "budget_seconds=none", "threads=1"]
    )
    assert recipe.fit.learning_rate == 0.004
    file = sablier.train("digits", tmp_path / "digits.sablier", recipe)
    assert file.provenance.recipe["fit"]["optimizer"] == "signs"
    result = sablier.classify(tmp_path / "digits.sablier", "digits:test")
    assert result.accuracy > 0.5
    with pytest.raises(UnknownName, match=r"unknown optimizer 'sings'\. Did you mean 'signs'"):
        sablier.FitConfig(optimizer="sings")


def test_a_format_is_a_file(add_file: AddFile, tmp_path: Path) -> None:
    add_file(
        FORMATS,
        "plain_pgm",
        """
        import numpy as np
        from sablier.images import ImageSet
        from sablier.images.formats import Format, add_format

        def stream(path, options, chunk):
            _, width, height, _, *values = path.read_text().split()
            pixels = np.array(values, np.uint8).reshape(1, int(height), int(width), 1)
            yield ImageSet(pixels, labels=options.labels, source=str(path))

        add_format(
            Format("plain PGM", lambda name: name.endswith(".pgm"), lambda head: head[:2] == b"P2", stream, frozenset({"labels"}))
        )
        """,
    )
    for name in ("a.pgm", "by-its-first-bytes"):
        (tmp_path / name).write_text("P2 3 2 255 0 1 2 3 4 255")
        images = sablier.read_images(tmp_path / name, labels=["good"])
        assert images.array[0, :, :, 0].tolist() == [[0, 1, 2], [3, 4, 255]]
        assert images.labels is not None
        assert images.labels.tolist() == ["good"]
    with pytest.raises(ImagesError, match="shape means nothing for a source of kind plain PGM"):
        sablier.read_images(tmp_path / "a.pgm", shape=(3, 2))
    (tmp_path / "none").write_bytes(bytes(range(255, 0, -1)))
    with pytest.raises(ImagesError, match=r"known kind \(image, IDX, npy, npz, zip, tar, CIFAR batch, CSV, plain PGM\)"):
        sablier.read_images(tmp_path / "none")


def test_an_attack_is_a_file(add_file: AddFile, trained: Callable[..., Path]) -> None:
    add_file(
        ATTACKS,
        "inversion",
        """
        from dataclasses import dataclass
        from sablier.transforms.attacks import ATTACKS, Attack

        @ATTACKS.register("inversion")
        @dataclass(frozen=True)
        class Inversion(Attack):
            tries: int = 1

            def run(self, logits, x, labels, generator):
                return self.project(1 - x, x)
        """,
    )
    model = trained("course-softmax", "epochs=1")
    result = sablier.attack(model, "digits:test", method="inversion", eps=1, count=50, settings={"tries": 2})
    assert result.attack == "inversion"
    assert (result.attacked == 255 - result.images).all()
    table = sablier.robustness(model, "digits:test", kinds=[], attacks=["inversion"], count=20)
    assert [row.attack for row in table.attacks] == ["inversion"]
    with pytest.raises(UnknownName, match=r"unknown attack 'invertion'\. Did you mean 'inversion'"):
        sablier.attack(model, "digits:test", method="invertion")


def test_a_natural_corruption_is_a_file(add_file: AddFile, trained: Callable[..., Path], tmp_path: Path) -> None:
    add_file(
        KINDS,
        "shade",
        """
        from sablier.transforms.natural.kinds import kind

        @kind("a shadow on the left", grey=(0.8, 0.6, 0.4, 0.2, 0.1))
        def left_shade(x, randoms, unit, light):
            y = x.copy()
            y[:, :, : x.shape[2] // 2] *= light
            return y
        """,
    )
    model = trained("course-softmax", "epochs=1")
    result = sablier.robustness(model, "digits:test", tmp_path / "out", kinds=["left-shade"], attacks=[], count=20)
    assert result.kinds == ("left-shade",)
    assert "a shadow on the left" in (tmp_path / "out" / "robustness.html").read_text(encoding="utf-8")
    every = sablier.robustness(model, "digits:test", severities=[1], attacks=[], count=2).kinds
    assert len(every) == 28
    assert (every[0], every[-2:]) == ("gaussian-noise", ("canny-edges", "left-shade"))


def test_the_name_of_an_optimizer_is_that_of_its_file() -> None:
    assert optimizer_names() == sorted(OPTIMIZERS)


def test_settings_of_training_are_checked_without_torch() -> None:
    code = "import sys, sablier; sablier.FitConfig(optimizer='muon'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_name_is_taken_once() -> None:
    table: Registry[int] = Registry("number", "sablier.files", first=("two",))
    assert table.register("two")(2) == table.named("two") == 2
    with pytest.raises(ConfigError, match="a number named 'two' is registered already; choose another name"):
        table.add("two", 3)
    with pytest.raises(UnknownName, match=r"unknown number 'tow'\. Did you mean 'two'"):
        table.named("tow")
