"""What the documentation shows can be run: its Python, its command lines, its links and its pictures."""

import ast
import re
import shlex
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import typer

from sablier.cli.main import app
from sablier.models.registry import list_models
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.detection.members import MEMBERS
from sablier.workflows.training.denoiser import denoiser_recipe

ROOT = Path(__file__).parents[2]
README, FRENCH, TUTORIAL = ROOT / "README.md", ROOT / "README.fr.md", ROOT / "docs" / "tutorial.md"
CONCEPTS = sorted((ROOT / "docs" / "concepts").glob("*.md"))
SCORES, INSPECTION = (ROOT / "docs" / "concepts" / f"{name}.md" for name in ("scores-and-false-alarms", "inspection"))
GUIDES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
COURSE = [ROOT / "docs" / "course-for-teachers.md", ROOT / "docs" / "course-steps.md"]
PAGES = [README, FRENCH, TUTORIAL, *CONCEPTS, *GUIDES, *COURSE]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
LINKED = [*PAGES, ARCHITECTURE, *sorted((ROOT / "docs" / "decisions").glob("*.md"))]
MOST_PICTURE_BYTES = 250_000

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def fences(page: Path, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(page.read_text(encoding="utf-8")) if language in languages]


def command_lines(page: Path) -> list[str]:
    """Return the `sablier ...` lines of the shell fences, continued lines joined, prompts taken off."""
    lines = "\n".join(fences(page, "sh", "console")).replace("\\\n", " ").splitlines()
    return [line for line in (line.removeprefix("$ ").strip() for line in lines) if line.startswith("sablier ")]


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """Parse a command line against the verbs and options there are, without running it."""
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(app)
    names = []
    while hasattr(command, "commands"):
        assert words, f"{line}: a verb is missing"
        assert words[0] in command.commands, f"{line}: there is no verb {words[0]!r}"
        names.append(words.pop(0))
        command = command.commands[names[-1]]
    return " ".join(names), command.make_context(names[-1], words).params


# Those that train until something has been learnt; each verb and class of theirs has quicker tests, too.
SLOW = ("Denoiser(", 'make_recipe("denoiser"', "ImageClassifier(tier")
PYTHON = [
    pytest.param(code, id=f"{page.stem}-{i}", marks=[pytest.mark.slow] if any(word in code for word in SLOW) else [])
    for page in (README, TUTORIAL, *CONCEPTS, *GUIDES)
    for i, code in enumerate(fences(page, "python"))
]
COMMANDS = [
    pytest.param(line, id=f"{page.name}: {line.split('#')[0].strip()}")
    for page in PAGES
    for line in dict.fromkeys(command_lines(page))
]
RECIPE_OF_VERB = {"course anomaly": "course-dense", "course letters": "course-conv"}


@pytest.mark.parametrize("code", PYTHON)
def test_python_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "documentation", "exec"), {"__name__": "documentation"})


SHOWN = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED = SHOWN.findall(README.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("code", "printed"), PRINTED)
def test_snippets_of_the_readme_print_what_it_shows(code, printed, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README", "exec"), {"__name__": "README"})
    assert capsys.readouterr().out == printed


def test_the_readme_shows_what_its_snippets_print() -> None:
    assert len(PRINTED) == len(fences(README, "python")) >= 2


def check(line: str) -> None:
    """Raise where a command line names a verb, an option, a recipe, a tier or a setting that does not exist."""
    verb, params = parsed(line)
    recipe = RECIPE_OF_VERB.get(verb)
    if verb == "train":
        recipe = denoiser_recipe(params["recipe"], params["noisy_only"], otherwise="detector")
    if recipe:
        make_recipe(recipe, params.get("tier", "base"), params["settings"] or [])


@pytest.mark.parametrize("line", COMMANDS)
def test_command_lines_name_what_exists(line: str) -> None:
    check(line)


@pytest.mark.parametrize(
    "line",
    [
        "sablier detekt a b",
        "sablier train good/ -o a --sett size=3",
        "sablier train good/ -o a --set sise=3",
        "sablier train good/ -o a --recipe denoyser",
        "sablier course letters --set filter=8",
        "sablier train good/",
        "sablier data lst",
    ],
)
def test_a_wrong_command_line_is_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"no verb|[Nn]o such option|[Mm]issing|unknown (setting|recipe)"):
        check(line)


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    assert targets or page.parent.name == "decisions"
    lost = [target for target in targets if not (page.parent / target.partition("#")[0]).exists()]
    assert not lost
    for target in targets:
        file, _, anchor = target.partition("#")
        if anchor:
            assert anchor in anchors(page.parent / file if file else page), target


@pytest.mark.parametrize("page", CONCEPTS, ids=lambda page: page.name)
def test_the_tutorial_leads_to_every_concept(page: Path) -> None:
    assert f"](concepts/{page.name}" in TUTORIAL.read_text(encoding="utf-8")


def table_rows(page: Path) -> list[list[str]]:
    return [line.split(" | ") for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]


@pytest.mark.parametrize("page", [TUTORIAL, INSPECTION], ids=lambda page: page.name)
def test_the_size_of_photos_is_that_of_each_tier(page: Path) -> None:
    rows = {row[0].strip("| `"): " ".join(row) for row in table_rows(page)}
    for tier in TIERS:
        assert re.search(rf"\b{make_recipe(tier=tier).size}\b", rows[tier]), tier


def test_every_member_and_every_model_is_explained() -> None:
    explained = {row[0].strip("| `") for row in table_rows(SCORES)}
    assert set(MEMBERS) <= explained
    assert all(f"`{name}`" in ARCHITECTURE.read_text(encoding="utf-8") for name in list_models())


def test_the_architecture_names_every_package_and_every_member_with_its_weight() -> None:
    rows = table_rows(ARCHITECTURE)
    rooms = " ".join(row[0] for row in rows)
    for path in (ROOT / "src" / "sablier").iterdir():
        if path.suffix == ".py" and path.stem != "__init__":
            assert f"`{path.name}`" in rooms
        if (path / "__init__.py").exists():
            assert f"`{path.name}/`" in rooms
    weights = {row[0].strip("| `"): row[-1].strip("| ") for row in rows}
    assert {kind: f"{member.weight:g}" for kind, member in MEMBERS.items()} == {kind: weights[kind] for kind in MEMBERS}


def anchors(page: Path) -> set[str]:
    """Return the anchors GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_pictures_are_small_used_and_made_by_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    spec = spec_from_file_location("make_pictures", ROOT / "docs" / "make_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    files = list((ROOT / "docs" / "pictures").iterdir())
    assert {file.name for file in files} == {f"{name}.png" for name in script.PICTURES}
    text = "".join(page.read_text(encoding="utf-8") for page in LINKED)
    for file in files:
        assert file.stat().st_size < MOST_PICTURE_BYTES
        assert f"pictures/{file.name})" in text, f"{file.name} is on no page"


def code_of(page: Path) -> list[str]:
    """Return the Python of a page without its comments, and what it prints."""
    return [ast.dump(ast.parse(code)) for code in fences(page, "python")] + fences(page, "text")


def test_the_french_readme_shows_the_same_code_and_commands() -> None:
    assert code_of(FRENCH) == code_of(README)
    first, second = ([shlex.split(line, comments=True) for line in command_lines(page)] for page in (README, FRENCH))
    assert first == second
