"""`sablier evaluate` on a category folder: the table by kind, and what it says of missing masks and arguments."""

import numpy as np
import pytest
from PIL import Image

from sablier.images import read_images


@pytest.fixture
def category(tmp_path):
    """Digits in the layout of MVTec AD: threes are good; ones and sevens bad, with a mask for all but one image."""
    digits = read_images("digits:test")
    place = tmp_path / "threes"
    for kind, digit in (("good", 3), ("one", 1), ("seven", 7)):
        (place / "test" / kind).mkdir(parents=True)
        (place / "ground_truth" / kind).mkdir(parents=True)
        for index, image in enumerate(digits.where(label=digit)):
            Image.fromarray(image[..., 0]).save(place / "test" / kind / f"{index}.png")
            mask = np.where(image[..., 0] > 100, 255, 0).astype(np.uint8)
            if kind != "good" and (kind, index) != ("one", 3):
                Image.fromarray(mask).save(place / "ground_truth" / kind / f"{index}.png")
    return place


def test_the_figures_of_every_kind_are_printed(sablier, digits_file, category):
    done = sablier("evaluate", digits_file, category)
    assert done.code == 0
    assert all(word in done.out for word in ("pca", "sablier by kind", "one", "seven", "all", "pixel AUROC", "AUPRO"))
    assert "no pixel metrics for one/3.png: expected its mask as" in done.out
    assert "of good images will be flagged" in done.out


def test_strict_stops_at_a_missing_mask(sablier, digits_file, category):
    done = sablier("evaluate", digits_file, category, "--strict")
    assert done.code == 2
    assert "3_mask.png, found none" in done.err


def test_many_missing_masks_are_counted_rather_than_listed(sablier, digits_file, category):
    count = 0
    for file in (category / "ground_truth" / "seven").iterdir():
        file.unlink()
        count += 1
    done = sablier("evaluate", digits_file, category)
    assert done.out.count("no pixel metrics for") == 5
    assert f"... and {count + 1 - 5} more without a mask" in done.out
    assert "no masks" in done.out


def test_without_masks_there_are_no_columns_for_them(sablier, digits_file):
    done = sablier("evaluate", digits_file, "--good", "digits:test[label=3]", "--bad", "digits:test[label=1,7]")
    assert done.code == 0
    assert "sablier by kind" in done.out
    assert "AUPRO" not in done.out
    one_kind = sablier("evaluate", digits_file, "--good", "digits:test[label=3]", "--bad", "digits:test[label=1]")
    assert "sablier by kind" not in one_kind.out


@pytest.mark.parametrize(
    ("arguments", "got"),
    [
        ([], "got neither"),
        (["--good", "digits"], "got --good"),
        (["--bad", "digits"], "got --bad"),
        (["digits", "--bad", "digits"], "got CATEGORY and --bad"),
        (["digits", "--good", "digits", "--bad", "digits"], "got CATEGORY and --good and --bad"),
    ],
)
def test_either_a_category_or_both_kinds(sablier, digits_file, arguments, got):
    done = sablier("evaluate", digits_file, *arguments)
    assert done.code == 2
    assert "Missing images: expected --good and --bad, or a category folder instead of both" in done.err
    assert got in done.err


def test_a_folder_that_is_no_category(sablier, digits_file, tmp_path):
    (tmp_path / "empty").mkdir()
    done = sablier("evaluate", digits_file, "empty")
    assert done.code == 2
    assert "empty: expected a folder with test/good/" in done.err
