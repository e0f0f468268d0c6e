"""A new recipe is one file: it is listed, explained, made and trained by, and nothing else names it."""

from pathlib import Path

import pytest

from sablier.errors import UnknownName
from sablier.recipes import library
from sablier.recipes.names import check_names, list_recipes, recipe_words

FILE = '''"""Finds nines quickly."""

from dataclasses import replace

from sablier.recipes.detection import DetectionRecipe
from sablier.recipes.library.detector import recipe as detector


def recipe(tier: str) -> DetectionRecipe:
    return replace(detector("tiny"), name="nines-quickly", members=("closed-form",))
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "nines_quickly.py").write_text(FILE)
    monkeypatch.setattr(library, "__path__", [*library.__path__, str(folder)])
    return folder


def test_a_file_is_a_recipe(added: Path, sablier, tmp_path: Path) -> None:
    assert "nines-quickly" in list_recipes()
    assert recipe_words()["nines-quickly"] == "Finds nines quickly."
    assert "nines-quickly - - - - Finds nines quickly." in " ".join(sablier("recipes").out.split())
    done = sablier("train", "digits[label=9]", "-o", "m.sablier", "--recipe", "nines-quickly", "--set", "folds=2")
    assert done.code == 0, done.err
    assert "m.sablier was trained on" in done.out


def test_without_the_file_there_is_no_such_recipe() -> None:
    with pytest.raises(UnknownName, match="unknown recipe 'nines-quickly'"):
        check_names("nines-quickly")


@pytest.mark.parametrize(
    ("recipe", "tier", "settings", "message"),
    [
        ("detectr", "base", [], "unknown recipe 'detectr'. Did you mean 'detector'"),
        ("detector", "smal", [], "unknown tier 'smal'. Did you mean 'small'"),
        ("detector", "base", ["epocs=3"], "unknown setting 'epocs'. Did you mean 'epochs'"),
        ("detector", "base", ["transformations.widht=3"], "unknown setting 'widht'. Did you mean 'width'"),
    ],
)
def test_unknown_names_are_told_from_the_source_alone(recipe: str, tier: str, settings: list[str], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        check_names(recipe, tier, settings)
