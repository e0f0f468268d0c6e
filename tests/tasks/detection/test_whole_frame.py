"""What is unusual of an image as a whole is told apart from a defect, and does not fill the mask."""

from dataclasses import replace

import numpy as np
import pytest

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.report.html import detection_report
from sablier.report.words import tier_note, why_flagged
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.summary import Summarizer
from sablier.tasks.detection.whole_frame import WholeFrame, measured
from sablier.workflows.training.detector import train_detector

SIDE = 96
RULE = Preprocess(height=8, width=8, channels=3)


def photos(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    wave = 120 + 40 * np.sin(np.arange(SIDE) / 4)[None, :, None]
    return wave + random.normal(0, 6, (count, SIDE, SIDE, 3)) + random.normal(0, 3, (count, 1, 1, 1))


def images_of(pixels: np.ndarray) -> ImageSet:
    return ImageSet(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def file() -> ModelFile:
    return train_detector(images_of(photos(24)), make_recipe("detector", "tiny", ["folds=3"]))


def test_brightness_contrast_and_colour_are_measured():
    grey = np.full((8, 8, 3), 100)
    split = np.ones((8, 8, 3)) * np.repeat([40, 80], 4)[:, None, None]
    red = np.ones((8, 8, 3)) * [150, 50, 50]
    found = measured(images_of(np.stack([grey, split, red])), RULE)
    np.testing.assert_allclose(found[:, 0], [100, 60, 250 / 3], rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], [0, 20, float(np.std([150, 50, 50]))], atol=1e-4)
    np.testing.assert_allclose(found[:, 2], [0, 0, 100], atol=1e-4)


def test_what_is_outside_the_range_is_said_with_both():
    frame = WholeFrame.of(np.array([[90.0, 5.0, 0.0], [110.0, 9.0, 0.0]]), np.zeros(2))
    dark, light, inside = (images_of(np.full((1, 8, 8, 3), value)) for value in (70, 120, 100))

    def notes(images):
        return frame.notes(measured(images, RULE))

    assert notes(dark)[0].startswith("The whole image is darker than any of the good images: 70 against 90 to 110")
    assert "brighter" in notes(light)[0]
    assert "of less contrast than any of the good images: 0 against 5 to 9" in notes(inside)[0]
    assert notes(images_of(np.empty((0, 8, 8, 3)))).shape == (0,)


def test_only_what_is_high_everywhere_is_taken_away_and_only_where_the_frame_is_unusual():
    frame = WholeFrame(np.zeros(3), np.ones(3), np.array([0.4]))
    anomaly_map = np.full((3, 4, 4), 0.9, np.float32)
    anomaly_map[:, 0, 0] = 2
    anomaly_map[2] -= 0.5
    found = frame.evened(anomaly_map, np.array(["", "darker", "darker"]))
    assert np.array_equal(found[0], anomaly_map[0])
    assert found[1, 1, 1] == pytest.approx(0.55)
    assert found[1, 0, 0] == pytest.approx(1.65)
    assert np.array_equal(found[2], anomaly_map[2])


def test_a_photo_that_is_darker_as_a_whole_is_told_from_one_with_a_blot(file, tmp_path):
    file.save(tmp_path / "m.sablier")
    detector = Detector.from_file(ModelFile.load(tmp_path / "m.sablier"))
    dark, blot = photos(2, seed=1) - 25, photos(2, seed=2)
    blot[:, 40:64, 40:64] = 120
    result = detector.detect(images_of(np.concatenate([dark, blot])), 0.1, pictures=True)
    assert set(result.verdicts) == {"anomaly"}
    assert set(result.members) == {"features"}
    assert ["darker" in note for note in result.frames] == [True, True, False, False]
    assert (result.anomaly_maps[:2] >= 1).mean() < 0.1
    assert (result.anomaly_maps[2:] >= 1).mean(axis=(1, 2)).min() > 0.02
    assert len(why_flagged(result.frames[0], result.members[0], regions=True)) == 1
    assert why_flagged(result.frames[0], result.members[0], regions=False)[1] == (
        "No single region is anomalous: the image as a whole has a high score, most of all from the member features."
    )
    assert why_flagged(result.frames[2], result.members[2], regions=True) == []
    assert "darker" in result.to_table()[0]["frame"]


def test_the_report_says_why(file):
    detector = Detector.from_file(file)
    summarizer = Summarizer(detector, 0.1)
    summarizer.judge(images_of(photos(3, seed=1) - 25))
    page = detection_report(file, detector, summarizer.summary(), "dark")
    assert page.count("The whole image is darker than any of the good images") >= 3


@pytest.mark.parametrize(
    ("tier", "size", "said"),
    [
        ("base", 640, "would use no more pixels"),
        ("small", 96, "keeps more pixels"),
        ("large", 960, "the highest"),
        ("", 640, ""),
    ],
)
def test_a_report_names_the_tier_and_what_a_higher_one_gains(file, tier, size, said):
    recipe = {**file.provenance.recipe, "tier": tier, "size": size}
    told = tier_note(replace(file, provenance=file.provenance.model_copy(update={"recipe": recipe})))
    assert (said in told) if said else told == ""
