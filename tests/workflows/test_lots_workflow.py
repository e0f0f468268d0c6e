"""detect --lot and the bound on good images among the flagged ones: from images to tables and the page."""

import csv
import json

import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError
from sablier.images import read_images
from sablier.workflows.calibrate import calibrate
from sablier.workflows.detect import detect
from sablier.workflows.lots import bound_options

BAD = 18


@pytest.fixture(scope="module")
def split_file(digits_file, tmp_path_factory):
    """A detector of threes that one split calibrates."""
    place = tmp_path_factory.mktemp("split") / "threes.sablier"
    calibrate(digits_file, "digits:test[label=3]", place)
    return place


@pytest.fixture(scope="module")
def lots(tmp_path_factory):
    """Two lots: threes alone, and threes with other digits."""
    folder = tmp_path_factory.mktemp("images")
    threes, others = read_images("digits[label=3]"), read_images("digits:test[label!=3]")
    for index in range(60):
        bad = index < BAD
        for lot, image in (("lot1", threes[index]), ("lot2", others[3 * index] if bad else threes[60 + index])):
            Image.fromarray(image[..., 0]).save(folder / f"{lot}-{index:02}.png")
    return folder


def test_the_tables_the_page_and_python_say_the_same(split_file, lots, tmp_path):
    summary = detect(split_file, lots, tmp_path / "out", lot=r"regex:(lot\d)")
    first, second = summary.lots.rows
    assert (first.lot, first.images, second.lot, second.images) == ("lot1", 60, "lot2", 60)
    assert 0 < second.bad_at_least <= BAD
    with (tmp_path / "out" / "lots.csv").open(newline="", encoding="utf-8") as file:
        assert [int(row["bad_at_least"]) for row in csv.DictReader(file)] == [first.bad_at_least, second.bad_at_least]
    document = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert document["lots"]["lots"][1]["bad_at_least"] == second.bad_at_least
    assert document["bound"]["words"] == summary.bound.words()
    assert document["bound"]["good_at_most"] <= document["bound"]["flagged"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert summary.bound.words() in page
    assert "at most how many of them are good" in page
    assert "looks like many bad images" in page


def test_a_run_without_lots_writes_no_table(split_file, lots, tmp_path):
    detect(split_file, lots, tmp_path / "out", lot=r"regex:(lot\d)", report=False)
    summary = detect(split_file, lots, tmp_path / "out", report=False)
    assert summary.lots is None
    assert not (tmp_path / "out" / "lots.csv").exists()


def test_named_groups_are_bounded(split_file, lots, tmp_path):
    summary = detect(split_file, lots, tmp_path / "out", groups=r"regex:-(\d)\d", report=False)
    assert summary.bound.counted == "groups"
    assert summary.bound.at(1.0)[0] <= 6


def test_with_folds_the_reason_is_given(digits_file, lots, tmp_path):
    summary = detect(digits_file, lots, tmp_path / "out", report=False)
    assert "for cross-conformal folds none is proved" in summary.bound.words()
    with pytest.raises(ConfigError, match="cross-conformal"):
        detect(digits_file, lots, tmp_path / "out2", lot=r"regex:(lot\d)")
    assert not (tmp_path / "out2").exists()


def test_a_pattern_that_matches_nothing_is_an_error_before_anything_is_written(split_file, lots, tmp_path):
    with pytest.raises(ImagesError, match="got nothing in"):
        detect(split_file, lots, tmp_path / "out", lot=r"regex:(batch\d)")
    assert not (tmp_path / "out" / "detections.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lot": "lot"}, "expected --lot folder"),
        ({"lot": "regex:lot"}, "in brackets in --lot"),
        ({"simultaneous": True}, "Name one by --lot"),
        ({"confidence": 90.0}, "between 0 and 1"),
    ],
)
def test_rules_are_checked(options, message):
    with pytest.raises(ConfigError, match=message):
        bound_options(**options)
