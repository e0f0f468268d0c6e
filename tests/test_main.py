"""`python -m sablier` is `sablier`."""

import subprocess
import sys

from sablier import __version__


def run_module(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "sablier", *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_it_prints_the_version():
    done = run_module("--version")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, f"sablier {__version__}", "")


def test_it_names_itself_in_the_help():
    done = run_module("--help")
    assert done.returncode == 0
    assert "Usage: python -m sablier" in done.stdout


def test_its_errors_have_no_traceback():
    done = run_module("trian")
    assert done.returncode == 2
    assert done.stderr.strip() == "error: there is no verb 'trian'. Did you mean 'train'? See: sablier --help"
