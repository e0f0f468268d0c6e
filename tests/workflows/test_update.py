"""update: which images train, which calibrate, what is refused, and what the model file says of it."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from bar_photos import bars
from PIL import Image

import sablier
from backbones import Patches, write_pt2
from sablier.calibration import simultaneous_band
from sablier.errors import BackboneError, ConfigError, ImagesError, ModelFileError, OutputError, TooFewImages
from sablier.images.fingerprints import fingerprints
from sablier.images.imageset import ImageSet
from sablier.images.parts import parts
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.members.features import Features
from sablier.tasks.detection.scorer import Scorer
from sablier.tasks.known_images import CALIBRATED, NEW, TRAINED
from sablier.tasks.known_part import known_images_in
from sablier.workflows.info import describe_model
from sablier.workflows.update import update

FIRST, SECOND = 40, 80  # photos of parts that train, and others
QUICK = ["folds=2"]


@pytest.fixture(scope="module")
def photos() -> ImageSet:
    return parts(FIRST + SECOND, seed=5)


@pytest.fixture(scope="module")
def new(photos) -> ImageSet:
    return photos.take(range(FIRST, FIRST + SECOND))


@pytest.fixture(scope="module")
def kept(photos, tmp_path_factory) -> Path:
    """A detector of the first photos. Copy it before writing to it."""
    path = tmp_path_factory.mktemp("kept") / "part.sablier"
    sablier.train(photos.take(range(FIRST)), path, make_recipe("detector", "tiny", QUICK))
    return path


@pytest.fixture
def model(kept, tmp_path) -> Path:
    return Path(shutil.copy(kept, tmp_path / "part.sablier"))


def written(folder: Path, images: ImageSet) -> Path:
    """Write images as PNG files, by their positions."""
    folder.mkdir()
    for index, image in enumerate(images.array):
        Image.fromarray(image).save(folder / f"{index:03}.png")
    return folder


def uses(file: ModelFile, images: ImageSet) -> np.ndarray:
    return known_images_in(file).equal(fingerprints(images.dense(file.preprocess), file.preprocess))


def taught(scorer: Scorer) -> int:
    """Return how many images a scorer has learnt from, without turned copies."""
    (member,) = scorer.members
    assert isinstance(member, Features)
    (count,) = {moments.count for moments in member.moments}
    return count // (1 + bool(scorer.turns))


def counted(file: ModelFile) -> tuple[int, int]:
    """Return how many images were added to both scorers together, and how many calibrate."""
    detector = Detector.from_file(file)
    return sum(map(taught, detector.scorers)) - FIRST, detector.calibration.count


def calibrating(file: ModelFile) -> int:
    return Detector.from_file(file).calibration.count


def test_half_of_the_new_images_train_every_fold_and_the_others_calibrate(model, new, tmp_path):
    before = model.read_bytes()
    file = update(model, new, tmp_path / "new.sablier")
    assert counted(file) == (2 * SECOND / 2, SECOND / 2)
    found = uses(file, new)
    assert [int(np.sum(found == use)) for use in (NEW, TRAINED, CALIBRATED)] == [0, 40, 40]
    assert model.read_bytes() == before
    assert np.array_equal(uses(update(model, new, tmp_path / "again.sablier"), new), found)
    assert not np.array_equal(uses(update(model, new, tmp_path / "other.sablier", seed=1), new), found)


def test_calibration_scores_are_those_of_the_new_scorers(model, new, tmp_path):
    file = update(model, new, tmp_path / "new.sablier")
    detector = Detector.from_file(ModelFile.load(tmp_path / "new.sablier"))
    calibrating = new.take(uses(file, new) == CALIBRATED)
    np.testing.assert_allclose(detector.calibration.folds[0], np.sort(detector.detect(calibrating).scores), rtol=1e-6)
    assert not detector.calibration.crossed
    assert detector.map_unit != Detector.from_file(ModelFile.load(model)).map_unit


def test_a_verdict_at_alpha_comes_before_the_training_images(model, new, tmp_path):
    assert counted(update(model, new.take(range(24)), tmp_path / "a.sablier"))[1] == 19
    assert counted(update(model, new.take(range(24)), tmp_path / "b.sablier", alpha=0.1))[1] == 12
    file = update(model, new.take(range(10)), tmp_path / "c.sablier")
    assert counted(file)[1] == 5
    calibration = Detector.from_file(file).calibration
    assert not calibration.decides(0.05)
    assert "5 images calibrate, it would take 19" in calibration.promise(0.05)


def test_repeats_are_one_group_and_copies_of_training_images_never_calibrate(model, photos, new, tmp_path):
    file = ModelFile.load(model)
    old, own = photos.take(range(FIRST)), new.take(range(30))
    copied = ImageSet(np.where(np.arange(128)[:, None, None] == 64, old.array ^ 1, old.array).astype(np.uint8))
    near = known_images_in(file).overlap(fingerprints(copied, file.preprocess)) == TRAINED
    copies = copied.take(np.flatnonzero(near)[:20])  # hardly any is not recognised
    assert len(copies) == 20
    images = ImageSet(np.concatenate([copies.array, own.array, own.array]))
    file = update(model, images, tmp_path / "new.sablier")
    found = uses(file, images)
    assert set(found[:20]) == {TRAINED}
    assert np.array_equal(found[20:50], found[50:])
    calibration = Detector.from_file(file).calibration
    assert (calibration.groups, calibration.count) == (19, 38)
    assert "besides 20 that nearly copy training images" in file.provenance.calibrated
    with pytest.raises(TooFewImages, match=r"got 0 images from .*, besides 20 that nearly copy training images"):
        update(model, copies, tmp_path / "x.sablier")


def test_given_groups_are_not_divided(model, new, tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    for group in range(30):
        written(folder / f"{group}", new.take(range(2 * group, 2 * group + 2)))
    file = update(model, folder, tmp_path / "new.sablier", groups="folder")
    calibration = Detector.from_file(file).calibration
    assert (calibration.groups, calibration.count) == (19, 38)
    assert (tmp_path / "new.calibration-groups.csv").exists()
    with pytest.raises(ConfigError, match="expected images that calibrate for groups"):
        update(model, folder, tmp_path / "x.sablier", groups="folder", false_alarms=new.take([60]))


def test_named_images_calibrate_and_then_all_new_ones_train(model, photos, new, tmp_path):
    training, fresh = new.take(range(50)), photos.take([*range(5), *range(FIRST + 45, FIRST + SECOND)])
    file = update(model, training, tmp_path / "new.sablier", calibrate=fresh)
    assert counted(file) == (2 * 50, 30)
    assert set(uses(file, training)) == {TRAINED}
    assert "10 that trained the model, or nearly copy one that did, were left out" in file.provenance.calibrated
    with pytest.raises(TooFewImages, match="Take fresh images, that the model has not seen"):
        update(model, training, tmp_path / "x.sablier", calibrate=training)


def test_confirmed_false_alarms_and_the_rest_of_their_batch_train_and_never_calibrate(model, new, tmp_path):
    batch, fine = new.take(range(30)), new.take([3, 7, 40])
    file = update(model, batch, tmp_path / "new.sablier", false_alarms=fine)
    assert counted(file) == (2 * 31, 0)  # two of the false alarms are in the batch
    assert set(uses(file, batch)) | set(uses(file, fine)) == {TRAINED}
    assert "31 images from" in file.provenance.updates[0]
    assert ", 3 of them confirmed false alarms" in file.provenance.updates[0]
    assert "on no image" in file.provenance.calibrated
    alone = update(model, None, tmp_path / "alone.sablier", false_alarms=[fine, new.take([41])])
    assert counted(alone) == (2 * 4, 0)
    assert alone.provenance.updates[0].startswith("4 confirmed false alarms from parts(")
    with_fresh = update(model, batch, tmp_path / "fresh.sablier", false_alarms=fine, calibrate=new.take(range(50, 80)))
    assert counted(with_fresh) == (2 * 31, 30)


def test_verdicts_of_a_batch_name_the_false_alarms_and_what_is_bad(model, tmp_path):
    batch = parts(24, seed=9, defects=0.25)
    folder = written(tmp_path / "batch", batch)
    verdicts = tmp_path / "verdicts.csv"
    lines = [f"{index:03}.png,{'OK' if label == 'good' else 'nok'}" for index, label in enumerate(batch.labels)]
    verdicts.write_text("\n".join(["id,verdict", *lines]))
    file = update(model, folder, tmp_path / "new.sablier", false_alarms=verdicts, alpha=0.2)
    found = uses(file, batch)
    assert set(found[batch.labels == "good"]) == {TRAINED}
    assert set(found[batch.labels != "good"]) == {NEW}
    assert file.provenance.updates == [f"18 confirmed false alarms from {folder}; 6 judged bad left out"]

    def refused(text: str, match: str, source=folder, **options) -> None:
        verdicts.write_text(text)
        with pytest.raises((ImagesError, ConfigError), match=match):
            update(model, source, tmp_path / "x.sablier", false_alarms=verdicts, **options)

    flagged = sablier.detect(model, folder, alpha=0.2).flagged
    assert flagged > 1
    refused("id,verdict\n000.png,fine", "expected a verdict on 000.png, good or bad")
    refused("id,verdict\n999.png,good", "a verdict on 999.png, which is not among them")
    refused("name,verdict\n000.png,good", "expected a column 'id'")
    refused("id,verdict\n000.png,good", rf"a verdict on each of the {flagged} images flagged at 20%", alpha=0.2)
    refused("id,verdict\n000.png,good", r"expected the batch that .*verdicts\.csv judges, got no source", source=None)
    refused("id,verdict\n" + "\n".join(f"{index:03}.png,bad" for index in range(24)), "got none, and 24 judged bad")
    assert not (tmp_path / "x.sablier").exists()


def test_images_in_the_model_already_are_left_out_and_said(model, photos, new, tmp_path):
    mixed = photos.take(range(30, 70))
    file = update(model, mixed, tmp_path / "new.sablier")
    assert file.provenance.updates[0].endswith("; 10 that trained the model already left out")
    assert counted(file) == (2 * 11, 19)
    with pytest.raises(ImagesError, match=r"has not learnt from, got 10 images from .* that trained it already\. Nothing was"):
        update(model, photos.take(range(10)), tmp_path / "x.sablier")
    again = update(tmp_path / "new.sablier", new.take(range(30)), tmp_path / "again.sablier")
    assert again.provenance.updates[1].endswith("; 11 that trained the model already left out")


def test_an_update_after_an_update_is_noted_and_shown(model, new, tmp_path):
    first = tmp_path / "first.sablier"
    update(model, new.take(range(40)), first)
    file = update(first, new.take(range(40, 80)), tmp_path / "second.sablier")
    assert [line.partition(" images")[0] for line in file.provenance.updates] == ["20", "20"]
    assert counted(file) == (2 * 40, 20)
    facts, _, promises = describe_model(tmp_path / "second.sablier")
    assert facts["updated"] == f"with {'; then with '.join(file.provenance.updates)}"
    assert facts["calibrated"].startswith("on 20 images, chosen at random from 40 new ones")
    assert "At most 5% of good images" in promises[1]
    sablier.detect(tmp_path / "second.sablier", new.take(range(4)), tmp_path / "out")
    assert (tmp_path / "out" / "report.html").read_text().count("<dt>updated</dt><dd>with 20 images from") == 2
    assert (tmp_path / "second.sablier").stat().st_size < 1.05 * model.stat().st_size


def test_without_calibration_everything_works_and_nothing_is_flagged(model, new, tmp_path):
    path = tmp_path / "new.sablier"
    update(model, None, path, false_alarms=new.take([0]))
    bad = parts(8, seed=3, defects=1.0)
    summary = sablier.detect(path, bad, tmp_path / "out")
    assert (summary.undetermined, summary.flagged, summary.count) == (True, 0, 8)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "No verdict: no image calibrates this model." in page
    assert "Drift is not tested" in page
    assert sablier.detect(path, bad, fdr=0.1).promise.startswith("No verdict: no image calibrates")
    assert sablier.detect(path, bad, reject_alpha=0.01).promise.startswith("No verdict: no image calibrates")
    result = sablier.evaluate(path, new.take(range(1, 9)), bad, tmp_path / "evaluation.html")
    assert result.undetermined
    assert result.rows[0].auroc > 0.8
    assert describe_model(path)[0]["calibration"] == "no image"
    renewed = sablier.calibrate(path, new.take(range(1, 30)), tmp_path / "calibrated.sablier")
    assert Detector.from_file(renewed).calibration.count == 29


def test_a_model_is_not_replaced_by_one_without_verdicts_unless_forced(model, new):
    before = model.read_bytes()
    with pytest.raises(TooFewImages, match=r"expected at least 19 fresh images .* It was not replaced\. .*--force"):
        update(model, new.take(range(10)))
    with pytest.raises(TooFewImages, match="It was not replaced"):
        update(model, None, model, false_alarms=new.take([1]))
    assert model.read_bytes() == before
    update(model, None, model, false_alarms=new.take([1]), force=True)
    assert Detector.from_file(ModelFile.load(model)).calibration.count == 0
    update(model, new.take(range(2, 40)))  # it gives no verdicts to lose
    assert Detector.from_file(ModelFile.load(model)).calibration.count == 19


def test_a_write_that_fails_leaves_the_model_whole(model, new, monkeypatch):
    before = model.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        update(model, new)
    assert model.read_bytes() == before
    assert ModelFile.load(model).provenance.updates == []


def test_what_cannot_be_updated_is_refused_before_images_are_read(digits_file, tmp_path, new, small_classifier):
    with pytest.raises(ModelFileError, match="expected a detector that more images can be added to, such as one of photos"):
        update(digits_file, tmp_path / "nowhere", tmp_path / "x.sablier")
    with pytest.raises(ModelFileError, match="expected a model that detects"):
        update(small_classifier, new, tmp_path / "x.sablier")


def test_one_image_is_too_few_for_a_half_and_enough_beside_others_that_calibrate(model, new, tmp_path):
    with pytest.raises(TooFewImages, match=r"expected at least 2 new images .* got 1 image from .* --calibrate FRESH"):
        update(model, new.take([0]), tmp_path / "x.sablier")
    assert counted(update(model, new.take([0]), tmp_path / "new.sablier", calibrate=new.take(range(1, 30)))) == (2, 29)


def test_images_that_do_not_fit_are_refused(model, new, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImagesError, match="The folder is empty"):
        update(model, tmp_path / "empty", tmp_path / "x.sablier")
    with pytest.raises(ConfigError, match="got neither"):
        update(model, None, tmp_path / "x.sablier")
    wide = ImageSet(np.repeat(new.array[:20], 2, axis=2))
    with pytest.raises(ImagesError, match=r"of an aspect ratio \(width to height\) of 2\.00, not 1\.00.* Crop them"):
        update(model, wide, tmp_path / "x.sablier")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        update(model, new, tmp_path / "x.sablier", alpha=2.0)
    assert not list(tmp_path.glob("x.*"))


def test_photos_of_another_size_are_refused_where_they_are_taken_as_they_are(tmp_path):
    small = parts(30, seed=1).array[:, ::2, ::2]
    model = tmp_path / "exact.sablier"
    sablier.train(small[:12], model, make_recipe("detector", "tiny", [*QUICK, "photo_side=32"]))
    assert ModelFile.load(model).preprocess.resize == "exact"
    with pytest.raises(ImagesError, match="expected images of 64 x 64, as the model was trained on, got 60 x 64"):
        update(model, small[12:, :60], tmp_path / "x.sablier")
    assert calibrating(update(model, small[12:], tmp_path / "new.sablier")) == 9


def test_a_detector_with_a_backbone_of_ones_own_is_updated_with_it(new, photos, tmp_path):
    named, model = write_pt2(tmp_path / "own.pt2", Patches(), side=128), tmp_path / "own.sablier"
    sablier.train(photos.take(range(16)), model, make_recipe("detector", "tiny", QUICK), backbone=named)
    with pytest.raises(BackboneError, match="Name that file with --backbone"):
        update(model, new, tmp_path / "x.sablier")
    file = update(model, new, tmp_path / "new.sablier", backbone=named)
    scorer = Detector.from_file(ModelFile.load(tmp_path / "new.sablier"), named).scorers[0]
    assert taught(scorer) == 8 + 40
    assert calibrating(file) == 40
    assert file.parts["shared/backbone/network"].tensors == {}


def test_images_resemble_those_of_an_update(model, new, tmp_path):
    darker = ImageSet((new.array * 0.2).astype(np.uint8))
    with pytest.warns(sablier.errors.ImagesWarning, match="of a brightness of"):
        update(model, darker, tmp_path / "new.sablier")
    before, after = (ModelFile.load(path).provenance.looks for path in (model, tmp_path / "new.sablier"))
    rule = ModelFile.load(model).preprocess
    assert before.differences(darker, rule)
    assert not after.differences(darker, rule)
    assert not after.differences(new, rule)
    with pytest.raises(ImagesError, match="do not resemble"):
        update(model, darker, tmp_path / "x.sablier", strict=True)


@pytest.mark.slow
def test_the_false_alarm_rate_holds_after_updates(tmp_path):
    """Twenty updates with 60 photos each, half of which calibrate; the false alarms stay within the band of all of them."""
    splits, tests, model = 20, 40, tmp_path / "bars.sablier"
    sablier.train(bars(FIRST, upright=True), model, make_recipe("detector", "tiny", [*QUICK, "repeats=no"]))
    low, high = simultaneous_band(0.1, 30, tests, splits)
    alarms = []
    for split in range(splits):
        images, path = bars(60 + tests, upright=True, seed=100 + split), tmp_path / "new.sablier"
        update(model, images.take(range(60)), path, seed=split)
        alarms.append(sablier.detect(path, images.take(range(60, 60 + tests)), alpha=0.1).flagged)
    assert low <= min(alarms)
    assert max(alarms) <= high
    assert 0.05 < np.mean(alarms) / tests < 0.15
