"""Groups from the command to the promise: trained with, listed, drawn, counted, and noticed when they come again."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sablier import AnomalyDetector
from sablier.errors import ImagesError, OutputError, TooFewImages
from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.known_images import CALIBRATED, TRAINED
from sablier.tasks.known_part import KNOWN
from sablier.workflows.audit import audit
from sablier.workflows.calibrate import calibrate
from sablier.workflows.detect import detect
from sablier.workflows.evaluate import evaluate
from sablier.workflows.info import describe_model
from sablier.workflows.preview import preview
from sablier.workflows.training.detector import plan_uses
from sablier.workflows.training.train import train

TINY = make_recipe(tier="tiny")


@pytest.fixture(scope="module")
def digits():
    return read_images("digits").where(label=[3, 5]).take(range(250))


@pytest.fixture(scope="module")
def thrice(digits, tmp_path_factory):
    """Forty digits, each three times under other names, as PNG, BMP and PNG."""
    folder = tmp_path_factory.mktemp("thrice")
    for index, image in enumerate(digits.take(range(40))):
        for name in (f"a{index:02}.png", f"b{index:02}.bmp", f"c{index:02}.png"):
            Image.fromarray(image[..., 0]).save(folder / name)
    return folder


@pytest.fixture(scope="module")
def trained(thrice, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "m.sablier"
    train(thrice, path, TINY)
    return path


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_repeats_are_one_group_and_no_fold_divides_it(trained, thrice):
    file = ModelFile.load(trained)
    detector = Detector.from_file(file)
    assert (file.provenance.images, file.provenance.groups, file.provenance.grouping) == (120, 40, "found")
    assert (detector.calibration.count, detector.calibration.groups) == (120, 40)
    assert detector.calibration.found
    assert all((sizes == 3).all() for sizes in detector.calibration.sizes)
    assert "120 images in 40 groups" in detector.calibration.promise(0.05)
    facts, _, promises = describe_model(trained)
    assert facts["groups"].startswith("120 images, 40 groups, found")
    assert facts["calibration"] == "120 images in 40 groups"
    assert "40 groups" in promises[1]


def test_groups_are_listed_drawn_and_read_back(trained, thrice, tmp_path):
    rows = table(trained.with_name("m.groups.csv"))
    assert len(rows) == 120
    assert len({row["group"] for row in rows}) == 40
    with Image.open(trained.with_name("m.groups.png")) as picture:
        assert picture.size[0] > 100
    again = train(thrice, tmp_path / "again.sablier", TINY, groups=f"column:{trained.with_name('m.groups.csv')}")
    assert (again.provenance.groups, again.provenance.grouping) == (40, "given")
    assert not Detector.from_file(again).calibration.found


def test_a_set_without_repeats_lists_no_groups_and_removes_an_old_list(digits, tmp_path):
    (tmp_path / "m.groups.csv").write_text("id,group\na,b\n")
    (tmp_path / "m.groups.png").write_bytes(b"\x89PNG\r\n\x1a\nold")
    file = train(digits.take(range(60)), tmp_path / "m.sablier", TINY)
    assert file.provenance.groups == 60
    assert Detector.from_file(file).calibration.sizes is None
    assert sorted(path.name for path in tmp_path.iterdir() if "groups" in path.name) == []


def test_a_file_of_another_kind_is_not_replaced_by_groups(thrice, tmp_path):
    other = tmp_path / "m.groups.csv"
    other.write_text("mine")
    with pytest.raises(OutputError, match=r"m\.groups\.csv is there already and is not a list of groups"):
        train(thrice, tmp_path / "m.sablier", TINY)
    assert other.read_text() == "mine"


def test_every_part_of_a_split_holds_whole_groups(digits):
    numbers = np.arange(250) // 2
    images = replace(digits, groups=numbers, given_groups=numbers)
    uses = plan_uses(images, make_recipe(settings=["folds_below=50", "calibration_share=0.3"]))[0]
    parts = [set(each.groups.tolist()) for each in (uses.training, uses.fusion, uses.calibration)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 125
    assert len(parts[2]) == 99  # groups are counted, and 99 support a rate of 1 %
    folds = plan_uses(images, make_recipe())
    assert len(folds) == 5  # 125 groups, below 300
    assert all(not set(each.training.groups) & set(each.calibration.groups) for each in folds)


@pytest.mark.parametrize(("count", "size"), [(7, 10), (1, 60)])
def test_too_few_groups_are_too_few(digits, tmp_path, count, size):
    numbers = np.arange(count * size) % count
    images = replace(digits.take(range(count * size)), groups=numbers, given_groups=numbers)
    with pytest.raises(TooFewImages, match=f"at least 8 groups of images to train on, got {count * size} images, {count} group"):
        train(images, tmp_path / "m.sablier", TINY)
    assert not (tmp_path / "m.sablier").exists()


def test_more_folds_than_groups_are_refused(digits, tmp_path):
    numbers = np.arange(60) % 10
    images = replace(digits.take(range(60)), groups=numbers, given_groups=numbers)
    with pytest.raises(TooFewImages, match=r"as many groups of images as folds, 20, got 60 images, 10 groups.*--set folds=10"):
        train(images, tmp_path / "m.sablier", make_recipe(tier="tiny", settings=["folds=20"]))


def test_given_groups_that_hold_copies_of_each_other_are_joined(digits, tmp_path):
    pixels = np.concatenate([digits.array[:60], digits.array[:2]])
    names = np.r_[np.arange(60) // 3, 100, 101]
    file = train(ImageSet(pixels), tmp_path / "m.sablier", TINY, groups=None)
    assert file.provenance.groups == 60
    table_of_groups = tmp_path / "groups.csv"
    table_of_groups.write_text("id,group\n" + "\n".join(f"{index},{name}" for index, name in enumerate(names)))
    file = train(ImageSet(pixels), tmp_path / "m.sablier", TINY, groups=f"column:{table_of_groups}")
    assert (file.provenance.groups, file.provenance.joined_groups) == (20, 3)
    assert "3 given groups hold copies of each other and were joined" in describe_model(tmp_path / "m.sablier")[0]["groups"]
    calibration = Detector.from_file(file).calibration
    assert calibration.found  # the larger p-value of both views counts
    assert calibration.given_sizes is not None


def test_calibrate_leaves_out_what_trained_the_model(digits, tmp_path):
    model = tmp_path / "m.sablier"
    recipe = make_recipe(tier="tiny", settings=["folds_below=100", "calibration_share=0.4"])
    file = train(digits, model, recipe)
    uses = file.parts[KNOWN].tensors["uses"]
    assert np.sum(uses == CALIBRATED) == 100
    again = calibrate(model, digits, tmp_path / "again.sablier")
    assert (
        f"{np.sum(uses == TRAINED)} that trained the model, or nearly copy one that did, were left out"
        in again.provenance.calibrated
    )
    assert "calibrated it before" not in again.provenance.calibrated  # a run that is repeated ends in the same file
    assert Detector.from_file(again).calibration.count == 100
    assert np.sum(again.parts[KNOWN].tensors["uses"] == CALIBRATED) == 100
    once_more = calibrate(tmp_path / "again.sablier", digits, tmp_path / "once-more.sablier")
    assert once_more.provenance.calibrated == again.provenance.calibrated
    for name, part in again.parts.items():
        for key, value in part.tensors.items():
            assert np.array_equal(value, once_more.parts[name].tensors[key]), f"{name}/{key}"
    more = ImageSet.concatenate([digits, read_images("digits:test[label=3]")])
    assert "; 100 calibrated it before and do so again" in calibrate(model, more, tmp_path / "more.sablier").provenance.calibrated


def test_calibrate_on_the_folder_that_trained_every_fold_is_refused(trained, thrice, tmp_path):
    before = trained.read_bytes()
    with pytest.raises(TooFewImages, match=r"got 0 images .* and 120 more that trained the model.*Take fresh images"):
        calibrate(trained, thrice)
    assert trained.read_bytes() == before


def test_calibrate_counts_groups(trained, tmp_path):
    few = read_images("digits:test").where(label=[3, 5]).take(range(15))
    many = ImageSet(np.concatenate([few.array] * 20))
    file = calibrate(trained, many, tmp_path / "few.sablier")
    detector = Detector.from_file(file)
    assert detector.calibration.groups == 15
    assert set(detector.detect(few).verdicts) == {"undetermined"}
    assert "300 fresh images from an array in memory, 15 groups" in file.provenance.calibrated
    assert len(table(tmp_path / "few.calibration-groups.csv")) == 300


def test_evaluate_says_that_it_was_given_training_images(trained, thrice, tmp_path):
    bad = read_images("digits:test").where(label=8)
    result = evaluate(trained, thrice, bad, tmp_path / "e.html")
    assert any("Of these 120 good images 120 trained the model" in note for note in result.notes)
    assert any("80 of 120 good images repeat an earlier one" in note for note in result.notes)
    assert "120 trained the model" in (tmp_path / "e.html").read_text()
    fresh = evaluate(trained, read_images("digits:test").where(label=[3, 5]), bad)
    assert fresh.notes == ()


def test_detect_says_which_images_the_model_knows_and_which_repeat(trained, thrice, tmp_path):
    summary = detect(trained, thrice, tmp_path / "out", audit=10)
    assert (summary.trained, summary.repeats) == (120, 80)
    assert "Of these 120 images 120 trained the model" in summary.known_words()
    rows = table(tmp_path / "out" / "detections.csv")
    assert {row["known"] for row in rows} == {"trained"}
    assert [row["repeats"] for row in rows if row["id"] == "b07.bmp"] == ["a07.png"]
    assert "120 trained the model" in (tmp_path / "out" / "report.html").read_text()
    filled = tmp_path / "out" / "audit.csv"
    lines = filled.read_text().splitlines()
    filled.write_text("\n".join([lines[0], *(line + "good" for line in lines[1:])]) + "\n")
    words = audit(tmp_path / "out").words()
    assert "80 images repeat an earlier one" in words
    assert "120 images trained or calibrated the model" in words


def test_good_bursts_are_no_drift_and_training_images_are_named_as_its_cause(digits, tmp_path):
    model = tmp_path / "m.sablier"
    train(digits, model, TINY)
    known = detect(model, ImageSet(np.concatenate([digits.array] * 4)), None, report=False)
    assert known.drift.count == 250  # of the four copies of each, one
    burst = read_images("digits:test").where(label=[3, 5]).take(range(60))
    summary = detect(model, ImageSet(np.repeat(burst.array, 30, axis=0)), None, report=False)
    assert summary.drift.count <= 60
    assert not summary.drift.alarmed
    assert "1,740 of 1,800 images repeat an earlier one" in summary.repeats_words()
    alarmed = replace(summary, trained=1000, drift=replace(summary.drift, evidence=1000.0))
    assert "Likely cause: 1,000 of these images trained or calibrated the model" in alarmed.drift_words()


def test_preview_counts_groups(thrice, tmp_path):
    _, facts = preview(thrice, tmp_path / "sheet.png", 12)
    assert facts["images"] == "120 images, 40 groups"
    assert len(table(tmp_path / "sheet.groups.csv")) == 120
    _, facts = preview(thrice, tmp_path / "sheet.png", 12, groups=r"regex:^(.)")
    assert facts["images"] == "120 images, 1 group"
    with pytest.raises(ImagesError, match="capture a part of every name"):
        preview(thrice, tmp_path / "sheet.png", 12, groups=r"regex:(x+)")


def test_the_estimator_takes_groups(digits):
    X = np.repeat(digits.array[:40, ..., 0], 2, axis=0)
    noisy = np.clip(X + np.random.default_rng(0).normal(0, 2, X.shape), 0, 16)
    detector = AnomalyDetector(tier="tiny").fit(noisy, groups=np.arange(80) // 2)
    assert detector.detector_.calibration.groups == 40
    with pytest.raises(ImagesError, match="expected 80 groups, one per image"):
        AnomalyDetector(tier="tiny").fit(noisy, groups=[1, 2])
