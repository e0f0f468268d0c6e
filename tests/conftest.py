"""Fixtures shared by every test."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public sets; tests that ask for it are skipped, and say so, where there is none."""
    named = os.environ.get("SABLIER_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("SABLIER_DATA does not name a folder of public sets")
    return Path(named)
