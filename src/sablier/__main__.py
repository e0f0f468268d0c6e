"""`python -m sablier` is `sablier`."""

from sablier.cli.main import run

if __name__ == "__main__":
    run()
