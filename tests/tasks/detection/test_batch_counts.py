"""What a stream counts for the bounds: one image of each group, whatever the chunks."""

from dataclasses import replace

import numpy as np
import pytest

from sablier.calibration import Calibration
from sablier.errors import ConfigError
from sablier.images.imageset import ImageSet
from sablier.tasks.detection import batch_counts
from sablier.tasks.detection.batch_counts import BatchCounts, BoundOptions
from sablier.tasks.known_images import Recognized

CALIBRATION = Calibration((np.arange(100.0),))


def counted(digits_detector, options, scores, names, chunk, repeats=None, calibration=CALIBRATION):
    """Count images of these scores and names."""
    images = ImageSet(np.zeros((len(scores), 8, 8), np.uint8), ids=np.array(names))
    repeats = np.array([""] * len(scores) if repeats is None else repeats)
    result = digits_detector.detect(images)
    result = replace(result, scores=np.asarray(scores, float), recognized=Recognized(np.full(len(scores), ""), repeats))
    counts = BatchCounts(calibration, options)
    for start in range(0, len(scores), chunk):
        part = np.arange(start, min(start + chunk, len(scores)))
        counts.update(images.take(part), result.take(part))
    return counts


def first_letter(images):
    return np.array([name[0] for name in images.ids.tolist()])


@pytest.mark.parametrize("chunk", [1, 4, 9])
def test_the_first_image_of_each_group_counts(digits_detector, chunk):
    names, scores = ["a1", "b1", "a2", "c1", "b2", "a3"], [200, 50, 200, 200, 200, 200]
    bound = counted(digits_detector, BoundOptions(group_of=first_letter), scores, names, chunk).bound(0.05)
    assert bound.at(0.05)[0] == 2
    assert bound.at(1.0)[0] == 3
    assert bound.counted == "groups"


def test_repeats_count_once_and_images_alone_are_images(digits_detector):
    names, scores = ["a", "b", "c"], [200, 200, 200]
    once = counted(digits_detector, BoundOptions(), scores, names, 2, repeats=["", "a", "a"]).bound(0.05)
    assert (once.at(0.05)[0], once.counted) == (1, "groups")
    each = counted(digits_detector, BoundOptions(), scores, names, 2).bound(0.05)
    assert (each.at(0.05)[0], each.counted) == (3, "images")


@pytest.mark.parametrize("chunk", [5, 200])
def test_a_lot_with_many_anomalies_has_bad_images_for_certain(digits_detector, chunk):
    scores = [*np.linspace(0, 97, 50), *np.linspace(0, 97, 35), *([200] * 15)]
    names = [f"{'a' if place < 50 else 'b'}{place}" for place in range(100)]
    lots = counted(digits_detector, BoundOptions(lot_of=first_letter), scores, names, chunk).lots(0.05)
    good, bad = lots.rows
    assert (good.lot, good.images, good.bad_at_least) == ("a", 50, 0)
    assert (bad.lot, bad.images, bad.independent) == ("b", 50, 50)
    assert 8 <= bad.bad_at_least <= 15
    assert bad.flagged >= 15
    assert lots.worst_first()[0] is bad
    assert "1 of 2 lots has bad images, with 95% confidence for each lot" in lots.words()
    assert lots.lines() == [f"b: at least {bad.bad_at_least} of 50 images are bad"]
    together = counted(digits_detector, BoundOptions(lot_of=first_letter, simultaneous=True), scores, names, chunk).lots(0.05)
    assert together.rows[1].bad_at_least <= bad.bad_at_least
    assert "for all lots at once" in together.words()


def test_one_lot_for_all_images_is_named(digits_detector):
    lots = counted(digits_detector, BoundOptions(lot_of=first_letter), [1, 2], ["a1", "a2"], 2).lots(0.05)
    assert "The rule gives one lot, a, for all images." in lots.words()


def test_too_many_lots_are_refused(digits_detector, monkeypatch):
    monkeypatch.setattr(batch_counts, "MOST_LOTS", 3)
    with pytest.raises(ConfigError, match="at most 3 lots"):
        counted(digits_detector, BoundOptions(lot_of=first_letter), [1, 2, 3, 4], ["a", "b", "c", "d"], 1)


def test_lots_need_a_calibration_that_bounds_them(digits_detector):
    with pytest.raises(ConfigError, match="cross-conformal"):
        BatchCounts(Calibration((np.arange(30.0), np.arange(30.0))), BoundOptions(lot_of=first_letter))


def test_a_confidence_outside_0_and_1_is_refused():
    with pytest.raises(ConfigError, match="confidence"):
        BoundOptions(lot_confidence=1.5)
