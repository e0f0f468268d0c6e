"""Write docs/BENCHMARKS.md from bench/results: the page holds no figure that a bench did not write.

usage: python bench/page.py [--check]      (--check writes nothing and fails where the page is not what it would write)
"""

import json
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

from bar import Note, met
from bars import SECTIONS
from code_digest import code_digest

ROOT = Path(__file__).resolve().parent.parent
PAGE, RESULTS = ROOT / "docs" / "BENCHMARKS.md", ROOT / "bench" / "results"

HEAD = """# Benchmarks

Each table gives claims, their bars and the measured figures. Each group of rows names the result file with every figure and
note, then tier, cores, seeds, commit and date. "Stale" means that code which the bench runs has changed since, as
`bench/code_digest.py` computes. Two machines were used: AMD EPYC (no AMX) and, where "Xeon" stands, Intel Xeon with AMX.
No test label touches training, stopping or thresholds; the [log](LOG.md) names the exceptions. Run `python bench/NAME.py`
yourself, with `--quick` for a minute; `python bench/page.py` writes this page.
"""
VERDICTS = {None: "beside", True: "yes", False: "**no**"}


def page() -> str:
    """Return the page as it should be."""
    lines = [HEAD]
    for title, files in SECTIONS.items():
        rows = []
        for stem, claims in files.items():
            path = RESULTS / f"{stem}.json"
            if path.exists():
                result = json.loads(path.read_text())
                rows.append(f"|[{stem}](../bench/results/{path.name}): {stamp(result)}||||")
                rows += [row(result, *each) for each in claims]
        if rows:
            lines += [f"## {title}", "", "|claim|bar|figure|met|", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def stamp(result: dict[str, Any]) -> str:
    """Return how and when a result was measured, and whether its code has changed since."""
    seeds, threads = len(result["seeds"]), result["threads"]
    made = [
        str(result["tier"]) if result.get("tier") else "",
        counted(threads, "core"),
        "Xeon" if "Xeon" in result["cpu"] else "",
        counted(seeds, "seed"),
        f"`{result['commit']}`",
        result["date"],
        "" if result["code"] == code_digest(result["bench"]) else "stale",
    ]
    return ", ".join(each for each in made if each)


def row(result: dict[str, Any], key: str, claim: str, bar: str) -> str:
    """Return a claim, its bar, and the figure of a result."""
    try:
        *_, value = accumulate(key.split("/"), _within, initial=result)
    except KeyError:  # of a run that left it out
        return f"|{claim}|{'' if isinstance(bar, Note) else bar}|not measured||"
    shown = "" if isinstance(bar, Note) else bar
    return f"|{claim}|{shown}|{text_of(value)}|{VERDICTS[met(bar, value)]}|"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def text_of(value: Any) -> str:
    """Return a figure as text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        digits = 5 if 0 < abs(value) < 0.01 else 4
        return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:,.1f}"
    if isinstance(value, list):
        return " to ".join(map(text_of, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _within(part: Any, name: str) -> Any:
    """Return what a part of a result holds under a name; of a list of rows, the row of that name."""
    return {row["row"]: row for row in part}[name] if isinstance(part, list) else part[name]


def main() -> None:
    text = page()
    if "--check" in sys.argv[1:]:
        agrees = PAGE.exists() and PAGE.read_text() == text
        sys.exit(0 if agrees else f"{PAGE} does not agree with {RESULTS}: run python bench/page.py")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text)
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
