"""The main job on images that ship with sablier: learn from good parts, flag the few bad ones among new parts, and show where.

usage: python examples/demo.py [FOLDER]      (demo/ where none is given)

The same by hand:

    sablier train parts -o demo/part.sablier
    sablier detect demo/part.sablier parts:test -o demo/
    sablier evaluate demo/part.sablier --good 'parts:test[label=good]' --bad 'parts:test[label!=good]' -o demo/evaluation.html
"""

import subprocess
import sys
from pathlib import Path


def sablier(*arguments: str) -> None:
    """Run the command line as a user would."""
    print(f"$ sablier {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "sablier", *arguments], check=True)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    model = str(folder / "part.sablier")
    sablier("train", "parts", "-o", model)
    sablier("detect", model, "parts:test", "-o", str(folder))
    good, bad = "parts:test[label=good]", "parts:test[label!=good]"
    sablier("evaluate", model, "--good", good, "--bad", bad, "-o", str(folder / "evaluation.html"))
    print(f"Open {folder / 'report.html'} (what is flagged) and {folder / 'evaluation.html'} (what is found and what is missed).")


if __name__ == "__main__":
    main()
