"""Collapse is detected: of classes, and of variety."""

import numpy as np
import pytest

from sablier.errors import TooFewImages
from sablier.images import load_dataset
from sablier.tasks.latent.coverage import coverage

CLASSES = [str(digit) for digit in range(10)]


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def test_real_images_cover_everything(digits):
    real = digits.array / 16
    found = coverage(digits.labels[:700], CLASSES, real[:700], real[700:])
    assert not found.collapsed
    assert found.lost == ()
    assert found.diversity == pytest.approx(1, abs=0.05)
    assert sum(found.shares.values()) == pytest.approx(1)


def test_a_lost_class_is_collapse(digits):
    kept = digits.labels != "4"
    real = digits.array / 16
    found = coverage(digits.labels[kept], CLASSES, real[kept], real)
    assert found.lost == ("4",)
    assert found.collapsed


def test_one_image_of_each_class_again_and_again_is_collapse(digits):
    real = digits.array / 16
    first = [int(np.flatnonzero(digits.labels == name)[0]) for name in CLASSES]
    again = np.concatenate([real[first].mean(axis=0, keepdims=True) + 0.2 * (real[first] - real[first].mean(axis=0))] * 50)
    found = coverage(np.tile(CLASSES, 50), CLASSES, again, real)
    assert found.lost == ()
    assert found.diversity < 0.5
    assert found.collapsed


def test_the_table_has_a_row_a_class(digits):
    found = coverage(np.array(["a", "a", "b"]), ["a", "b"], digits.array[:3], digits.array)
    assert [row["class"] for row in found.to_table()] == ["a", "b"]
    assert found.to_json()["shares"] == {"a": pytest.approx(2 / 3), "b": pytest.approx(1 / 3)}


def test_one_image_has_no_variety(digits):
    with pytest.raises(TooFewImages, match="expected at least 2 images"):
        coverage(np.array(["a"]), ["a"], digits.array[:1], digits.array)
