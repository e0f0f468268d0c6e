"""detect, calibrate, evaluate, compare and info: from a model file and a source to what is written."""

import csv
import errno
import json
import os
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from listing import DETECTED, visible
from PIL import Image
from scipy import stats

import sablier
from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError, OutputWarning, TooFewImages
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.tasks.known_part import recognizer_of
from sablier.workflows.audit import audit
from sablier.workflows.calibrate import calibrate
from sablier.workflows.compare import compare
from sablier.workflows.detect import detect
from sablier.workflows.evaluate import evaluate
from sablier.workflows.info import describe_model, examine_machine
from sablier.workflows.training.train import train


@pytest.fixture
def folder(tmp_path):
    """Twenty readable images and two that are not."""
    place = tmp_path / "new"
    place.mkdir()
    for index, image in enumerate(read_images("digits:test[label=3]").take(range(20))):
        Image.fromarray(image[..., 0]).save(place / f"{index:02}.png")
    whole = (place / "00.png").read_bytes()
    (place / "torn.png").write_bytes(whole[: len(whole) // 2])
    (place / "zero.png").write_bytes(b"")
    return place


def rows(path):
    return read_table(path / "detections.csv")


def read_table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def answer(path, good):
    path.write_text("id,verdict\n" + "".join(f"{name},{'good' if is_good else 'bad'}\n" for name, is_good in good.items()))
    return path


def test_both_tables_say_what_the_detector_says(digits_file, digits_detector, tmp_path):
    summary = detect(digits_file, "digits:test", tmp_path / "out", report=False)
    recognized = recognizer_of(ModelFile.load(digits_file)).recognize(read_images("digits:test"))
    expected = replace(digits_detector.detect(read_images("digits:test")), recognized=recognized).to_table()
    document = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert document["detections"] == expected
    assert [{**row, "score": float(row["score"])} for row in rows(tmp_path / "out")] == [
        {key: (str(value) if key != "score" else value) for key, value in row.items()} for row in expected
    ]
    assert document["images"] == summary.count == 360
    assert document["flagged"] == summary.flagged == sum(row["verdict"] == "anomaly" for row in expected)
    assert visible(tmp_path / "out") == ["detections.csv", "detections.json"]


def test_with_a_report_there_are_pictures(digits_file, tmp_path):
    detect(digits_file, "digits:test[label=5]", tmp_path / "out")
    assert visible(tmp_path / "out") == DETECTED
    assert os.listdir(tmp_path / "out" / "maps")


def test_without_an_output_nothing_is_written(digits_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts: list[int] = []
    assert detect(digits_file, "digits:test", on_progress=counts.append).count == 360
    assert counts[-1] == 360
    assert os.listdir(tmp_path) == []


def test_unreadable_images_are_listed_and_counted(digits_file, folder, tmp_path):
    summary = detect(digits_file, folder, tmp_path / "out", report=False)
    assert (summary.count, summary.skipped_count) == (20, 2)
    document = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert sorted(item["id"] for item in document["skipped"]) == ["torn.png", "zero.png"]
    with pytest.raises(ImagesError, match=r"torn\.png|zero\.png"):
        detect(digits_file, folder, strict=True)


def test_a_chunk_of_nothing_but_unreadable_images_is_no_trouble(digits_file, folder, tmp_path, monkeypatch):
    from sablier.workflows import detect as workflow

    monkeypatch.setattr(workflow, "chunk_for", lambda preprocess: 3)
    for index in range(9):
        shutil.copy(folder / "torn.png", folder / f"19-torn-{index}.png")
    (folder / "zero.png").unlink()
    summary = detect(digits_file, folder, tmp_path / "out", report=False)
    assert (summary.count, summary.skipped_count) == (20, 10)
    assert len(rows(tmp_path / "out")) == 20


def test_none_readable_is_an_error(digits_file, folder, tmp_path):
    for file in folder.glob("[0-9]*.png"):
        file.unlink()
    with pytest.raises(ImagesError, match=r"expected at least one readable image in .*torn\.png"):
        detect(digits_file, folder, tmp_path / "out")


def test_the_size_of_a_chunk_changes_nothing_one_sees(digits_file, tmp_path, monkeypatch):
    from sablier.workflows import detect as workflow

    first = detect(digits_file, "digits:test", tmp_path / "a", report=False)
    monkeypatch.setattr(workflow, "chunk_for", lambda preprocess: 17)
    second = detect(digits_file, "digits:test", tmp_path / "b", report=False)
    assert second.flagged == first.flagged
    assert [row["id"] for row in rows(tmp_path / "a")] == [row["id"] for row in rows(tmp_path / "b")]
    scores = [[float(row["score"]) for row in rows(tmp_path / name)] for name in "ab"]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)


@pytest.mark.parametrize("alpha", [0, 1, 5, float("nan")])
def test_a_bad_alpha_writes_nothing(digits_file, tmp_path, alpha):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        detect(digits_file, "digits:test", tmp_path / "out", alpha=alpha)
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:these images do not resemble")
def test_an_error_on_the_way_leaves_the_old_tables_whole(digits_file, tmp_path):
    detect(digits_file, "digits:test[label=3]", tmp_path, report=False)
    before = (tmp_path / "detections.csv").read_bytes()
    with pytest.raises(ImagesError, match="expected images of 8 x 8"):
        detect(digits_file, "glyphs:test", tmp_path, report=False)
    assert (tmp_path / "detections.csv").read_bytes() == before


def test_an_output_that_is_a_file_is_said_so(digits_file, tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(OutputError, match=r"out cannot be written: .*Choose another folder with -o"):
        detect(digits_file, "digits:test", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "precious"


def test_ids_with_commas_and_quotes_survive_the_table(digits_file, folder, tmp_path):
    odd = 'a, "b"\u00e9.png'
    (folder / "05.png").rename(folder / odd)
    detect(digits_file, folder, tmp_path / "out", report=False)
    assert odd in [row["id"] for row in rows(tmp_path / "out")]


# false-discovery rate, drift, audit


def test_both_tables_hold_the_verdicts_of_the_batch_whatever_the_chunks(digits_file, digits_detector, tmp_path, monkeypatch):
    from sablier.workflows import detect as workflow

    monkeypatch.setattr(workflow, "chunk_for", lambda preprocess: 50)
    summary = detect(digits_file, "digits:test", tmp_path / "out", fdr=0.1, report=False)
    p_values = digits_detector.detect(read_images("digits:test")).p_values
    expected = stats.false_discovery_control(p_values) <= 0.1
    assert 0 < expected.sum() < 360
    document = json.loads((tmp_path / "out" / "detections.json").read_text())
    for table in (rows(tmp_path / "out"), document["detections"]):
        assert [row["verdict"] == "anomaly" for row in table] == expected.tolist()
        assert {row["verdict"] for row in table} == {"anomaly", "normal"}
    assert document["flagged"] == summary.flagged == expected.sum()
    assert document["fdr"] == 0.1
    assert document["alpha"] == p_values[expected].max()
    assert "Of the images flagged" in document["promise"]
    assert visible(tmp_path / "out") == ["detections.csv", "detections.json"]


def test_a_bad_false_discovery_rate_writes_nothing(digits_file, tmp_path):
    with pytest.raises(ConfigError, match="false-discovery rate fdr between 0 and 1"):
        detect(digits_file, "digits:test", tmp_path / "out", fdr=1.5)
    assert not (tmp_path / "out").exists()


def test_the_report_of_a_batch_says_what_it_promises(digits_file, tmp_path):
    detect(digits_file, "digits:test", tmp_path / "out", fdr=0.1)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "false-discovery rate" in page
    assert "On average over batches, at most 10% of the flagged images are good ones" in page
    assert "Benjamini and Hochberg" in page
    assert "Drift: by image" in page
    assert 'aria-label="Histogram of p-values"' in page


def test_drift_is_told_from_none(digits_file, tmp_path):
    drifts = {}
    for name, source in (("none", "digits:test[label=3]"), ("other", "digits:test[label=5]")):
        detect(digits_file, source, tmp_path / name, report=False)
        drifts[name] = json.loads((tmp_path / name / "detections.json").read_text())["drift"]
    assert not drifts["none"]["alarmed"]
    assert drifts["other"]["alarmed"]
    assert drifts["other"]["evidence"] > drifts["none"]["evidence"]


def test_an_audit_asks_about_a_sample_of_what_was_not_flagged(digits_file, tmp_path):
    detect(digits_file, "digits:test", tmp_path, audit=15, report=False)
    verdicts = {row["id"]: row["verdict"] for row in rows(tmp_path)}
    asked = read_table(tmp_path / "audit.csv")
    assert len(asked) == 15
    assert {verdicts[row["id"]] for row in asked} == {"normal"}
    assert {row["verdict"] for row in asked} == {""}
    flagged = [row["id"] for row in read_table(tmp_path / "flagged.csv")]
    assert flagged == [name for name, verdict in verdicts.items() if verdict == "anomaly"]
    labels = dict(zip(*(getattr(read_images("digits:test"), name).tolist() for name in ("ids", "labels")), strict=True))
    for name in ("audit.csv", "flagged.csv"):
        answer(tmp_path / name, {row["id"]: labels[row["id"]] == "3" for row in read_table(tmp_path / name)})
    found = audit(tmp_path, tmp_path / "flagged.csv")
    missed = sum(labels[name] != "3" for name, verdict in verdicts.items() if verdict == "normal")
    assert found.missed_interval[0] <= missed <= found.missed_interval[1]
    answered = (tmp_path / "flagged.csv").read_bytes()
    with pytest.warns(OutputWarning, match=r"not as sablier wrote it\. It is kept as .*-kept\.csv"):
        detect(digits_file, "digits:test", tmp_path, report=False)
    assert (tmp_path / "flagged-kept.csv").read_bytes() == answered
    assert visible(tmp_path) == ["audit-kept.csv", "detections.csv", "detections.json", "flagged-kept.csv"]


def test_an_audit_needs_a_number_and_a_place(digits_file, tmp_path):
    with pytest.raises(ConfigError, match="images to audit from 1 on"):
        detect(digits_file, "digits:test", tmp_path / "out", audit=0)
    with pytest.raises(ConfigError, match="expected an output folder for the 5 images to audit"):
        detect(digits_file, "digits:test", audit=5)
    assert not (tmp_path / "out").exists()


# calibrate


def test_calibrate_renews_the_promise_alone(digits_file, tmp_path):
    target = tmp_path / "renewed.sablier"
    calibrate(digits_file, "digits:test[label=3]", target)
    before, after = ModelFile.load(digits_file), ModelFile.load(target)
    for name, part in before.parts.items():
        same = part.tensors.keys() == after.parts[name].tensors.keys() and all(
            np.array_equal(value, after.parts[name].tensors[key]) for key, value in part.tensors.items()
        )
        assert same == (name not in ("calibration", "known-images"))
    fresh = read_images("digits:test[label=3]")
    assert after.provenance.calibrated == f"on {len(fresh)} fresh images from digits:test[label=3]"
    assert Detector.from_file(after).calibration.count == len(fresh)
    assert Detector.from_file(after).detect(fresh, 0.1).flagged == int(0.1 * (len(fresh) + 1)) - 1  # it has seen these


def test_calibrate_replaces_the_model_whole_or_not_at_all(digits_file, tmp_path, monkeypatch):
    target = tmp_path / "m.sablier"
    shutil.copy(digits_file, target)

    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        with pytest.raises(OutputError, match="No space left"):
            calibrate(target, "digits:test[label=3]")
    assert target.read_bytes() == digits_file.read_bytes()
    calibrate(target, "digits:test[label=3]")
    assert target.read_bytes() != digits_file.read_bytes()
    assert os.listdir(tmp_path) == ["m.sablier"]


def test_calibrate_counts_unreadable_images(digits_file, folder, tmp_path):
    calibrated = calibrate(digits_file, folder, tmp_path / "m.sablier").provenance.calibrated
    assert calibrated.startswith(f"on 20 fresh images from {folder}; 2 unreadable and skipped: ")


def test_one_image_calibrates_nothing(digits_file, tmp_path):
    with pytest.raises(TooFewImages, match="at least 2 good images to calibrate with, of 2 groups, got 1 image from"):
        calibrate(digits_file, read_images("digits:test[label=3]").take([0]), tmp_path / "m.sablier")
    assert os.listdir(tmp_path) == []


def test_calibrate_keeps_a_model_that_gives_verdicts_where_the_new_one_would_give_none(digits_file, tmp_path):
    target = tmp_path / "m.sablier"
    target.write_bytes(digits_file.read_bytes())
    few = read_images("digits:test[label=3]").take(range(8))
    with pytest.raises(TooFewImages, match=r"expected at least 19 fresh images .*, got 8 images from .* It was not replaced"):
        calibrate(target, few)
    assert target.read_bytes() == digits_file.read_bytes()
    assert Detector.from_file(calibrate(target, few, tmp_path / "other.sablier")).calibration.groups == 8
    assert Detector.from_file(calibrate(target, few, alpha=0.2)).calibration.groups == 8
    # What gives no verdict at 5 % already is replaced by what gives none either.
    assert Detector.from_file(calibrate(target, few.take(range(6)))).calibration.groups == 6
    target.write_bytes(digits_file.read_bytes())
    assert Detector.from_file(calibrate(target, few, force=True)).calibration.groups == 8


def test_rejected_images_do_not_calibrate_and_all_others_do(digits_file, digits_detector, tmp_path):
    batch = read_images("digits:test[label=3,5]")
    flagged = batch.take(np.flatnonzero(digits_detector.detect(batch, 0.2).verdicts == "anomaly"))
    good = dict(zip(flagged.ids.tolist(), (flagged.labels == "3").tolist(), strict=True))
    assert 0 < sum(good.values()) < len(good)
    feedback = answer(tmp_path / "flagged.csv", good)
    result = calibrate(digits_file, batch, tmp_path / "m.sablier", feedback=[feedback], alpha=0.2)
    rejected = sum(not each for each in good.values())
    assert f"on {len(batch) - rejected} fresh images" in result.provenance.calibrated
    assert f"{rejected} rejected ones left out" in result.provenance.calibrated
    kept = batch.take([index for index, name in enumerate(batch.ids.tolist()) if good.get(name, True)])
    alone = calibrate(digits_file, kept, tmp_path / "n.sablier")
    first, second = (Detector.from_file(file).calibration.folds[0] for file in (result, alone))
    assert np.array_equal(first, second)


def test_unfair_feedback_is_refused(digits_file, digits_detector, tmp_path):
    batch = read_images("digits:test[label=3,5]")
    flagged = batch.take(np.flatnonzero(digits_detector.detect(batch).verdicts == "anomaly"))
    names = flagged.ids.tolist()
    whole = answer(tmp_path / "whole.csv", dict.fromkeys(names, True))
    target = tmp_path / "m.sablier"
    with pytest.raises(ImagesError, match=f"got {len(flagged)} accepted images that are all flagged"):
        calibrate(digits_file, flagged, target, feedback=[whole])
    some = answer(tmp_path / "some.csv", dict.fromkeys(names[1:], True))
    with pytest.raises(ImagesError, match=f"flagged at 5%, got none on 1 of them, such as {names[0]}"):
        calibrate(digits_file, batch, target, feedback=[some])
    with pytest.raises(ImagesError, match="flagged at 20%"):
        calibrate(digits_file, batch, target, feedback=[whole], alpha=0.2)
    other = answer(tmp_path / "other.csv", {"elsewhere.png": False})
    with pytest.raises(ImagesError, match=r"got a verdict on elsewhere\.png, which is not among them"):
        calibrate(digits_file, batch, target, feedback=[whole, other])
    with pytest.raises(ImagesError, match="expected one verdict on"):
        calibrate(digits_file, batch, target, feedback=[whole, some])
    assert not target.exists()


# evaluate and compare


def test_evaluate_measures_on_both_kinds(digits_file, tmp_path):
    result = evaluate(digits_file, "digits:test[label=3]", "digits:test[label!=3]")
    assert len(result.good) + len(result.bad) == 360
    assert result.rows[0].auroc > 0.9


def test_compare_shows_what_differs(digits_file, tmp_path, tiny_recipe):
    other = tmp_path / "other.sablier"
    train("digits[label=3]", other, replace(tiny_recipe, fit=replace(tiny_recipe.fit, epochs=1)))
    found = compare([digits_file, other], good="digits:test[label=3]", bad="digits:test[label!=3]").models
    assert [each.settings for each in found] == [{"epochs": 2}, {"epochs": 1}]
    assert [each.name for each in found] == [digits_file.name, other.name]
    alone = evaluate(other, "digits:test[label=3]", "digits:test[label!=3]")
    assert found[1].measured.to_table() == alone.to_table()


# info and doctor


def test_info_says_what_the_file_is(digits_file, digit_threes):
    facts, layers, promises = describe_model(digits_file)
    assert facts["task"] == "detect"
    assert facts["members"].startswith("restoration: bottleneck, ")
    assert facts["members"].endswith("closed-form: no network; 2 cross-conformal folds")
    assert facts["images"] == "8 x 8, grey, taken as they are"
    assert f"{len(digit_threes)} images from digits[label=3]" in facts["trained on"]
    assert "folds=2" in facts["recipe"]
    assert "epochs=2" in facts["recipe of restoration"]
    assert "optimizer=muon" in facts["recipe of transformations"]
    counts = re.findall(r"([\d,]+) parameters", facts["members"])
    assert sum(layer[3] for layer in layers) == sum(int(count.replace(",", "")) for count in counts)
    assert len(promises) == 3


def test_info_refuses_what_is_no_model(tmp_path):
    (tmp_path / "a").write_text("text")
    with pytest.raises(ModelFileError, match="is not a sablier file"):
        describe_model(tmp_path / "a")


def test_doctor_examines_the_machine():
    findings = examine_machine()
    assert {"sablier", "python", "torch", "device", "data sets"} <= findings.keys()
    assert "digits" in findings["data sets"]


def test_without_an_output_the_summary_has_pictures_of_the_highest_scores_to_plot(digits_file):
    summary = detect(digits_file, "digits:test[label=5]")
    rows = Detector.from_file(ModelFile.load(digits_file)).detect(read_images("digits:test[label=5]"))
    highest = rows.ids[np.argsort(-rows.scores, kind="stable")[:20]]
    assert summary.worst.ids.tolist() == highest.tolist()
    assert summary.worst.anomaly_maps is not None
    assert len(sablier.plot(summary).subfigs) == 2


def test_with_an_output_pictures_are_in_the_folder_and_the_plot_is_of_scores(digits_file, tmp_path):
    summary = detect(digits_file, "digits:test[label=5]", tmp_path / "out")
    assert len(summary.worst) == 0
    assert sablier.plot(summary).subfigs[0].axes
