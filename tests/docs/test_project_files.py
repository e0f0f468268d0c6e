"""What several files say about the project is the same in all of them."""

import re
import tomllib
from pathlib import Path

import sablier

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def lowest(requirement: str) -> tuple[str, str]:
    """Return the name and the lower bound of a requirement."""
    name, version = re.match(r"([\w.-]+)[>=]=([\d.]+)", requirement).groups()
    return name.lower(), version


def test_the_version_is_one():
    assert PROJECT["dynamic"] == ["version"]  # it is read from the package
    assert re.search(r"^version: (.*)$", read("CITATION.cff"), re.MULTILINE)[1] == sablier.__version__


def test_the_address_is_one():
    address = PROJECT["urls"]["Source"]
    assert set(re.findall(r"https://github\.com/[\w.-]+/[\w.-]+", read("CITATION.cff") + read("SECURITY.md"))) == {address}
    assert all(url.startswith(address) for url in PROJECT["urls"].values())


def test_the_workflow_has_every_python_that_is_claimed():
    claimed = {line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if re.search(r"Python :: 3\.", line)}
    assert min(claimed) == PROJECT["requires-python"].removeprefix(">=")
    pythons = re.search(r"python: \[(.*)\]", read(".github/workflows/ci.yml"))[1]
    assert set(re.findall(r"[\d.]+", pythons)) == claimed


def test_the_oldest_packages_are_those_that_are_claimed():
    pinned = dict(line.lower().split("==") for line in read("constraints-oldest.txt").splitlines() if "==" in line)
    for name, version in map(lowest, PROJECT["dependencies"]):
        digits = version.split(".")
        assert pinned[name].split(".")[: len(digits)] == digits, name


def test_the_runtime_claims_the_bounds_of_sablier():
    runtime = tomllib.loads((ROOT / "runtime" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    claimed = set(PROJECT["dependencies"]) | set(PROJECT["optional-dependencies"]["onnx"])
    assert set(runtime["dependencies"]) <= claimed
    assert runtime["requires-python"] == PROJECT["requires-python"]
    assert runtime["urls"]["Source"] == PROJECT["urls"]["Source"]
