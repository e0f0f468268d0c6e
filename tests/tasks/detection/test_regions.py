"""Regions of anomaly maps: boxes, areas and peaks in pixels of the original image."""

import numpy as np
import pytest

from sablier.errors import ConfigError
from sablier.tasks.detection.regions import Region, RegionRule

AREAS = {(2,): [2, 18], (2.5,): [18], (19,): [], (0.18, 0.1): [18], (0.19, 0.1): []}


@pytest.fixture
def anomaly_map():
    found = np.zeros((20, 30))
    found[2:5, 3:9] = 1.2  # 18 pixels
    found[3, 4] = 2.5
    found[10, 20] = 1.01  # one pixel
    found[11, 21] = 4.0  # touches it at a corner
    found[15, 0:3] = 1.0  # the level itself is not above it
    return found


def test_regions_are_measured_highest_peak_first(anomaly_map):
    assert RegionRule().found(anomaly_map, (20, 30), 1.0)[1] == [
        Region(left=20, top=10, width=2, height=2, area=2, peak=4.0),
        Region(left=3, top=2, width=6, height=3, area=18, peak=2.5),
    ]


@pytest.mark.parametrize(("mark_level", "areas"), [(0.99, [2, 18, 3]), (1.2, [1, 1]), (float("inf"), [])])
def test_regions_lie_above_the_mark_level(anomaly_map, mark_level, areas):
    mask, regions = RegionRule().found(anomaly_map, (20, 30), mark_level)
    assert [region.area for region in regions] == areas
    assert mask.sum() == sum(areas)


@pytest.mark.parametrize(("rule", "areas"), AREAS.items())
def test_small_regions_are_left_out_of_table_and_mask(anomaly_map, rule, areas):
    own = RegionRule(*rule)
    mask, regions = own.found(anomaly_map, (20, 30), 1.0)
    assert [region.area for region in regions] == areas
    assert mask.sum() == sum(areas)


def test_places_are_those_of_the_original_image():
    anomaly_map = np.zeros((32, 32))
    anomaly_map[8:16, 16:24] = 3.0
    # A photo of 40 x 80 was scaled to 16 x 32 and centred: 8 rows above and below.
    _, (region,) = RegionRule().found(anomaly_map, (40, 80), 1.0)
    assert region.left == pytest.approx(40, abs=2)
    assert region.top <= 1
    assert region.width == pytest.approx(20, abs=4)
    assert region.height == pytest.approx(20, abs=3)


def test_millimetres_stand_beside_pixels():
    rule = RegionRule(mm_per_pixel=0.5)
    row = rule.row(Region(1, 2, 10, 4, 30, 1.5))
    assert list(row) == rule.columns()
    assert (row["width_mm"], row["height_mm"], row["area_mm2"]) == (5.0, 2.0, 7.5)
    assert list(RegionRule().row(Region(1, 2, 10, 4, 30, 1.5))) == RegionRule().columns()


@pytest.mark.parametrize("wrong", [{"min_area": -1}, {"min_area": float("nan")}, {"mm_per_pixel": 0}, {"mm_per_pixel": -0.1}])
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        RegionRule(**wrong)
