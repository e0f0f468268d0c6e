"""Tables of scores: which columns are found, and what cannot be used."""

import numpy as np
import pytest
from score_files import PYOD, write_table

from sablier.errors import ImagesError, TooFewImages, UnknownName
from sablier.tasks.detection.score_judge import SCORE
from sablier.workflows.score_tables import ScoreColumns, read_scores

USUAL = ScoreColumns()


def test_a_table_that_pyod_wrote(tmp_path):
    table = read_scores(PYOD / "new.csv", ScoreColumns(score="knn"))
    assert len(table.images) == 500
    assert table.columns == {"id": "id", "score": "knn"}
    assert table.bad.sum() == 299
    assert table.images.ids[0] == "digit-202"
    assert table.images.attributes[SCORE][0] == 19.949937


def test_what_anomalib_returns_for_an_image_is_found_by_its_names(tmp_path):
    names, scores = ["in/a.png", "in/b.png"], [0.25, 0.75]
    path = write_table(tmp_path / "a.csv", image_path=names, gt_label=[0, 1], pred_label=[False, True], pred_score=scores)
    table = read_scores(path, USUAL)
    assert table.columns == {"id": "image_path", "score": "pred_score"}
    assert table.bad.tolist() == [False, True]
    assert table.images.attributes[SCORE].tolist() == [0.25, 0.75]


def test_rows_without_names_are_numbered(tmp_path):
    table = read_scores(write_table(tmp_path / "a.csv", anomaly_score=[3, 1]), USUAL)
    assert table.images.ids.tolist() == ["1", "2"]
    assert table.columns == {"id": "", "score": "anomaly_score"}


def test_semicolons_and_decimal_commas(tmp_path):
    (tmp_path / "a.csv").write_text("id;score\nx;0,5\ny;-1,25e1\n")
    assert read_scores(tmp_path / "a.csv", USUAL).images.attributes[SCORE].tolist() == [0.5, -12.5]


def test_a_column_group_makes_groups_and_a_rule_others(tmp_path):
    path = write_table(tmp_path / "a.csv", id=["p1-a", "p1-b", "p2-a"], score=[1, 2, 3], group=["x", "y", "y"])
    assert read_scores(path, USUAL).images.groups.tolist() == [0, 1, 1]
    assert read_scores(path, USUAL, r"regex:(p\d)").images.groups.tolist() == [0, 0, 1]
    with pytest.raises(UnknownName, match="part"):
        read_scores(path, USUAL, "column:part")


def test_labels_of_other_words_say_nothing(tmp_path):
    table = read_scores(write_table(tmp_path / "a.csv", id=["a", "b"], score=[1, 2], label=["good", "scratch"]), USUAL)
    assert table.bad is None
    assert table.images.labels.tolist() == ["good", "scratch"]


@pytest.mark.parametrize(
    ("cell", "came"),
    [
        ("nan", "'nan'"),
        ("inf", "'inf'"),
        ("1e31", "'1e31'"),
        ("", "an empty cell"),
        ("tensor(0.5)", r"'tensor\(0.5\)'"),
        ("0,5 mm", "'0,5 mm'"),
    ],
)
def test_a_score_that_is_no_number_or_too_large(tmp_path, cell, came):
    path = write_table(tmp_path / "a.csv", id=["a", "b"], score=["0.5", cell])
    with pytest.raises(ImagesError, match=rf"a number from -1e\+30 to 1e\+30 in column 'score' for each image, got {came} for b"):
        read_scores(path, USUAL)


def test_messages_about_columns_say_which_were_found(tmp_path):
    path = write_table(tmp_path / "a.csv", id=["a"], distance=[1])
    with pytest.raises(ImagesError, match=r"a column score, .* got the columns id, distance\. Name it with --score-column NAME"):
        read_scores(path, USUAL)
    with pytest.raises(ImagesError, match=r"a column part, got the columns id, distance\. Name it with --id-column NAME"):
        read_scores(path, ScoreColumns("part", "distance"))
    assert read_scores(path, ScoreColumns(score="distance")).images.attributes[SCORE].tolist() == [1]


def test_two_rows_of_one_image_and_an_image_without_a_name(tmp_path):
    with pytest.raises(ImagesError, match="one row for each image, got a in rows 1 and 3"):
        read_scores(write_table(tmp_path / "a.csv", id=["a", "b", "a"], score=[1, 2, 3]), USUAL)
    with pytest.raises(ImagesError, match="row 2: expected the name of an image in column 'id', got an empty cell"):
        read_scores(write_table(tmp_path / "a.csv", id=["a", " "], score=[1, 2]), USUAL)


def test_no_rows_too_many_cells_and_no_file(tmp_path):
    with pytest.raises(TooFewImages, match="a row for each image below the names of columns, got none"):
        read_scores(write_table(tmp_path / "a.csv", id=[], score=[]), USUAL)
    (tmp_path / "b.csv").write_text("id,score\nx,1\ny,1,5\n")
    with pytest.raises(ImagesError, match="row 2: expected a cell for each of 2 columns, got more"):
        read_scores(tmp_path / "b.csv", USUAL)
    with pytest.raises(ImagesError, match=r"c.csv: no such file. Write one with a row for each image"):
        read_scores(tmp_path / "c.csv", USUAL)


def test_control_characters_in_names_are_escaped(tmp_path):
    assert read_scores(write_table(tmp_path / "a.csv", id=["a\x1b[2J"], score=[1]), USUAL).images.ids.tolist() == ["a\\x1b[2J"]


def test_the_scores_are_numbers_in_double_precision(tmp_path):
    scores = np.random.default_rng(0).normal(size=20)
    table = read_scores(write_table(tmp_path / "a.csv", score=scores), USUAL)
    assert np.array_equal(table.images.attributes[SCORE], scores)
