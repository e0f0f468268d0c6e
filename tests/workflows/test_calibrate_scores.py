"""A calibration of the scores of another tool: what it holds, and which tables it refuses."""

import numpy as np
import pytest
from score_files import PYOD, rows_of, write_scores, write_table

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError, TooFewImages
from sablier.modelfile import ModelFile
from sablier.tasks.detection.score_judge import ScoreJudge
from sablier.workflows.calibrate_scores import calibrate_scores
from sablier.workflows.judge import judge
from sablier.workflows.score_tables import ScoreColumns


def test_the_file_holds_the_scores_and_nothing_else(tmp_path):
    write_scores(tmp_path / "good.csv", 120, 0)
    result = calibrate_scores(tmp_path / "good.csv", tmp_path / "t.sablier")
    assert result.notes == ()
    file = ModelFile.load(tmp_path / "t.sablier")
    assert (file.task, list(file.parts), file.provenance.images) == ("judge", ["calibration"], 120)
    kept = ScoreJudge.from_file(file)
    scores = np.sort([float(row["score"]) for row in rows_of(tmp_path / "good.csv")])
    assert np.array_equal(kept.calibration.folds[0], scores)
    assert kept.columns == {"id": "id", "score": "score"}


def test_groups_count_once(tmp_path):
    write_table(tmp_path / "good.csv", id=range(60), score=np.arange(60.0), group=[place // 3 for place in range(60)])
    result = calibrate_scores(tmp_path / "good.csv", tmp_path / "t.sablier")
    assert result.judge.calibration.size == "60 images in 20 groups"
    assert ScoreJudge.from_file(ModelFile.load(tmp_path / "t.sablier")).calibration.groups == 20


def test_bad_rows_do_not_calibrate(tmp_path):
    result = calibrate_scores(PYOD / "new.csv", tmp_path / "t.sablier", columns=ScoreColumns(score="knn"))
    assert result.judge.calibration.count == 201
    assert result.file.provenance.calibrated.endswith("; 299 bad ones left out")


def test_labels_that_show_the_other_direction_are_an_error_that_names_the_option(tmp_path):
    table, knn = PYOD / "new.csv", ScoreColumns(score="knn")
    with pytest.raises(ImagesError, match=r"The 299 bad images score higher .* \(AUROC 0.04\).* without --lower-is-worse"):
        calibrate_scores(table, tmp_path / "t.sablier", columns=knn, lower_is_worse=True)
    rows = rows_of(table)
    turned = [-float(row["knn"]) for row in rows]
    write_table(tmp_path / "turned.csv", id=[row["id"] for row in rows], score=turned, label=[row["label"] for row in rows])
    with pytest.raises(ImagesError, match=r"bad images score lower than the good ones .* calibrate with --lower-is-worse"):
        calibrate_scores(tmp_path / "turned.csv", tmp_path / "t.sablier")
    assert not (tmp_path / "t.sablier").exists()
    calibrate_scores(tmp_path / "turned.csv", tmp_path / "t.sablier", lower_is_worse=True)


def test_labels_of_other_words_are_refused_since_bad_images_may_be_among_them(tmp_path):
    write_table(tmp_path / "good.csv", id=["a", "b"], score=[1, 2], label=["scratch", "good"])
    with pytest.raises(ImagesError, match=r"labels that say good or bad .* such as 'scratch'"):
        calibrate_scores(tmp_path / "good.csv", tmp_path / "t.sablier")


def test_ties_are_told(tmp_path):
    write_table(tmp_path / "good.csv", id=range(200), score=[place % 4 for place in range(200)])
    (note,) = calibrate_scores(tmp_path / "good.csv", tmp_path / "t.sablier").notes
    assert note.startswith("Only 4 different values among 200 calibration scores.")
    write_table(tmp_path / "new.csv", id=range(3), score=[3, 3, 4])
    summary = judge(tmp_path / "t.sablier", tmp_path / "new.csv", alpha=0.1)
    assert summary.flagged == 1  # 3 is the score of a quarter of the good images
    assert note in summary.notes()


def test_too_few_scores(tmp_path):
    with pytest.raises(TooFewImages, match="at least 2 good images to calibrate with, of 2 groups, got 1 image"):
        calibrate_scores(write_scores(tmp_path / "good.csv", 1, 0), tmp_path / "t.sablier")
    result = calibrate_scores(write_scores(tmp_path / "good.csv", 5, 0), tmp_path / "t.sablier")
    assert result.judge.calibration.promise(0.05).startswith("No verdict at a false-alarm rate of 5%: 5 images calibrate")


def test_a_calibration_is_renewed_with_its_columns_direction_and_feedback(tmp_path):
    rng = np.random.default_rng(0)
    write_table(tmp_path / "good.csv", part=range(99), distance=rng.normal(size=99))
    model = tmp_path / "t.sablier"
    calibrate_scores(tmp_path / "good.csv", model, columns=ScoreColumns("part", "distance"), lower_is_worse=True)
    batch = np.r_[rng.normal(size=150), np.full(5, -9.0)]
    write_table(tmp_path / "monday.csv", part=range(155), distance=batch)
    judge(model, tmp_path / "monday.csv", tmp_path / "out", audit=10)
    flagged = rows_of(tmp_path / "out" / "flagged.csv")
    assert {row["id"] for row in flagged} >= {"150", "154"}
    ids = [row["id"] for row in flagged]
    write_table(tmp_path / "verdicts.csv", id=ids, verdict=["bad" if int(id) >= 150 else "good" for id in ids])
    result = calibrate_scores(tmp_path / "monday.csv", model=model, feedback=[tmp_path / "verdicts.csv"])
    assert result.judge.calibration.count == 150
    assert ScoreJudge.from_file(ModelFile.load(model)).lower_is_worse
    write_table(tmp_path / "some.csv", id=ids[:1], verdict=["bad"])
    calibrate_scores(tmp_path / "good.csv", model, columns=ScoreColumns("part", "distance"), lower_is_worse=True)
    with pytest.raises(ImagesError, match=f"expected a verdict on each of the {len(flagged)} images flagged"):
        calibrate_scores(tmp_path / "monday.csv", model=model, feedback=[tmp_path / "some.csv"])


def test_a_model_that_gives_verdicts_is_not_replaced_by_one_that_gives_none(tmp_path):
    model = tmp_path / "t.sablier"
    calibrate_scores(write_scores(tmp_path / "good.csv", 99, 0), model)
    before = model.read_bytes()
    few = write_scores(tmp_path / "few.csv", 5, 1)
    with pytest.raises(TooFewImages, match="It was not replaced"):
        calibrate_scores(few, model=model)
    assert model.read_bytes() == before
    calibrate_scores(few, model=model, force=True)
    assert ScoreJudge.from_file(ModelFile.load(model)).calibration.count == 5


def test_what_is_lacking_or_in_the_way_is_said_before_anything_is_written(tmp_path, digits_file):
    good = write_scores(tmp_path / "good.csv", 99, 0)
    with pytest.raises(ConfigError, match="a file to write the calibration to"):
        calibrate_scores(good)
    with pytest.raises(ConfigError, match="the calibration that flagged the images beside feedback"):
        calibrate_scores(good, tmp_path / "t.sablier", feedback=[good])
    with pytest.raises(ModelFileError, match=r"got a model: one trained to detect\. Make one with: sablier calibrate --scores"):
        calibrate_scores(good, tmp_path / "t.sablier", model=digits_file)
    calibrate_scores(good, tmp_path / "u.sablier")
    with pytest.raises(ConfigError, match=r"the direction of .*u\.sablier, higher is worse, got another"):
        calibrate_scores(good, tmp_path / "t.sablier", model=tmp_path / "u.sablier", lower_is_worse=True)
    with pytest.raises(OutputError, match="among the images"):
        calibrate_scores(good, good)
    assert not (tmp_path / "t.sablier").exists()
