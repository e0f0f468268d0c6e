"""`python -m sablier` runs the command `sablier`."""

from sablier.cli.main import run

if __name__ == "__main__":
    run()
