"""To add an optimizer is to add one file: it is found, and works through the public verbs."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import sablier
from sablier.errors import ConfigError, UnknownName
from sablier.registry import Registry
from sablier.training.optimizers import OPTIMIZERS, optimizer_names

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
