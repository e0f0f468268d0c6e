"""`judge`: verdicts, tables, photos and a report on the scores of another tool."""

import json

import numpy as np
import pytest
from PIL import Image
from score_files import PYOD, rows_of, write_scores, write_table

from sablier.errors import ConfigError, ImagesError, ModelFileError
from sablier.workflows.audit import audit
from sablier.workflows.calibrate_scores import calibrate_scores
from sablier.workflows.judge import judge
from sablier.workflows.score_tables import ScoreColumns


@pytest.fixture
def model(tmp_path):
    """A calibration by 199 scores of a normal distribution."""
    path = tmp_path / "t.sablier"
    calibrate_scores(write_scores(tmp_path / "good.csv", 199, 0), path)
    return path


@pytest.mark.parametrize("column", ["knn", "iforest"])
def test_scores_of_pyod_are_judged_at_the_rate_asked_for(tmp_path, column):
    calibrate_scores(PYOD / "good.csv", tmp_path / "t.sablier", columns=ScoreColumns(score=column))
    judge(tmp_path / "t.sablier", PYOD / "new.csv", tmp_path / "out", alpha=0.1)
    rows = rows_of(tmp_path / "out" / "detections.csv")
    calibrating = np.array([float(row[column]) for row in rows_of(PYOD / "good.csv")])
    assert len(rows) == 500
    for row in rows:
        assert float(row["p_value"]) == pytest.approx((1 + np.sum(calibrating >= float(row["score"]))) / 501)
        assert row["verdict"] == ("anomaly" if float(row["p_value"]) <= 0.1 else "normal")
    alarms = [row["verdict"] == "anomaly" for row in rows if row["label"] == "good"]
    assert 5 <= sum(alarms) <= 40  # 99.9 % of calibrations, by the beta-binomial distribution


def test_tables_and_report_are_those_of_detect(tmp_path, model):
    write_scores(tmp_path / "new.csv", 100, 1, bad=5)
    summary = judge(model, tmp_path / "new.csv", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")} == {
        "detections.csv", "detections.json", "report.html",
    }  # fmt: skip
    told = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert (told["images"], told["flagged"], told["flagged_by_baselines"]) == (100, summary.flagged, {})
    assert told["promise"].startswith("At most 5% of good images")
    page = (tmp_path / "out" / "report.html").read_text()
    for text in ("of 100 images are flagged", "Calibration of the scores", "in the column score; higher is more anomalous"):
        assert text in page
    for text in ("Model and training data", "Anomaly map", "Compared with simple baselines", "No single region"):
        assert text not in page


def test_photos_of_flagged_images_are_shown_where_the_table_names_files(tmp_path, model):
    (tmp_path / "in").mkdir()
    Image.fromarray(np.full((30, 40), 90, np.uint8)).save(tmp_path / "in" / "a.png")
    Image.fromarray(np.full((30, 40), 9000, np.uint16)).save(tmp_path / "in" / "deep.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"no image")
    names = ["in/a.png", "in/deep.png", "in/broken.png", "in/lost.png", "t.sablier"]
    write_table(tmp_path / "new.csv", id=range(5), score=[9.0] * 5, image_path=names)
    judge(model, tmp_path / "new.csv", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out" / "photos").iterdir()) == ["0.png", "1.png"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert '"photo": "photos/0.png"' in page
    assert '"width": 40' in page
    assert page.count('"photo": ""') == 3


def test_a_batch_at_a_false_discovery_rate_and_a_triage(tmp_path, model):
    write_scores(tmp_path / "new.csv", 100, 1, bad=10)
    summary = judge(model, tmp_path / "new.csv", tmp_path / "out", fdr=0.2)
    verdicts = [row["verdict"] for row in rows_of(tmp_path / "out" / "detections.csv")]
    assert verdicts.count("anomaly") == summary.flagged >= 10
    assert verdicts[-10:] == ["anomaly"] * 10
    summary = judge(model, tmp_path / "new.csv", tmp_path / "out", alpha=0.2, reject_alpha=0.01)
    verdicts = [row["verdict"] for row in rows_of(tmp_path / "out" / "detections.csv")]
    assert verdicts.count("reject") == summary.rejected >= 10
    assert {"reject", "review", "pass"} == set(verdicts)


def test_one_image_of_each_group_counts_for_drift(tmp_path, model):
    rng = np.random.default_rng(3)
    scores = np.repeat(rng.normal(size=30), 10)
    write_table(tmp_path / "new.csv", id=range(300), score=scores, group=np.repeat(np.arange(30), 10))
    summary = judge(model, tmp_path / "new.csv", tmp_path / "out")
    assert (summary.drift.count, summary.repeats) == (30, 270)
    assert [row["repeats"] for row in rows_of(tmp_path / "out" / "detections.csv")[:3]] == ["", "0", "0"]


def test_drift_is_told(tmp_path, model):
    write_table(tmp_path / "new.csv", id=range(300), score=np.random.default_rng(1).normal(1.5, 1, 300))
    assert judge(model, tmp_path / "new.csv").drift.alarmed


def test_images_that_calibrate_are_recognised(tmp_path, model):
    summary = judge(model, tmp_path / "good.csv")
    assert summary.calibrated == 199
    assert summary.known_words().startswith("Of these 199 images 199 calibrated the model")


def test_scores_that_go_the_other_way_are_told(tmp_path, model):
    write_scores(tmp_path / "new.csv", 100, 1, bad=20, shift=-9.0)
    (note,) = judge(model, tmp_path / "new.csv", tmp_path / "out").notes()
    assert note.startswith("21 of 100 scores lie below every calibration score, where about 0.5 would by chance.")
    assert "calibrate with --lower-is-worse" in note
    assert note in (tmp_path / "out" / "report.html").read_text()
    calibrate_scores(tmp_path / "good.csv", model, lower_is_worse=True)
    summary = judge(model, tmp_path / "new.csv", tmp_path / "out")
    assert summary.notes() == []
    assert [row["verdict"] for row in rows_of(tmp_path / "out" / "detections.csv")][-20:] == ["anomaly"] * 20


def test_labels_that_contradict_the_scores_are_told(tmp_path):
    calibrate_scores(PYOD / "good.csv", tmp_path / "t.sablier", columns=ScoreColumns(score="knn"), lower_is_worse=True)
    (note,) = judge(tmp_path / "t.sablier", PYOD / "new.csv").notes()
    assert note.startswith("The 299 bad images score higher than the good ones (AUROC 0.04)")


@pytest.mark.parametrize("seed", range(5))
def test_good_scores_raise_no_doubt(tmp_path, model, seed):
    assert judge(model, write_scores(tmp_path / "new.csv", 400, 10 + seed)).notes() == []


def test_an_audit_sample_is_drawn_and_read(tmp_path, model):
    write_scores(tmp_path / "new.csv", 100, 1)
    judge(model, tmp_path / "new.csv", tmp_path / "out", audit=7)
    asked = rows_of(tmp_path / "out" / "audit.csv")
    write_table(tmp_path / "out" / "audit.csv", id=[row["id"] for row in asked], verdict=["good"] * 7)
    assert audit(tmp_path / "out").audited == 7
    with pytest.raises(ConfigError, match="an output folder for the 7 images"):
        judge(model, tmp_path / "new.csv", audit=7)


def test_the_columns_that_calibrated_are_needed_again(tmp_path, model):
    write_table(tmp_path / "new.csv", id=[1], anomaly_score=[2])
    with pytest.raises(ImagesError, match="a column score, got the columns id, anomaly_score"):
        judge(model, tmp_path / "new.csv")
    assert judge(model, tmp_path / "new.csv", columns=ScoreColumns(score="anomaly_score")).count == 1


def test_a_detector_judges_no_scores(tmp_path, digits_file):
    with pytest.raises(ModelFileError, match="the calibration of another tool's scores, got a model: one trained to detect"):
        judge(digits_file, write_scores(tmp_path / "new.csv", 3, 0))
