"""Evaluation counts what is missed and what is flagged wrongly, beside the baselines."""

from dataclasses import fields, replace

import numpy as np
import pytest

from sablier.errors import TooFewImages
from sablier.images import ImageSet, read_images
from sablier.images.imageset import Skipped
from sablier.metrics import aupro, auroc, pixel_auroc, rate_interval
from sablier.tasks.detection import evaluate
from sablier.tasks.detection.evaluate import EvaluationResult, evaluate_detector


@pytest.fixture(scope="module")
def images():
    tests = read_images("digits:test")
    return tests.where(label="3"), tests.take(tests.labels != "3")


@pytest.fixture(scope="module")
def result(digits_detector, images) -> EvaluationResult:
    good, bad = images
    return evaluate_detector(digits_detector, good, bad, 0.1)


def test_rates_are_counted_from_the_verdicts(digits_detector, images, result):
    good, bad = (digits_detector.detect(each, 0.1) for each in images)
    ours = result.rows[0]
    assert (ours.false_alarms.hits, ours.false_alarms.count) == (good.flagged, len(images[0]))
    assert (ours.missed.hits, ours.missed.count) == (len(images[1]) - bad.flagged, len(images[1]))
    assert ours.missed.interval == rate_interval(ours.missed.hits, ours.missed.count)
    assert ours.auroc == auroc(good.scores, bad.scores)
    assert ours.auroc_interval[0] < ours.auroc < ours.auroc_interval[1]


def test_the_baselines_are_judged_alike(digits_detector, images, result):
    assert [row.method for row in result.rows] == ["sablier", "pca", "knn"]
    good, bad = (digits_detector.detect(each, 0.1) for each in images)
    for row in result.rows[1:]:
        assert row.false_alarms.hits == np.sum(good.baseline_p_values[row.method] <= 0.1)
        assert row.missed.hits == np.sum(bad.baseline_p_values[row.method] > 0.1)
        assert row.auroc == auroc(good.baseline_scores[row.method], bad.baseline_scores[row.method])


def test_the_table_and_the_json(result):
    document = result.to_json()
    assert document["methods"] + document["kinds"] == result.to_table()
    assert (document["good"] + document["bad"], document["alpha"]) == (360, 0.1)
    assert document["methods"][0]["miss_rate"] == result.rows[0].missed.value


def test_too_small_an_alpha_is_undetermined(digits_detector, images):
    good, bad = images
    result = evaluate_detector(digits_detector, good, bad, 0.001)
    assert result.undetermined
    assert result.rows[0].false_alarms.hits == 0
    assert result.rows[0].missed.value == 1
    assert result.rows[0].auroc > 0.9  # scores need no threshold


@pytest.mark.parametrize("side", [0, 1])
def test_both_kinds_are_needed(digits_detector, images, side):
    sets = list(images)
    sets[side] = sets[side].take([])
    good, bad = sets
    with pytest.raises(TooFewImages, match="at least one of each"):
        evaluate_detector(digits_detector, good, bad, 0.1)


def test_each_kind_is_judged_against_all_the_good_images(digits_detector, images, result):
    bad = digits_detector.detect(images[1], 0.1)
    assert [row.kind for row in result.kinds] == [str(digit) for digit in range(10) if digit != 3]
    for row in result.kinds:
        chosen = bad.labels == row.kind
        assert row.auroc == auroc(result.good.scores, bad.scores[chosen])
        assert (row.missed.hits, row.missed.count) == (np.sum(bad.p_values[chosen] > 0.1), chosen.sum())
    assert sum(row.missed.hits for row in result.kinds) == result.rows[0].missed.hits


def test_images_without_labels_are_of_no_kind(digits_detector, images):
    good, bad = (replace(each, labels=None) for each in images)
    result = evaluate_detector(digits_detector, good, bad, 0.1)
    assert (result.kinds, result.pixels, result.to_json()["kinds"]) == ((), None, [])


def test_judging_in_chunks_changes_nothing(digits_detector, images, result, monkeypatch):
    seen = []
    whole = type(digits_detector).detect

    def detect(self, images, *arguments, **options):
        seen.append(len(images))
        return whole(self, images, *arguments, **options)

    monkeypatch.setattr(type(digits_detector), "detect", detect)
    monkeypatch.setattr(evaluate, "chunk_for", lambda preprocess, pixels: 50)
    good, bad = images[0], replace(images[1], skipped=(Skipped("torn.png", "zero bytes"),))
    again = evaluate_detector(digits_detector, good, bad, 0.1)
    assert max(seen) == 50
    assert again.bad.skipped == bad.skipped
    for side in ("good", "bad"):
        before, after = getattr(result, side), getattr(again, side)
        assert before.ids.tolist() == after.ids.tolist()
        assert after.scores == pytest.approx(before.scores, abs=1e-4)
    assert [row.missed for row in again.rows] == [row.missed for row in result.rows]
    assert {item.name for item in fields(again.good) if getattr(again.good, item.name) is not None} == {
        item.name for item in fields(result.good) if getattr(result.good, item.name) is not None
    }


@pytest.fixture(scope="module")
def blotted(images) -> ImageSet:
    """Threes, each with a blot in a corner, and the masks of the blots."""
    pixels, masks = images[0].array.copy(), np.zeros((len(images[0]), 8, 8), bool)
    corner = np.arange(len(pixels)) % 2 == 0
    masks[corner, :3, :3] = masks[~corner, 5:, 5:] = True
    pixels[masks] = 255 - pixels[masks]
    return replace(images[0], pixels=pixels, masks=masks, labels=np.where(corner, "top", "bottom"))


def test_maps_are_measured_where_there_are_masks(digits_detector, images, blotted):
    result = evaluate_detector(digits_detector, images[0], blotted, 0.1)
    anomaly_map = [digits_detector.detect(each, 0.1, pictures=True).anomaly_maps for each in (images[0], blotted)]
    masks = [*np.zeros((len(images[0]), 8, 8)), *blotted.masks]
    assert result.pixels.auroc == pytest.approx(pixel_auroc(np.concatenate(anomaly_map), masks), abs=1e-6)
    assert result.pixels.aupro == pytest.approx(aupro(np.concatenate(anomaly_map), masks), abs=1e-6)
    assert result.pixels.auroc > 0.8
    assert (result.pixels.images, result.pixels.regions) == (len(blotted), len(blotted))
    assert result.to_table()[0]["aupro"] == result.to_json()["pixels"]["aupro"] == result.pixels.aupro
    assert result.to_table()[1]["aupro"] is None  # baselines have no anomaly map
    top = next(row for row in result.kinds if row.kind == "top")
    chosen = blotted.labels == "top"
    alone = [*anomaly_map[0], *anomaly_map[1][chosen]], [*np.zeros_like(anomaly_map[0]), *blotted.masks[chosen]]
    assert top.pixels.auroc == pytest.approx(pixel_auroc(*alone), abs=1e-6)
    assert top.pixels.images == chosen.sum()


def test_images_without_a_mask_are_left_out_of_the_pixels_alone(digits_detector, images, blotted):
    empty = blotted.masks.copy()
    empty[blotted.labels == "top"] = empty[1] = False
    result = evaluate_detector(digits_detector, images[0], replace(blotted, masks=empty), 0.1)
    assert {row.kind: row.pixels is None for row in result.kinds} == {"bottom": False, "top": True}
    assert len(result.without_mask) == 1 + np.sum(blotted.labels == "top")
    assert result.pixels.images + len(result.without_mask) == len(blotted) == result.rows[0].missed.count
    nothing = evaluate_detector(digits_detector, images[0], blotted, 0.1, lambda _: [Skipped("a", "none")] * len(blotted))
    assert nothing.pixels is None
    assert len(nothing.without_mask) == len(blotted)


def test_every_image_is_handed_over_with_its_pictures(digits_detector, images, result):
    handed: dict[bool, list[str]] = {False: [], True: []}

    def on_found(bad, chunk, found):
        assert chunk.ids.tolist() == found.ids.tolist()
        assert found.anomaly_maps.shape == (len(found), 8, 8)
        handed[bad] += found.ids.tolist()

    good, bad = images
    again = evaluate_detector(digits_detector, good, bad, 0.1, on_found=on_found)
    assert handed == {False: images[0].ids.tolist(), True: images[1].ids.tolist()}
    assert again.good.images is None
    assert again.rows[0].auroc == result.rows[0].auroc
