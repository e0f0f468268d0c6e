"""A stream of detections: what is kept of it is what a whole set would give, and it does not grow."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sablier.calibration import UNDETERMINED
from sablier.errors import ConfigError
from sablier.images import ImageSet, read_images
from sablier.images.imageset import Skipped
from sablier.tasks.detection.summary import DetectionSummary, Summarizer
from sablier.tasks.streaming import kept


@pytest.fixture(scope="module")
def tests() -> ImageSet:
    return read_images("digits:test")


def streamed(detector, images, chunk, alpha=0.05, **options) -> tuple[DetectionSummary, list[Any]]:
    summarizer = Summarizer(detector, alpha, **options)
    results = [summarizer.judge(part) for part in images.chunks(chunk)]
    return summarizer.summary(), results


@pytest.mark.parametrize("chunk", [1, 7, 360])
def test_the_worst_of_a_stream_are_those_of_the_whole(digits_detector, tests, chunk):
    tests = tests.take(range(0, 360, 3))
    summary, results = streamed(digits_detector, tests, chunk, worst=20)
    scores = np.concatenate([result.scores for result in results])
    expected = tests.ids[np.argsort(-scores, kind="stable")[:20]]
    assert summary.worst.ids.tolist() == expected.tolist()
    assert np.all(np.diff(summary.worst.scores) <= 1e-4)
    assert summary.worst.anomaly_maps.shape == (20, 8, 8)


def test_equal_scores_keep_the_order_of_the_stream(tests):
    worst = None
    for chunk in tests.take(range(30)).chunks(7):
        worst = kept(worst, chunk, np.zeros(len(chunk)), 4)
    assert worst.images.ids.tolist() == tests.ids[:4].tolist()


def test_of_equal_first_priorities_the_second_decides(tests):
    first, second = np.array([0, 1, 1, 0, 1, 2]), np.array([5, 2, 3, 9, 1, 0])
    found = None
    for places in (range(3), range(3, 6)):
        found = kept(found, tests.take(places), np.stack([first, second], axis=1)[places], 4)
    assert found.images.ids.tolist() == tests.ids[[5, 2, 1, 4]].tolist()
    assert found.priorities.tolist() == [[2, 0], [1, 3], [1, 2], [1, 1]]


@pytest.mark.parametrize("chunk", [16, 360])
def test_counts_are_those_of_the_whole(digits_detector, tests, chunk):
    summary, results = streamed(digits_detector, tests, chunk)
    assert summary.count == summary.histogram.sum() == 360
    assert summary.flagged == sum(result.flagged for result in results)
    for name in ("pca", "knn"):
        assert summary.baseline_flagged[name] == sum(np.sum(result.baseline_p_values[name] <= 0.05) for result in results)
    assert len(summary.edges) == len(summary.histogram) + 1
    assert not summary.undetermined


def test_scores_beyond_the_histogram_are_in_its_outer_bins(digits_detector, tests):
    summarizer = Summarizer(digits_detector, 0.05)
    summarizer.edges = np.linspace(0.0, 1.0, 61)
    scores = summarizer.judge(tests).scores
    assert summarizer.histogram[0] == np.sum(scores < 1 / 60)
    assert summarizer.histogram[-1] == np.sum(scores >= 59 / 60)
    assert summarizer.histogram.sum() == len(tests)


class Remembering:
    """A detector that judges the same chunk once."""

    def __init__(self, detector) -> None:
        self.detector = detector
        self.known: dict[Any, Any] = {}

    def __getattr__(self, name):
        return getattr(self.detector, name)

    def detect(self, images, alpha, *, pictures=False, reject_alpha=None, confidence=None):
        key = (*images.ids, alpha)
        if pictures or key not in self.known:
            self.known[key] = self.detector.detect(images, alpha, pictures=pictures, confidence=confidence)
        return self.known[key]


def test_the_typical_are_drawn_evenly(digits_detector, tests):
    positions = []
    detector = Remembering(digits_detector)
    for seed in range(30):
        summary, _ = streamed(detector, tests, 40, worst=1, typical=12, seed=seed)
        assert len(summary.typical) == 12
        assert len(set(summary.typical.ids)) == 12
        positions += [int(name.split("/")[1]) for name in summary.typical.ids]
    assert np.mean(positions) == pytest.approx(180, abs=25)


def test_fewer_images_than_are_kept(digits_detector, tests):
    summary, _ = streamed(digits_detector, tests.take(range(3)), 2)
    assert len(summary.worst) == len(summary.typical) == 3


def test_what_is_kept_does_not_grow_with_the_stream(digits_detector, tests):
    def kept(repeats: int) -> int:
        summarizer = Summarizer(digits_detector, 0.05, worst=10, typical=5)
        for chunk in list(tests.chunks(60)) * repeats:
            summarizer.judge(replace(chunk, skipped=tuple(Skipped(f"{i}.png", "broken") for i in range(400))))
        assert summarizer.skipped_count == 6 * repeats * 400
        assert len(summarizer.skipped) == 1000
        images = (summarizer.worst.images, summarizer.typical.images)
        assert [len(each) for each in images] == [10, 5]
        assert all(not each.skipped for each in images)
        # An array that is a view would keep the whole chunk alive.
        return sum((each.array.base.nbytes if each.array.base is not None else each.array.nbytes) for each in images)

    assert kept(1) == kept(3) == 15 * 64


def test_an_empty_chunk_is_no_trouble(digits_detector, tests):
    summarizer = Summarizer(digits_detector, 0.05)
    summarizer.judge(tests.take([]))
    summarizer.judge(tests.take([1]))
    summarizer.judge(tests.take([]))
    assert summarizer.summary().count == 1


def test_too_small_an_alpha_is_undetermined(digits_detector, tests):
    summary, _ = streamed(digits_detector, tests, 100, alpha=0.001)
    assert summary.undetermined
    assert summary.flagged == 0
    assert summary.baseline_flagged == {"pca": 0, "knn": 0}
    assert summary.to_json()["threshold"] is None


def test_a_bad_alpha_is_refused_before_any_image(digits_detector):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Summarizer(digits_detector, 1.5)


def test_the_json_holds_the_numbers(digits_detector, tests):
    skipped = (Skipped("a.png", "broken"),)
    document = streamed(digits_detector, replace(tests, skipped=skipped), 360)[0].to_json()
    assert (document["images"], document["skipped_count"]) == (360, 1)
    assert document["skipped"] == [{"id": "a.png", "reason": "broken"}]
    assert document["threshold"] == pytest.approx(digits_detector.calibration.threshold(0.05))


@pytest.mark.parametrize("chunk", [7, 360])
def test_a_batch_in_chunks_is_judged_as_a_whole(digits_detector, tests, chunk):
    whole = digits_detector.detect(tests, fdr=0.2)
    summary, results = streamed(digits_detector, tests, chunk, fdr=0.2)
    p_values = np.concatenate([result.p_values for result in results])
    assert [summary.verdict(p) for p in p_values] == whole.verdicts.tolist()
    assert (summary.flagged, summary.alpha, summary.fdr, summary.promise) == (whole.flagged, whole.alpha, 0.2, whole.promise)
    assert {verdict for result in results for verdict in result.verdicts} == {UNDETERMINED}  # before the end nobody knows
    known = dict(zip(whole.ids, whole.verdicts, strict=True))
    assert [known[name] for name in summary.worst.ids] == summary.worst.verdicts.tolist()
    assert summary.threshold == pytest.approx(digits_detector.calibration.threshold(whole.alpha))


def test_a_batch_in_which_nothing_stands_out_flags_nothing(digits_detector, tests):
    summary, _ = streamed(digits_detector, tests.where(label="3"), 10, fdr=0.01)
    assert (summary.flagged, summary.alpha, summary.threshold) == (0, 0.0, np.inf)
    assert summary.to_json()["threshold"] is None


def test_p_values_are_counted_and_watched(digits_detector, tests):
    summary, results = streamed(digits_detector, tests, 100)
    p_values = np.concatenate([result.p_values for result in results])
    assert summary.p_value_counts.sum() == 360
    assert summary.p_value_counts[-4:].sum() == np.sum(p_values >= 0.8)
    assert summary.drift.alarmed  # nine in ten are no threes
    assert summary.to_json()["drift"]["words"] == f"{summary.drift.words()} {summary.shift.words()}"


def test_a_bad_false_discovery_rate_is_refused_before_any_image(digits_detector):
    with pytest.raises(ConfigError, match="false-discovery rate fdr between 0 and 1"):
        Summarizer(digits_detector, 0.05, fdr=0)
