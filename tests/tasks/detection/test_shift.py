"""A drift is explained by what changed: now against then, the images that moved most, and what to check."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.report.html import detection_report
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.shift import MEASURES, NOT_RECORDED, Shift, UsualMeasures
from sablier.tasks.detection.summary import Summarizer
from sablier.tasks.detection.whole_frame import mean_step, measured
from sablier.workflows.training.detector import train_detector

NAMES = [measure.name for measure in MEASURES]


def parts(count, seed):
    """Return colour images of a textured part, in light that differs a little."""
    random = np.random.default_rng(seed)
    texture = gaussian_filter(random.normal(0, 1, (count, 24, 24, 3)), (0, 0.7, 0.7, 0)) * 40
    return texture + np.array([140, 120, 100]) + random.normal(0, 4, (count, 1, 1, 1))


def images_of(pixels):
    return ImageSet(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def file() -> ModelFile:
    return train_detector(images_of(parts(150, 0)), make_recipe("detector", "tiny", ["folds=3"]))


def summary_of(file, images):
    summarizer = Summarizer(Detector.from_file(file), 0.05)
    for chunk in images.chunks(64):
        summarizer.judge(chunk)
    return summarizer.summary()


def grey(pixels):
    return np.repeat(pixels.mean(axis=3, keepdims=True), 3, axis=3)


CHANGES = {
    "brightness": (lambda pixels: pixels - 40, -1, "the lamps and the exposure"),
    "contrast": (lambda pixels: 120 + 1.8 * (pixels - 120), 1, "the lamps and the exposure"),
    "colour": (grey, -1, "the white balance"),
    "sharpness": (lambda pixels: gaussian_filter(pixels, (0, 1.2, 1.2, 0)), -1, "the focus and the lens"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_is_named_with_its_direction_and_what_to_check(file, name):
    change, sign, check = CHANGES[name]
    summary = summary_of(file, images_of(change(parts(120, 1))))
    moved = {each.name: each for each in summary.shift.changes() if each.moved}
    assert summary.drift.alarmed
    assert name in moved
    assert moved[name].effect * sign > 0
    assert (moved[name].now - moved[name].then) * sign > 0
    assert f"{name} {moved[name].now:.4g}, was {moved[name].then:.4g}" in summary.drift_words()
    assert check in summary.drift_words()


def test_more_light_alone_does_not_move_sharpness():
    pixels = parts(40, 2)
    rule = Preprocess(height=24, width=24, channels=3)
    usual = UsualMeasures.of(np.column_stack([measured(images_of(pixels), rule), np.zeros((40, 3))]))
    brighter = measured(images_of(120 + 1.3 * (pixels - 120)), rule)
    assert abs(usual.effects(np.append(np.median(brighter, axis=0), [0, 0, 0]))[NAMES.index("sharpness")]) < 0.5


def test_a_change_of_size_is_seen_in_the_sizes_as_they_came(file):
    images = images_of(parts(120, 1))
    summary = summary_of(file, replace(images, sizes=np.full((120, 2), [480, 640])))
    moved = {each.name: each for each in summary.shift.changes() if each.moved}
    assert {"width", "height"} <= moved.keys()
    assert (moved["width"].then, moved["width"].now, moved["height"].now) == (24, 640, 480)


def test_good_images_and_a_few_anomalies_move_nothing(file):
    pixels = parts(120, 1)
    pixels[:6] -= 100
    changes = summary_of(file, images_of(pixels)).shift.changes()
    assert sorted(change.name for change in changes) == sorted(NAMES)
    assert not [change for change in changes if change.moved]


def test_few_images_need_a_larger_effect():
    usual = UsualMeasures(np.zeros(7), np.ones(7))
    for count, moved in ((4, False), (400, True)):
        shift = Shift(usual)
        shift.add(np.full((count, 7), 1.2) * (np.arange(7) == 0), [""] * count)
        assert shift.changes()[0].moved is moved


def test_the_farthest_images_are_listed_and_pictured(file):
    pixels = parts(120, 1) - 30
    pixels[[7, 70, 100]] -= 60
    images = replace(images_of(pixels), ids=np.array([f"{index}.png" for index in range(120)]))
    summary = summary_of(file, images)
    assert sorted(summary.shift.farthest()) == ["100.png", "7.png", "70.png"]
    assert set(summary.farthest.ids[:3].tolist()) == {"100.png", "7.png", "70.png"}
    assert "Farthest from the calibration images: " in summary.drift_words()
    page = detection_report(file, Detector.from_file(file), summary, "parts")
    assert "New images against the calibration images" in page
    assert "Farthest from the calibration images" in page
    assert summary.to_json()["drift"]["changes"][0].keys() == {"name", "then", "now", "effect", "moved"}


def test_without_an_alarm_no_image_is_pictured_as_far(file):
    summary = summary_of(file, images_of(parts(60, 1)))
    assert not summary.drift.alarmed
    assert len(summary.farthest) == 0


def test_memory_does_not_grow_with_the_stream():
    shift = Shift(UsualMeasures(np.zeros(7), np.ones(7)), most=10)
    for index in range(30):
        shift.add(np.full((1, 7), float(index)), [str(index)])
    assert (shift.measures.shape, shift.ids) == ((10, 7), [str(index) for index in range(20, 30)])


def test_a_file_without_the_measures_says_so_and_works(file, tmp_path):
    part = file.parts["calibration"]
    kept = {name: value for name, value in part.tensors.items() if not name.startswith("usual/")}
    assert len(kept) == len(part.tensors) - 2
    replace(file, parts={**file.parts, "calibration": replace(part, tensors=kept)}).save(tmp_path / "old.sablier")
    old = ModelFile.load(tmp_path / "old.sablier")
    summary = summary_of(old, images_of(parts(120, 1) - 60))
    assert summary.drift_words().endswith(NOT_RECORDED)
    assert summary.to_json()["drift"]["changes"] == []
    assert "New images against" not in detection_report(old, Detector.from_file(old), summary, "parts")
    assert "usual/medians" not in Detector.from_file(old).parts()["calibration"].tensors


def test_steps_are_those_between_kept_neighbours():
    values = np.zeros((1, 4, 4, 1))
    values[0, :, 3] = 10
    assert mean_step(values)[0] == pytest.approx(4 * 10 / 24)
    kept = np.ones((4, 4), bool)
    kept[:, 3] = False
    assert mean_step(values, kept)[0] == 0
    assert mean_step(values, np.zeros((4, 4), bool))[0] == 0
