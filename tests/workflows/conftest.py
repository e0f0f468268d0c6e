"""Digits, and a folder in which they arrive."""

import pytest

from sablier.images import read_images


@pytest.fixture
def incoming(tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def digits():
    return read_images("digits:test")


@pytest.fixture(scope="module")
def strange(digits):
    return digits.where(label=[0, 1, 4, 6, 7])
