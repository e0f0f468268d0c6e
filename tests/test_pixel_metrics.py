"""Pixel AUROC and AUPRO agree with counting by hand, with a literal implementation and with scikit-learn."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label
from sklearn.metrics import roc_auc_score

from sablier.errors import ConfigError, ImagesError, TooFewImages
from sablier.metrics import MAP_BINS, PixelCounts, aupro, pixel_auroc

SQUARE = np.pad(np.ones((3, 3), bool), 4)  # one defect of 9 pixels in a picture of 121
NOTHING = np.zeros((11, 11), bool)


def literal_aupro(anomaly_maps, masks, limit):
    """Try every anomaly score as a threshold, and measure each region at each, as the definition says."""
    regions = []
    for index, mask in enumerate(masks):
        labelled, count = label(mask, np.ones((3, 3)))
        regions += [(index, labelled == number) for number in range(1, count + 1)]
    good = sum((~mask).sum() for mask in masks)
    points = [(0.0, 0.0)]
    for threshold in sorted({value for anomaly_map in anomaly_maps for value in anomaly_map.ravel().tolist()}, reverse=True):
        high = [anomaly_map >= threshold for anomaly_map in anomaly_maps]
        alarms = sum((each & ~mask).sum() for each, mask in zip(high, masks, strict=True)) / good
        points.append((alarms, np.mean([high[index][region].mean() for index, region in regions])))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        end = min(x1, limit)
        if x1 > x0 and x0 < limit:
            area += (end - x0) * (y0 + (y0 + (y1 - y0) * (end - x0) / (x1 - x0))) / 2
    return area / limit


@st.composite
def pictures(draw):
    """Draw a few small anomaly maps of few values, so that ties are common, and masks with a good and a bad pixel at least."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    sizes = draw(st.lists(st.tuples(st.integers(2, 6), st.integers(2, 6)), min_size=1, max_size=3))
    values = draw(st.integers(1, 8))
    anomaly_maps = [random.integers(-2, values, size).astype(float) for size in sizes]
    masks = [random.random(size) < draw(st.sampled_from([0.1, 0.4])) for size in sizes]
    masks[0][0, 0], masks[0][-1, -1] = True, False
    return anomaly_maps, masks


@settings(deadline=None, max_examples=50)
@given(pictures(), st.sampled_from([0.05, 0.3, 1.0]))
def test_aupro_is_what_its_definition_says(drawn, limit):
    anomaly_maps, masks = drawn
    assert aupro(anomaly_maps, masks, limit) == pytest.approx(literal_aupro(anomaly_maps, masks, limit), abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(pictures())
def test_pixel_auroc_is_scikit_learns(drawn):
    anomaly_maps, masks = drawn
    truth, scores = (np.concatenate([each.ravel() for each in part]) for part in (masks, anomaly_maps))
    assert pixel_auroc(anomaly_maps, masks) == pytest.approx(roc_auc_score(truth, scores))


def test_bins_cost_less_than_the_fourth_digit():
    random = np.random.default_rng(0)
    masks = [np.pad(np.ones((4, 4), bool), 6) for _ in range(4)]
    anomaly_maps = [random.lognormal(0, 0.5, mask.shape) + 0.6 * mask for mask in masks]
    truth, scores = np.ravel(masks), np.ravel(anomaly_maps)
    assert pixel_auroc(anomaly_maps, masks) == pytest.approx(roc_auc_score(truth, scores), abs=1e-4)
    assert aupro(anomaly_maps, masks) == pytest.approx(literal_aupro(anomaly_maps, masks, 0.3), abs=1e-4)


@pytest.mark.parametrize(("anomaly_map", "area", "overlap"), [(SQUARE, 1, 1), (~SQUARE, 0, 0), (NOTHING, 0.5, 0.15)])
def test_perfect_wrong_and_constant_maps(anomaly_map, area, overlap):
    anomaly_maps, masks = [anomaly_map.astype(np.float32), np.zeros((11, 11))], [SQUARE, NOTHING]
    if area == 0:
        anomaly_maps[1] += 1  # as high as the good pixels of the other image
    assert pixel_auroc(anomaly_maps, masks) == pytest.approx(area)
    assert aupro(anomaly_maps, masks) == pytest.approx(overlap)


def test_a_small_defect_counts_for_as_much_as_a_large_one():
    mask = np.zeros((40, 40), bool)
    mask[2:22, 2:22] = mask[30, 30] = True  # 400 pixels, and one
    found_large = mask.astype(float)
    found_large[30, 30] = -1
    assert pixel_auroc([found_large], [mask]) > 0.99
    assert aupro([found_large], [mask]) == pytest.approx(0.5)


def test_pixels_that_touch_at_a_corner_are_one_region():
    counts = PixelCounts.of([np.zeros((4, 4))], [np.eye(4)])
    assert (counts.regions, counts.images) == (1, 1)


def test_counts_of_several_sets_add_up_and_do_not_grow():
    random = np.random.default_rng(1)
    anomaly_maps, masks = random.normal(0, 1, (6, 11, 11)), [SQUARE, NOTHING] * 3
    total = PixelCounts.of(anomaly_maps[:2], masks[:2]) + PixelCounts.of(anomaly_maps[2:], masks[2:])
    whole = PixelCounts.of(anomaly_maps, masks)
    assert (total.auroc(), total.aupro(), total.images) == (whole.auroc(), pytest.approx(whole.aupro()), 3)
    assert len(total.normal) == len(total.overlap) == MAP_BINS


def test_a_zero_is_a_zero_and_signs_are_in_order():
    mask = np.array([[False, True]])
    assert pixel_auroc([np.array([[-0.0, 0.0]])], [mask]) == 0.5
    assert pixel_auroc([np.array([[-2.0, -1.0]])], [mask]) == 1
    assert pixel_auroc([np.array([[-1.0, np.inf]])], [mask]) == 1


@pytest.mark.parametrize("mask", [np.zeros((2, 2)), np.ones((2, 2))])
def test_both_kinds_of_pixels_are_needed(mask):
    for figure in (pixel_auroc, aupro):
        with pytest.raises(TooFewImages, match="good pixels with those of defects"):
            figure([np.zeros((2, 2))], [mask])


def test_what_cannot_be_compared_is_said():
    with pytest.raises(ImagesError, match=r"one height and width, got \(2, 2\) and \(3, 2\)"):
        pixel_auroc([np.zeros((2, 2))], [np.eye(3)[:, :2]])
    with pytest.raises(ImagesError, match="got NaN"):
        pixel_auroc([np.full((2, 2), np.nan)], [np.eye(2)])
    for limit in (0, 1.5, float("nan")):
        with pytest.raises(ConfigError, match="limit of AUPRO above 0 and at most 1"):
            aupro([np.eye(2)], [np.eye(2)], limit)
