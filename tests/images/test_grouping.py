"""Groups as a person gives them: by folder, by a column, by what a pattern captures; and what is wrong with them, in words."""

import numpy as np
import pytest

from sablier.errors import ConfigError, ImagesError, UnknownName
from sablier.images.fingerprints import fingerprints
from sablier.images.grouping import (
    count_groups,
    counted_groups,
    group_numbers,
    joined_groups,
    parse_groups,
    sizes_of_groups,
    with_group_names,
    with_groups,
    with_repeats,
)
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess

RULE = Preprocess(height=8, width=8, channels=1)


def images(*ids, **more):
    pixels = np.random.default_rng(0).integers(0, 255, (len(ids), 8, 8, 1)).astype(np.uint8)
    return ImageSet(pixels, ids=np.array(ids), **more)


def repeated(found):
    return with_repeats(found, fingerprints(found, RULE))


def test_each_folder_is_a_group_and_an_image_outside_is_its_own():
    found = with_groups(images("a/1.png", "a/2.png", "b/1.png", "3.png", "4.png"), "folder")
    assert group_numbers(found).tolist() == [0, 0, 1, 2, 3]


def test_a_pattern_captures_the_group():
    found = with_groups(images("part7-a.png", "part7-b.png", "part12-a.png"), r"regex:part(\d+)")
    assert group_numbers(found).tolist() == [0, 0, 1]
    two = with_groups(images("l1-part7-a.png", "l2-part7-b.png", "l1-part7-c.png"), r"regex:(l\d)-part(\d+)")
    assert group_numbers(two).tolist() == [0, 1, 0]


def test_a_column_of_the_source_or_of_a_table_names_the_group(tmp_path):
    found = with_groups(images("a", "b", "c", attributes={"part": np.array([4, 4, 9])}), "column:part")
    assert group_numbers(found).tolist() == [0, 0, 1]
    labelled = with_groups(images("a", "b", "c", labels=["x", "y", "x"]), "column:label")
    assert group_numbers(labelled).tolist() == [0, 1, 0]
    table = tmp_path / "groups.csv"
    table.write_text("id,group,lot\nc,x,1\na,y,2\nb,x,3\n")
    assert group_numbers(with_groups(images("a", "b", "c"), f"column:{table}")).tolist() == [0, 1, 1]
    assert group_numbers(with_groups(images("a", "b", "c"), f"column:{table}:lot")).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folders", "expected --groups folder, column:NAME"),
        ("", "expected --groups folder"),
        ("column:", "expected --groups folder"),
        ("regex:part", r"expected a part in brackets .*, such as regex:\(part\\d\+\), got none"),
        ("regex:(", "expected a regular expression"),
    ],
)
def test_another_form_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_groups(text)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (r"regex:(\d\d\d)", r"capture a part of every name, got nothing in 3 of 3, such as a1\.png"),
        (r"regex:(b\d)", "got nothing in 1 of 3"),
        (r"regex:(x?)", "got nothing in 3 of 3"),
        (r"regex:(.*)", r"capture the same in several names, got another text in each of 3, such as 'a1\.png' in a1\.png"),
        ("folder", "expected a folder for each group in .*, got images that lie in none"),
    ],
)
def test_a_rule_that_gives_no_groups_is_refused(rule, message):
    with pytest.raises(ImagesError, match=message):
        with_groups(images("a1.png", "b1.png", "b2.png"), rule)


def test_a_column_with_gaps_or_that_is_not_there_is_refused(tmp_path):
    table = tmp_path / "groups.csv"
    table.write_text("id,group\na,x\nb,\n")
    with pytest.raises(ImagesError, match=r"a group for each image in the column group of .*, got none for 2 of 3, such as b"):
        with_groups(images("a", "b", "c"), f"column:{table}")
    with pytest.raises(ImagesError, match="expected a column 'lot', got the columns id, group"):
        with_groups(images("a"), f"column:{table}:lot")
    with pytest.raises(ImagesError, match="no such file"):
        with_groups(images("a"), f"column:{tmp_path / 'none.csv'}")
    with pytest.raises(UnknownName, match="part"):
        with_groups(images("a", attributes={"port": np.array([1])}), "column:part")
    with pytest.raises(ImagesError, match="got none for 1 of 2"):
        with_groups(images("a", "b", attributes={"part": np.array(["x", ""])}), "column:part")


def test_groups_travel_with_the_images():
    found = with_groups(images("a/1", "a/2", "b/1", "b/2"), "folder")
    assert found.take([3, 0]).groups.tolist() == [1, 0]
    assert ImageSet.concatenate([found.take([0]), found.take([2])]).given_groups.tolist() == [0, 1]
    assert count_groups(found.take([0, 1])) == 1
    with pytest.raises(ImagesError, match="expected 4 groups, one per image"):
        with_group_names(found, ["a", "b"])


def test_repeats_join_given_groups_and_it_is_said():
    pixels = np.random.default_rng(0).integers(0, 255, (5, 8, 8, 1)).astype(np.uint8)
    pixels[4] = pixels[0]
    found = repeated(with_group_names(ImageSet(pixels), ["a", "a", "b", "c", "d"]))
    assert found.groups.tolist() == [0, 0, 1, 2, 0]
    assert found.given_groups.tolist() == [0, 0, 1, 2, 3]
    assert joined_groups(found) == 2
    assert counted_groups(found) == "5 images, 3 groups"


def test_without_repeats_there_are_no_groups():
    found = repeated(images(*map(str, range(30))))
    assert found.groups is None
    assert joined_groups(found) == 0
    assert counted_groups(found) == "30 images"
    assert group_numbers(found).tolist() == list(range(30))
    assert sizes_of_groups(np.array([3, 3, 1, 3])).tolist() == [3, 3, 1, 3]
