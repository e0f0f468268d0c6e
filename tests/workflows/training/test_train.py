"""train: every use of an image is its own, checkpoints come and go, and what cannot work is said before it starts."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sablier.errors import ImagesError, Interrupted, ModelFileError, OutputError, TooFewImages
from sablier.images import ImageSet, read_images
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.recipes.settings import with_settings
from sablier.tasks.detection.contamination import ContaminationFilter
from sablier.tasks.detection.detect import Detector
from sablier.training import loop
from sablier.workflows.info import describe_model
from sablier.workflows.training.detector import _filtered, plan_uses, train_detector
from sablier.workflows.training.train import train


def stop_at(moment: int, error: type[BaseException]):
    """Raise an error at a step of the training of networks."""
    calls = 0

    def on_progress(stage, progress):
        nonlocal calls
        calls += is_step(stage, progress)
        if calls == moment:
            raise error

    return on_progress


def is_step(stage, progress) -> bool:
    return stage.startswith("training") and progress.done > 0 and progress.total > 1  # at the end of a stage it is 1 of 1


def same_tensors(first: ModelFile, second: ModelFile) -> bool:
    return first.parts.keys() == second.parts.keys() and all(
        np.array_equal(value, second.parts[name].tensors[key])
        for name, part in first.parts.items()
        for key, value in part.tensors.items()
    )


@given(st.integers(8, 900), st.integers(2, 12), st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_training_corrections_and_calibration_never_share_an_image(count, folds, seed):
    images = ImageSet(np.zeros((count, 1, 1, 1), np.uint8))
    recipe = make_recipe(settings=[f"folds={folds}", f"seed={seed}"])
    if count < folds:
        with pytest.raises(TooFewImages, match=f"as many groups of images as folds, {folds}, got {count} images"):
            plan_uses(images, recipe)
        return
    members = plan_uses(images, recipe)
    calibrating = np.concatenate([member.calibration.ids for member in members])
    assert len(set(calibrating)) == len(calibrating)
    for member in members:
        assert not (set(member.training.ids) | set(member.fusion.ids)) & set(member.calibration.ids)
        assert not set(member.training.ids) & set(member.validation.ids)
        assert len(member.training)
    if count < 300:
        assert len(members) == folds
        assert set(calibrating) == set(images.ids)  # every image calibrates the one model that has not seen it
    else:
        (member,) = members
        assert not set(member.fusion.ids) & set(member.training.ids)
        assert len(member.training) + len(member.fusion) + len(member.calibration) == count
        assert len(member.calibration) >= 99  # a split always supports a false-alarm rate of 1 %


@pytest.mark.parametrize("folds_below", [2, 300])
def test_what_is_filtered_teaches_nothing_and_calibration_images_decide_nothing(digit_threes, folds_below):
    pixels = digit_threes.array.copy()
    pixels[::31] = 255 - pixels[::31]
    spoilt, rule = ImageSet(pixels, ids=digit_threes.ids), Preprocess(height=8, width=8, channels=1)
    uses = plan_uses(spoilt, make_recipe(settings=[f"folds_below={folds_below}", "calibration_share=0.3"]))[0]
    search = ContaminationFilter(spoilt, rule)
    filtered = _filtered(uses, search, 0)
    teaching, before = (set(each.training.ids) | set(each.fusion.ids) for each in (filtered, uses))
    assert before & set(spoilt.ids[::31])
    assert not teaching & set(spoilt.ids[::31])
    assert len(teaching) > 0.8 * len(before)
    assert filtered.calibration is uses.calibration
    pixels[np.isin(spoilt.ids, uses.calibration.ids)] //= 2
    others = ContaminationFilter(ImageSet(pixels, ids=spoilt.ids), rule)
    assert list(_filtered(uses, others, 0).training.ids) == list(filtered.training.ids)


@pytest.mark.parametrize("count", [8, 12])
def test_tens_of_images_work_with_folds(digit_threes, tiny_recipe, count):
    file = train_detector(digit_threes.take(range(count)), replace(tiny_recipe, folds=5))
    detector = Detector.from_file(file)
    assert len(detector.scorers) == 5
    assert detector.calibration.count == count
    assert np.isfinite(detector.detect(read_images("digits:test")).scores).all()
    assert f"{count} images calibrate, it would take 19" in detector.calibration.promise(0.05)


def test_images_that_share_a_name_train_as_if_each_had_its_own(digit_threes, tiny_recipe):
    images = digit_threes.take(range(24))
    shared = train_detector(replace(images, ids=np.arange(24) % 12), tiny_recipe)
    apart = train_detector(replace(images, ids=np.arange(24)), tiny_recipe)
    tests = read_images("digits:test")
    assert np.array_equal(Detector.from_file(shared).detect(tests).scores, Detector.from_file(apart).detect(tests).scores)


def test_seven_images_are_too_few(digit_threes, tiny_recipe):
    with pytest.raises(TooFewImages, match="expected at least 8 images to train on, got 7"):
        train_detector(digit_threes.take(range(7)), tiny_recipe)


def test_a_split_that_leaves_none_to_train_says_what_to_set(digit_threes, tiny_recipe):
    with pytest.raises(TooFewImages, match=r"105 images leave none to train on .*--set folds_below=106"):
        train_detector(digit_threes.take(range(105)), with_settings(tiny_recipe, ["folds_below=10"]))


@pytest.mark.parametrize("shape", [(12, 1, 1, 1), (12, 2, 2, 3), (12, 5, 64, 1), (12, 33, 47, 3)])
def test_images_of_any_size_train(shape, tiny_recipe):
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    detector = Detector.from_file(train_detector(ImageSet(pixels), tiny_recipe))
    assert np.isfinite(detector.detect(ImageSet(pixels), pictures=True).scores).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_images_of_any_type_train(dtype, tiny_recipe):
    pixels = (np.random.default_rng(0).random((20, 8, 8, 1)) * 1000).astype(dtype)
    detector = Detector.from_file(train_detector(ImageSet(pixels), tiny_recipe))
    assert np.isfinite(detector.detect(ImageSet(pixels)).scores).all()


def test_images_that_are_all_the_same_are_one_group(tiny_recipe):
    same = ImageSet(np.full((20, 8, 8, 1), 7, np.uint8))
    with pytest.raises(TooFewImages, match="expected at least 8 groups of images to train on, got 20 images, 1 group from"):
        train_detector(same, tiny_recipe)


def test_images_of_one_grey_each_train(tiny_recipe):
    flat = ImageSet(np.broadcast_to(np.arange(100, 120, dtype=np.uint8)[:, None, None, None], (20, 8, 8, 1)))
    detector = Detector.from_file(train_detector(flat, tiny_recipe))
    assert detector.detect(flat).flagged == 0
    assert detector.detect(ImageSet(np.eye(8, dtype=np.uint8)[None] * 255), 0.05).flagged == 1


def test_the_course_net_detects_too(digit_threes):
    recipe = make_recipe("course-dense", settings=["epochs=2", "folds=2"])
    detector = Detector.from_file(train_detector(digit_threes, recipe))
    assert detector.scorers[0].networks["restoration"].name == "course_dense"
    assert np.isfinite(detector.detect(digit_threes).scores).all()


def test_the_file_says_where_it_came_from(digit_threes, digits_file, tiny_recipe):
    provenance = ModelFile.load(digits_file).provenance
    assert provenance.images == len(digit_threes)
    assert provenance.source == "digits[label=3]"
    assert provenance.fingerprint == digit_threes.fingerprint()
    assert provenance.recipe["fit"]["epochs"] == 2
    assert provenance.recipe["options"] == {"latent": 16, "width": 8}
    assert ModelFile.load(digits_file).histories.keys() == {
        f"fold-{fold}/{kind}" for fold in (0, 1) for kind in ("restoration", "transformations")
    }


def test_train_writes_the_model_and_nothing_else(tmp_path, tiny_recipe):
    train("digits[label=3]", tmp_path / "new" / "m.sablier", with_settings(tiny_recipe, ["contamination_filter=no"]))
    assert os.listdir(tmp_path / "new") == ["m.sablier"]
    assert ModelFile.load(tmp_path / "new" / "m.sablier").task == "detect"


@pytest.fixture(scope="module")
def calls_of_a_whole_run(digit_threes, tiny_recipe):
    """How many steps a run that nothing stops tells of."""
    calls = []
    train_detector(digit_threes, tiny_recipe, on_progress=lambda stage, progress: calls.append(is_step(stage, progress)))
    return sum(calls)


@pytest.fixture
def mixed(tmp_path, digit_threes):
    """A folder of threes, three of them spoilt."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for index, image in enumerate(digit_threes.take(range(80))):
        pixels = 255 - image[..., 0] if index in (5, 40, 77) else image[..., 0]
        Image.fromarray(pixels).save(folder / f"{index:02}.png")
    return folder


def test_images_that_may_not_belong_are_listed_beside_the_model(tmp_path, mixed):
    recipe, output = make_recipe(tier="tiny", settings=["contamination_filter=yes"]), tmp_path / "out" / "m.sablier"
    file = train(mixed, output, recipe)
    assert {"05.png", "40.png", "77.png"} <= {name for name, _ in file.provenance.filtered}
    assert sorted(os.listdir(output.parent)) == ["m.filtered.csv", "m.filtered.png", "m.sablier"]
    with (output.parent / "m.filtered.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["id"] for row in rows] == [name for name, _ in file.provenance.filtered]
    assert all(row["id"] == f"{int(row['position']):02}.png" for row in rows)
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert min(read_images(output.parent / "m.filtered.png")[0].shape[:2]) > 100
    facts, *_ = describe_model(output)
    assert facts["contamination filter"].startswith(f"{len(rows)} training images may not belong")

    train(mixed, output, with_settings(recipe, ["contamination_filter=no"]))
    assert os.listdir(output.parent) == ["m.sablier"]  # the list of the run before is out of date
    assert "contamination filter" not in describe_model(output)[0]


@pytest.mark.parametrize("moment", [1, 3, 5, 7])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_stopped_run_resumes_to_the_bit(tmp_path, tiny_recipe, digits_file, calls_of_a_whole_run, monkeypatch, moment, error):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    output = tmp_path / "m.sablier"
    with pytest.raises(Interrupted if error is KeyboardInterrupt else error):
        train("digits[label=3]", output, tiny_recipe, on_progress=stop_at(moment, error))
    assert not output.exists()
    steps = []
    count = lambda stage, progress: steps.append(is_step(stage, progress))  # noqa: E731
    train("digits[label=3]", output, tiny_recipe, resume=True, on_progress=count)
    assert same_tensors(ModelFile.load(output), ModelFile.load(digits_file))
    assert not list(tmp_path.glob("*.resume"))
    assert sum(steps) < calls_of_a_whole_run or moment < 3  # what was done is not done again


def test_to_resume_where_nothing_was_stopped_is_to_start(tmp_path, tiny_recipe, digits_file):
    train("digits[label=3]", tmp_path / "m.sablier", tiny_recipe, resume=True)
    assert same_tensors(ModelFile.load(tmp_path / "m.sablier"), ModelFile.load(digits_file))


def test_without_resume_a_stopped_run_starts_afresh(tmp_path, tiny_recipe, digits_file):
    with pytest.raises(Interrupted):
        train("digits[label=3]", tmp_path / "m.sablier", replace(tiny_recipe, folds=5), on_progress=stop_at(7, KeyboardInterrupt))
    assert os.listdir(tmp_path)
    train("digits[label=3]", tmp_path / "m.sablier", tiny_recipe)
    assert not list(tmp_path.glob("*.resume"))  # also the checkpoints of folds there are no more
    assert same_tensors(ModelFile.load(tmp_path / "m.sablier"), ModelFile.load(digits_file))


def test_to_resume_with_other_settings_is_refused(tmp_path, tiny_recipe):
    with pytest.raises(Interrupted):
        train("digits[label=3]", tmp_path / "m.sablier", tiny_recipe, on_progress=stop_at(4, KeyboardInterrupt))
    changed = replace(tiny_recipe, fit=replace(tiny_recipe.fit, epochs=3))
    with pytest.raises(ModelFileError, match=r"another run: its fit differ\. Repeat the command that was stopped with --resume"):
        train("digits[label=3]", tmp_path / "m.sablier", changed, resume=True)
    with pytest.raises(ModelFileError, match="its images differ"):
        train("digits[label=5]", tmp_path / "m.sablier", tiny_recipe, resume=True)


def test_a_misspelt_source_costs_no_checkpoint(tmp_path, tiny_recipe):
    with pytest.raises(Interrupted):
        train("digits[label=3]", tmp_path / "m.sablier", tiny_recipe, on_progress=stop_at(4, KeyboardInterrupt))
    before = os.listdir(tmp_path)
    with pytest.raises(ImagesError, match="no such file"):
        train("digts[label=3]", tmp_path / "m.sablier", tiny_recipe)
    assert os.listdir(tmp_path) == before


def test_a_place_that_cannot_be_written_is_said_before_training(tmp_path, tiny_recipe):
    (tmp_path / "file").write_text("x")
    never = stop_at(1, AssertionError)
    with pytest.raises(OutputError, match=r"is a folder\. Name a file, for example -o .*model\.sablier"):
        train("digits[label=3]", tmp_path, tiny_recipe, on_progress=never)
    with pytest.raises(OutputError, match="cannot be written"):
        train("digits[label=3]", tmp_path / "file" / "m.sablier", tiny_recipe, on_progress=never)


def test_a_failure_leaves_the_old_model_whole(tmp_path, tiny_recipe, digits_file):
    target = tmp_path / "m.sablier"
    target.write_bytes(digits_file.read_bytes())
    with pytest.raises(Interrupted):
        train("digits[label=3]", target, tiny_recipe, on_progress=stop_at(4, KeyboardInterrupt))
    assert target.read_bytes() == digits_file.read_bytes()


def test_unreadable_images_are_listed_in_the_file(tmp_path: Path, tiny_recipe, digit_threes):
    for index, image in enumerate(digit_threes.take(range(12))):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{index:02}.png")
    (tmp_path / "zero.png").write_bytes(b"")
    whole = (tmp_path / "00.png").read_bytes()
    (tmp_path / "torn.png").write_bytes(whole[: len(whole) // 2])
    provenance = train_detector(read_images(tmp_path), tiny_recipe).provenance
    assert provenance.images == 12
    assert sorted(item.split(":")[0] for item in provenance.skipped) == ["torn.png", "zero.png"]
