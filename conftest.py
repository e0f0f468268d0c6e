"""What holds for every test and every example in a docstring: one thread a process, and no package missed in silence."""

import os
import re
import signal
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import pytest

for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):  # before any of them is loaded; processes that tests start inherit it
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

SOURCE = Path(__file__).parent / "src"
NOTHING_MISSING = "SABLIER_NOTHING_MISSING"  # set by .ci/run
LACKING = re.compile(r"could not import|(^|: )[\w.-]+ is not installed")  # a package, not a program named by its path
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_configure() -> None:
    """Let Ctrl-C reach processes that tests start, also where the tests run in the background of a shell, which ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny nets gain nothing from threads, and on a busy machine they spend their time waiting for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collect_file(file_path: Path) -> None:
    """Import a module of sablier as its users do; pytest alone would load one a second time that its package has loaded."""
    if file_path.suffix == ".py" and SOURCE in file_path.parents and file_path.name != "__main__.py":
        parts = file_path.relative_to(SOURCE).with_suffix("").parts
        import_module(".".join(part for part in parts if part != "__init__"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return failed_for_a_package((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return failed_for_a_package((yield))


def failed_for_a_package(report: Report) -> Report:
    """Where every package should be there, what is skipped for lack of one fails."""
    reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
    if os.environ.get(NOTHING_MISSING) and LACKING.search(reason):
        report.outcome, report.longrepr = "failed", f"{reason}: {NOTHING_MISSING} is set, and so no package may be missing"
    return report
