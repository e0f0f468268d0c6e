"""The main job on images that ship with the installation: learn the threes, find what is not a three.

usage: python examples/demo.py [FOLDER]      (demo/ where none is given)

The same by hand:

    sablier train 'digits[label=3]' -o demo/threes.sablier --tier small
    sablier detect demo/threes.sablier digits:test -o demo/
    sablier evaluate demo/threes.sablier --good 'digits:test[label=3]' --bad 'digits:test[label!=3]'
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
    model = str(folder / "threes.sablier")
    sablier("train", "digits[label=3]", "-o", model, "--tier", "small")
    sablier("detect", model, "digits:test", "-o", str(folder))
    sablier("evaluate", model, "--good", "digits:test[label=3]", "--bad", "digits:test[label!=3]")


if __name__ == "__main__":
    main()
