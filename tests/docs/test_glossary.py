"""The words are those of the glossary: none of the private words of `private_words.csv` stands where it may not."""

import csv
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
HISTORY = {"LOG.md", "BENCHMARKS.md"}  # what was written then, and what result files say
PAGES = [
    *(ROOT / name for name in ("README.md", "README.fr.md", "CONTRIBUTING.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name not in HISTORY),
    *sorted((ROOT / "src").rglob("*.html")),
]
with (Path(__file__).parent / "private_words.csv").open(encoding="utf-8", newline="") as table:
    WORDS = list(csv.DictReader(table))


def tokens(text: str, *kinds: int) -> list[str]:
    return [token.string for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type in kinds]


@pytest.fixture(scope="module")
def names() -> dict[str, set[str]]:
    """The identifiers of each file of src."""
    return {str(path.relative_to(ROOT)): set(tokens(path.read_text(encoding="utf-8"), tokenize.NAME)) for path in SOURCES}


@pytest.fixture(scope="module")
def prose() -> dict[str, set[str]]:
    """The lines of each page, and the strings and comments of src."""
    kept = {str(path.relative_to(ROOT)): set(path.read_text(encoding="utf-8").splitlines()) for path in PAGES}
    for path in SOURCES:
        found = tokens(path.read_text(encoding="utf-8"), tokenize.STRING, tokenize.COMMENT)
        kept[str(path.relative_to(ROOT))] = {line for text in found for line in text.splitlines()}
    return kept


@pytest.mark.parametrize("word", WORDS, ids=[word["pattern"] for word in WORDS])
def test_no_private_word_stands_where_it_may_not(word, names, prose):
    where = {"names": names, "prose": prose}[word["where"]]
    found = [(file, text.strip()[:100]) for file, texts in where.items() for text in texts if re.search(word["pattern"], text)]
    assert not found, f"{word['instead']} is the word of the field; got {sorted(found)[:20]}"


def test_the_check_finds_what_it_looks_for():
    pattern = next(word["pattern"] for word in WORDS if word["instead"] == "covariates" and word["where"] == "prose")
    assert re.search(pattern, "N,U nuisances of images")
    assert not re.search(pattern, "N,U covariates of images")
