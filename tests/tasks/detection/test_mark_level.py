"""The level of maps above which a pixel is marked: few good images exceed it anywhere, whatever alpha, groups and masks."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from brightness import Brightness

from sablier.calibration import Calibration, simultaneous_band
from sablier.errors import ModelFileError
from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.regions import RegionRule
from sablier.workflows.calibrate import calibrate
from sablier.workflows.detect import detect


@dataclass(frozen=True)
class Calibrated(Brightness):
    """A judge with other map maxima."""

    maxima: Calibration | None = None

    @property
    def map_calibration(self) -> Calibration | None:  # type: ignore[override]
        return self.maxima


@pytest.fixture(scope="module")
def fresh() -> ImageSet:
    return read_images("digits:test[label=3]")


@pytest.fixture(scope="module")
def split(digits_detector, fresh) -> Detector:
    """The detector, calibrated on one set of fresh images."""
    return Detector.calibrated(digits_detector.scorers, (fresh.dense(digits_detector.preprocess),))


def marked(detector: Detector, images: ImageSet, alpha: float) -> int:
    """Return how many images have a white pixel in their mask."""
    found = detector.detect(images, alpha, pictures=True)
    pairs = zip(found.anomaly_maps, found.sizes.tolist(), strict=True)
    return sum(int(RegionRule().found(each, tuple(size), found.mark_level)[0].any()) for each, size in pairs)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_as_many_calibration_images_are_marked_as_the_finite_sample_correction_allows(split, fresh, alpha):
    # The level is the k-th largest maximum with k = floor((n + 1) alpha): k - 1 images exceed it.
    assert marked(split, fresh, alpha) == int(alpha * (len(fresh) + 1) + 1e-9) - 1


def test_the_unit_of_maps_is_the_mark_level_at_5_percent(split):
    assert split.mark_level(0.05) == 1
    assert split.mark_level(0.3) < split.mark_level(0.1) < 1


@pytest.mark.parametrize(("count", "alpha"), [(19, 0.05), (50, 0.1), (99, 0.02)])
def test_good_images_are_marked_with_probability_alpha_on_average_over_calibrations(count, alpha):
    random, runs = np.random.default_rng(0), 3000
    # The largest of 40 pixels, of which neighbours are alike, of calibration images and of one new image.
    pixels = random.normal(size=(runs, count + 1, 40)).cumsum(axis=2)
    peaks = np.exp(pixels.max(axis=2) / 10).astype(np.float32)
    levels = np.array([Calibrated(maxima=Calibration((row[:-1],))).mark_level(alpha) for row in peaks])
    exceeded = int(np.sum(peaks[:, -1] / np.float32(0.5) > levels))  # 0.5 is the unit
    spread = 3.3 * (runs * alpha * (1 - alpha)) ** 0.5
    expected = runs * int(alpha * (count + 1) + 1e-9) / (count + 1)
    assert abs(exceeded - expected) < spread
    # Without the correction, the plain quantile breaks the promise where few calibrate.
    plain = int(np.sum(peaks[:, -1] > np.quantile(peaks[:, :-1], 1 - alpha, axis=1)))
    assert plain > exceeded
    assert plain > runs * alpha + spread or count > 19


def test_a_group_counts_once():
    random, runs, alpha = np.random.default_rng(1), 2000, 0.1
    # 39 groups of up to 6 images that are nearly equal, and one image of a new group.
    sizes = 1 + np.arange(39) % 6
    exceeded = {"groups": 0, "images": 0}
    for _ in range(runs):
        peaks = np.exp(random.normal(size=40))
        rows = np.repeat(peaks[:39], sizes) * np.exp(random.normal(0, 0.01, sizes.sum()))
        for name, given in (("groups", (np.repeat(sizes, sizes),)), ("images", None)):
            level = Calibrated(maxima=Calibration((rows.astype(np.float32),), given)).mark_level(alpha)
            exceeded[name] += int(np.float32(peaks[39]) / np.float32(0.5) > level)
    assert exceeded["groups"] <= runs * alpha + 3.3 * (runs * alpha * (1 - alpha)) ** 0.5
    assert exceeded["images"] > exceeded["groups"]


def test_fresh_digits_are_marked_as_rarely_as_promised(digits_detector):
    good = read_images("digits:test[label=3]").dense(digits_detector.preprocess)
    halves = good.take(np.arange(0, len(good), 2)), good.take(np.arange(1, len(good), 2))
    for calibrating, others in (halves, halves[::-1]):
        renewed = Detector.calibrated(digits_detector.scorers, (calibrating,))
        low, high = simultaneous_band(0.1, len(calibrating), len(others), 2)
        assert low <= marked(renewed, others, 0.1) <= high


def test_maps_of_unknown_maxima_or_too_few_have_level_1_and_no_promise(digits_detector):
    assert digits_detector.detect(read_images("digits:test").take([0])).mark_promise.startswith("No promise for marks: cross")
    for maxima in (None, Calibration((np.empty(0),)), Calibration((np.arange(18.0),))):
        assert Calibrated(maxima=maxima).mark_level(0.05) == 1


def test_the_maxima_are_kept_and_renewed(split, digits_file, fresh, tmp_path):
    file = ModelFile.load(digits_file)
    replace(file, parts={**file.parts, **split.parts()}).save(tmp_path / "split.sablier")
    again = Detector.from_file(ModelFile.load(tmp_path / "split.sablier"))
    assert [again.mark_level(alpha) for alpha in (0.05, 0.2)] == [split.mark_level(alpha) for alpha in (0.05, 0.2)]
    renewed = Detector.from_file(calibrate(digits_file, "digits:test[label=3]", tmp_path / "renewed.sablier"))
    assert np.array_equal(renewed.map_calibration.folds[0], split.map_calibration.folds[0])
    assert renewed.detect(fresh).mark_promise.startswith("A good image like those")


def test_a_file_of_an_earlier_version_loads_without_a_promise(digits_file, tmp_path):
    old = without_maxima(digits_file, tmp_path / "old.sablier")
    found = Detector.from_file(ModelFile.load(old)).detect(read_images("digits:test").take([0]))
    assert found.mark_level == 1
    assert "Train or calibrate again" in found.mark_promise
    assert Detector.from_file(calibrate(old, "digits:test[label=3]", old)).map_calibration.count == 28


def without_maxima(path, target):
    file = ModelFile.load(path)
    part = file.parts["calibration"]
    tensors = {name: value for name, value in part.tensors.items() if not name.startswith("map/")}
    replace(file, parts={**file.parts, "calibration": replace(part, tensors=tensors)}).save(target)
    return target


@pytest.mark.parametrize("change", [lambda maxima: maxima[:-1], lambda maxima: np.append(maxima, 1.0)])
def test_maxima_of_other_images_are_refused(digits_file, change):
    file = ModelFile.load(digits_file)
    part = file.parts["calibration"]
    tensors = part.tensors | {"map/0": change(part.tensors["map/0"])}
    with pytest.raises(ModelFileError, match=r"expected map maxima of the .* that calibrate"):
        Detector.from_file(replace(file, parts={**file.parts, "calibration": replace(part, tensors=tensors)}))


def test_what_is_written_is_marked_at_the_alpha_of_the_run(digits_file, tmp_path):
    model = tmp_path / "m.sablier"
    calibrate(digits_file, "digits:test[label=3]", model)
    levels = []
    for alpha in (0.05, 0.2):
        summary = detect(model, "digits:test", tmp_path / str(alpha), alpha=alpha)
        kept = json.loads((tmp_path / str(alpha) / "regions.json").read_text())
        assert kept["mark_level"] == summary.mark_level == Detector.from_file(ModelFile.load(model)).mark_level(alpha)
        assert min(row["peak"] for row in kept["regions"]) > kept["mark_level"]
        page = (tmp_path / str(alpha) / "report.html").read_text()
        assert summary.mark_promise in page.replace("&#39;", "'")
        assert json.loads((tmp_path / str(alpha) / "detections.json").read_text())["mark_promise"] == summary.mark_promise
        levels.append(kept["mark_level"])
    assert levels[0] == 1 > levels[1]
