"""Detection: scores that mean something, the same bits from the file, anomaly maps that show where the defect is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sablier.calibration import ANOMALY, NORMAL, UNDETERMINED, Calibration
from sablier.errors import ConfigError, ImagesError, ModelFileError
from sablier.images import ImageSet, read_images
from sablier.images.glyphs import glyphs
from sablier.metrics import auroc
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.training.detector import train_detector


@pytest.fixture(scope="module")
def tests() -> ImageSet:
    return read_images("digits:test")


@pytest.fixture(scope="module")
def letters() -> Detector:
    """A detector of the letter A in regular weights."""
    return Detector.from_file(
        train_detector(
            glyphs(1500).where(label="A", bold=False), make_recipe(tier="tiny", settings=["folds=2", "epochs=10", "width=8"])
        )
    )


@pytest.fixture(scope="module")
def good_letters() -> ImageSet:
    return glyphs(1500, seed=7).where(label="A", bold=False)


def check_scores(scores: np.ndarray, is_normal: np.ndarray) -> None:
    """Assert what any fitted detector's scores must do: vary, and tell most threes from other digits."""
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 0.9 * len(scores)
    assert auroc(scores[is_normal], scores[~is_normal]) > 0.9


def test_scores_vary_and_separate(digits_detector, tests):
    result = digits_detector.detect(tests)
    is_normal = tests.labels == "3"
    check_scores(result.scores, is_normal)
    for name in ("pca", "knn"):
        check_scores(result.baseline_scores[name], is_normal)


@pytest.mark.parametrize("mutant", [np.zeros, np.ones, lambda n: np.arange(n) % 2.0, lambda n: np.full(n, np.nan)])
def test_a_score_that_is_constant_fails_the_check(mutant, tests):
    with pytest.raises(AssertionError):
        check_scores(mutant(len(tests)), tests.labels == "3")


def test_a_score_that_ignores_the_image_fails_the_check(tests):
    with pytest.raises(AssertionError):
        check_scores(np.random.default_rng(0).random(len(tests)), tests.labels == "3")


def test_a_score_with_its_sign_flipped_fails_the_check(digits_detector, tests):
    with pytest.raises(AssertionError):
        check_scores(-digits_detector.detect(tests).scores, tests.labels == "3")


def test_detection_is_deterministic(digits_detector, tests):
    first, again = digits_detector.detect(tests, pictures=True), digits_detector.detect(tests, pictures=True)
    for name in ("scores", "p_values", "verdicts", "anomaly_maps", "reconstructions"):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name


def test_the_file_gives_the_same_bits(digits_detector, digits_file, tests):
    loaded = Detector.from_file(ModelFile.load(digits_file))
    ours, theirs = digits_detector.detect(tests, pictures=True), loaded.detect(tests, pictures=True)
    for name in ("scores", "p_values", "verdicts", "anomaly_maps", "reconstructions"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    for name in ("pca", "knn"):
        assert np.array_equal(ours.baseline_scores[name], theirs.baseline_scores[name])
        assert np.array_equal(ours.baseline_p_values[name], theirs.baseline_p_values[name])


def test_calibration_scores_are_those_the_detector_gives(digit_threes, tiny_recipe):
    # Training and loading must arrive at the very same scores, or images at the threshold would change sides.
    recipe = replace(tiny_recipe, folds_below=10)
    detector = Detector.from_file(train_detector(digit_threes, recipe))
    again = detector.detect(digit_threes).scores
    distances = np.abs(detector.calibration.folds[0][:, None] - again).min(axis=1)
    assert distances.max() < 1e-5  # sums of other images beside them are rounded otherwise


def test_the_same_seed_trains_the_same_detector(digit_threes, tiny_recipe, digits_file):
    again = train_detector(digit_threes, tiny_recipe)
    for name, part in ModelFile.load(digits_file).parts.items():
        for key, value in part.tensors.items():
            assert np.array_equal(again.parts[name].tensors[key], value), (name, key)


def test_an_image_scores_the_same_in_any_company(digits_detector, tests):
    whole = digits_detector.detect(tests)
    alone = np.concatenate([digits_detector.detect(chunk).scores for chunk in tests.chunks(7)])
    assert alone == pytest.approx(whole.scores, abs=1e-4)


def test_verdicts_follow_p_values(digits_detector, tests):
    result = digits_detector.detect(tests, 0.1)
    assert np.array_equal(result.verdicts == ANOMALY, result.p_values <= 0.1)
    assert set(result.verdicts) == {ANOMALY, NORMAL}
    assert result.flagged == np.sum(result.p_values <= 0.1)
    assert digits_detector.detect(tests, 0.01).flagged < result.flagged


def test_too_small_an_alpha_is_undetermined_and_still_scores(digits_detector, tests):
    result = digits_detector.detect(tests, 0.001)
    assert set(result.verdicts) == {UNDETERMINED}
    assert result.flagged == 0
    assert "it would take 999" in result.promise
    assert np.isfinite(result.scores).all()
    assert result.p_values.min() == 1 / (digits_detector.calibration.count + 1)


@pytest.mark.parametrize("alpha", [0, 1, -1, 2, float("nan")])
def test_alpha_lies_between_0_and_1(digits_detector, tests, alpha):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        digits_detector.detect(tests, alpha)


def test_no_image_is_no_trouble(digits_detector, tests):
    result = digits_detector.detect(tests.take([]), pictures=True)
    assert len(result) == result.flagged == 0
    assert result.anomaly_maps.shape == (0, 8, 8)
    assert result.to_table() == []


def test_images_of_another_size_are_refused(digits_detector):
    with pytest.raises(ImagesError, match="expected images of 8 x 8, as the model was trained on, got 28 x 28"):
        digits_detector.detect(glyphs(3))


def test_images_of_another_type_are_scaled(digits_detector, tests):
    some = tests.take(range(40))
    floats = replace(some, pixels=some.array.astype(np.float32) / 255, depths=None, channels=None)
    deep = replace(some, pixels=some.array.astype(np.uint16) * 257, depths=None, channels=None)
    expected = digits_detector.detect(some).scores
    assert digits_detector.detect(floats).scores == pytest.approx(expected)
    assert digits_detector.detect(deep).scores == pytest.approx(expected)


@pytest.mark.parametrize("value", [0, 255])
def test_blank_images_have_finite_scores(digits_detector, value):
    result = digits_detector.detect(ImageSet(np.full((2, 8, 8, 1), value, np.uint8)), pictures=True)
    assert np.isfinite(result.scores).all()
    assert np.isfinite(result.anomaly_maps).all()
    assert result.flagged == 2


def test_the_table_and_the_json_say_the_same(digits_detector, tests):
    result = digits_detector.detect(tests.take(range(5)))
    table = result.to_table()
    assert [row["id"] for row in table] == [f"test/{index}" for index in range(5)]
    assert table[2]["score"] == result.scores[2]
    assert table[2]["label"] == tests.labels[2]
    assert table[2].keys() == {
        "id", "score", "p_value", "verdict", "label", "pca_score", "pca_p_value", "knn_score", "knn_p_value", "member", "frame"
    }  # fmt: skip
    document = result.to_json()
    assert document["detections"] == table
    assert (document["images"], document["flagged"], document["alpha"]) == (5, result.flagged, 0.05)


def test_pictures_come_only_when_asked_for(digits_detector, tests):
    some = tests.take(range(3))
    plain, pictured = digits_detector.detect(some), digits_detector.detect(some, pictures=True)
    assert plain.images is plain.anomaly_maps is plain.reconstructions is None
    assert pictured.images.shape == pictured.reconstructions.shape == (3, 8, 8, 1)
    assert pictured.anomaly_maps.shape == (3, 8, 8)
    assert 0 <= pictured.reconstructions.min() <= pictured.reconstructions.max() <= 1
    assert np.array_equal(plain.scores, pictured.scores)


# Anomaly maps.


def highest_inside(anomaly_maps: np.ndarray, masks: np.ndarray) -> float:
    places = anomaly_maps.reshape(len(anomaly_maps), -1).argmax(axis=1)
    return float(masks.reshape(len(masks), -1)[np.arange(len(masks)), places].mean())


def test_a_white_square_is_the_highest_place(letters, good_letters):
    pixels, mask = good_letters.array.copy(), np.zeros((28, 28), bool)
    mask[3:8, 3:8] = True
    pixels[:, mask] = 255
    result = letters.detect(replace(good_letters, pixels=pixels), pictures=True)
    assert highest_inside(result.anomaly_maps, np.repeat(mask[None], len(pixels), axis=0)) > 0.95
    assert np.median(result.anomaly_maps.max(axis=(1, 2))) > 3
    assert result.flagged > 0.8 * len(pixels)


def test_a_planted_defect_is_the_highest_place(letters):
    bad = glyphs(3000, seed=5, defects=0.5).where(label="A", bold=False, defect=["scratch", "blot"])
    assert highest_inside(letters.detect(bad, pictures=True).anomaly_maps, bad.masks) > 0.75


def test_good_images_stay_cold(letters, good_letters):
    anomaly_maps = letters.detect(good_letters, pictures=True).anomaly_maps
    assert np.mean(anomaly_maps.max(axis=(1, 2)) > 1) < 0.2  # in the limit, in 5 % of them somewhere
    assert np.mean(anomaly_maps > 1) < 0.005
    assert anomaly_maps.mean() < 0.1


def test_false_alarms_stay_near_alpha(letters, good_letters):
    assert letters.detect(good_letters, 0.05).flagged <= 0.13 * len(good_letters)


# A new promise.


def test_a_cross_fold_detector_is_recalibrated_with_fresh_images(digits_detector, tests, tmp_path: Path, digits_file):
    fresh = tests.where(label="3")
    renewed = Detector.calibrated(digits_detector.scorers, (fresh,))
    assert digits_detector.calibration.crossed
    assert not renewed.calibration.crossed
    assert renewed.calibration.count == len(fresh)
    assert np.array_equal(renewed.detect(tests).scores, digits_detector.detect(tests).scores)
    # On its own calibration images, exactly the share alpha promises is flagged.
    assert renewed.detect(fresh, 0.1).flagged == int(0.1 * (len(fresh) + 1)) - 1
    file = ModelFile.load(digits_file)
    replace(file, parts={**file.parts, **renewed.parts()}).save(tmp_path / "r.sablier")
    again = Detector.from_file(ModelFile.load(tmp_path / "r.sablier"))
    assert np.array_equal(again.detect(tests).p_values, renewed.detect(tests).p_values)


def test_a_batch_is_judged_at_a_false_discovery_rate(digits_detector, tests):
    result = digits_detector.detect(tests, fdr=0.1)
    expected = stats.false_discovery_control(result.p_values) <= 0.1
    assert np.array_equal(result.verdicts == ANOMALY, expected)
    assert result.alpha == result.p_values[expected].max()
    assert result.to_json()["fdr"] == 0.1
    assert result.promise == digits_detector.calibration.discovery_promise(0.1, len(tests))
    assert digits_detector.detect(tests).to_json()["fdr"] is None


def test_too_few_calibrate_for_a_false_discovery_rate(digits_detector, tests):
    result = digits_detector.detect(tests, fdr=0.001)
    assert set(result.verdicts) == {UNDETERMINED}
    assert "No verdict at a false-discovery rate" in result.promise
    with pytest.raises(ConfigError, match="false-discovery rate fdr between 0 and 1"):
        digits_detector.detect(tests, fdr=1)


def test_a_file_with_the_old_names_of_parts_says_to_train_again(digits_file):
    file = ModelFile.load(digits_file)
    old = {name.replace("fold-", "member-"): part for name, part in file.parts.items()}
    with pytest.raises(ModelFileError, match=r"got member-0, of an early version\. Train the model again"):
        Detector.from_file(replace(file, parts=old))


def test_the_bound_is_of_the_batch_and_in_its_document(digits_detector):
    tests = read_images("digits:test")
    split = replace(digits_detector, calibration=Calibration((digits_detector.detect(tests.where(label="3")).scores,)))
    result = split.detect(tests, confidence=0.8)
    flagged, good = result.bound.at(0.05)
    assert flagged == result.flagged
    assert good < flagged / 2
    assert result.to_json()["bound"]["good_at_most"] == good
    assert result.bound.words() == f"Of these {flagged} flagged images at most {good} are good, with 80% confidence."
    assert split.detect(tests, confidence=None).bound is None
    pairs = replace(tests, groups=np.arange(360) // 2, given_groups=np.arange(360) // 2)
    assert split.detect(pairs).bound.at(1.0)[0] == 180
