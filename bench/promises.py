"""Do the promises hold: bounds of batches and lots, streams, maps, and somebody else's scores?

Each claim is a file of its own, bench/promise_CLAIM.py, whose `rows` returns what it measured against its bar. Every run of a
claim draws fresh calibration images and fresh batches from scores of images that the detector has not seen.
"""

import argparse
from importlib import import_module
from typing import Any

from harness import Bench, print_table

CLAIMS = ("bounds", "lots", "streams", "maps", "scores")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", choices=CLAIMS, help="one claim; finished ones of earlier runs are kept in the result file")
    parser.add_argument("--seed", type=int, default=0)


def main() -> None:
    bench = Bench("promises", __doc__ or "", add)
    args = bench.args
    steps = bench.partial("all")
    if args.only:
        steps.done.pop(args.only, None)
    chosen = (args.only,) if args.only else CLAIMS
    found = {name: steps.get(name, lambda name=name: measured(name, args.quick, args.seed)) for name in chosen}  # type: ignore[misc]
    found |= {name: steps.done[name] for name in CLAIMS if name not in found and name in steps.done}
    rows = [row for name in CLAIMS for row in found.get(name, [])]
    print_table(
        ["claim", "data", "figure", "bar", "inside", "runs"],
        [[row["claim"], row["data"], row["figure"], row["bar"], said(row["inside"]), row["runs"]] for row in rows],
    )
    bench.finish("all", [args.seed], {"rows": rows}, whole=set(found) == set(CLAIMS))


def measured(name: str, quick: bool, seed: int) -> list[dict[str, Any]]:
    """Return the rows of a claim, each under a name of its own, by which bench/bars.py finds it."""
    rows: list[dict[str, Any]] = import_module(f"promise_{name}").rows(quick, seed)
    return [{"row": f"{row['claim']}, {row['data']}", **row} for row in rows]


def said(inside: bool | None) -> str:
    """Return whether a figure is inside its bar, in a word; "-" where there is no bar."""
    return {True: "yes", False: "NO", None: "-"}[inside]


if __name__ == "__main__":
    main()
