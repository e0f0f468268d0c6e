"""`sablier_runtime.load`: every source of images, and the same verdicts as the scores have by themselves."""

from typing import Any

import numpy as np
import pytest
from brightness import Brightness, batch
from PIL import Image

import sablier
import sablier_runtime
from sablier_runtime import ConfigError, ImagesError


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return Brightness().write(tmp_path_factory.mktemp("exported") / "part.onnx")


@pytest.fixture(scope="module")
def detector(path):
    return sablier_runtime.load(path, threads=1)


def test_the_verdicts_are_those_of_the_scores(detector):
    images = batch()
    expected = Brightness().detect(images, 0.05, pictures=True)
    found = detector.detect(images.array, 0.05, pictures=True)
    assert found.to_table() == expected.to_table()
    assert found.verdicts.tolist() == ["normal"] * 20 + ["anomaly"] * 5
    np.testing.assert_array_equal(found.anomaly_maps, expected.anomaly_maps)
    np.testing.assert_array_equal(found.images, expected.images)
    assert found.reconstructions is None
    assert found.promise == expected.promise
    assert detector.detect(images.array).anomaly_maps is None


def test_p_values_are_counted_as_the_graph_counts_them(detector, path):
    import onnxruntime

    images = batch()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = ["score", "p_value", "flagged"]
    scores, p_values, flagged = session.run(names, {"pixels": images.array, "alpha": np.array([0.02])})
    found = detector.detect(images.array, 0.02)
    np.testing.assert_allclose(found.scores, scores, rtol=1e-12)
    np.testing.assert_allclose(found.p_values, p_values, rtol=1e-12)
    np.testing.assert_array_equal(found.verdicts == "anomaly", flagged)


def test_one_scorer_is_calibrated_by_one_set_of_images(tmp_path):
    judge = Brightness(slopes=np.array([10.0]), offsets=np.array([-3.0]))
    detector = sablier_runtime.load(judge.write(tmp_path / "one.onnx"))
    assert detector.detect(batch().array).to_table() == judge.detect(batch()).to_table()
    assert "on average over calibrations" in detector.promise(0.05)
    ours, theirs = judge.detect(batch(), 0.1, pictures=True), detector.detect(batch().array, 0.1, pictures=True)
    assert ours.anomaly_maps is not None
    assert theirs.anomaly_maps is not None
    assert (theirs.mark_level, theirs.mark_promise) == (ours.mark_level, ours.mark_promise)
    assert theirs.mark_promise.startswith("A good image like those it was calibrated on shows any mark")
    assert np.array_equal(theirs.anomaly_maps > theirs.mark_level, ours.anomaly_maps > ours.mark_level)


def test_a_false_discovery_rate_and_a_triage(detector):
    images = batch(40, 8)
    several: list[dict[str, Any]] = [{"fdr": 0.1}, {"alpha": 0.1, "reject_alpha": 0.01}]
    for options in several:
        found, expected = detector.detect(images.array, **options), Brightness().detect(images, **options)
        assert found.to_table() == expected.to_table()
        assert found.flagged >= 8
    assert set(found.verdicts) <= {"reject", "review", "pass"}
    with pytest.raises(ConfigError, match="below that of review"):
        detector.detect(images.array, 0.05, reject_alpha=0.1)


def test_files_folders_lists_arrays_and_pillow_images_are_one(detector, tmp_path):
    pixels = batch(5, 2).array
    places = [tmp_path / "new" / f"{index}.png" for index in range(len(pixels))]
    places[0].parent.mkdir()
    pictures = [Image.fromarray(image[..., 0]) for image in pixels]
    for place, picture in zip(places, pictures, strict=True):
        picture.save(place)
    expected = detector.detect(pixels)
    for source in (pixels[..., 0], list(pixels), tmp_path / "new", str(tmp_path / "new"), places, pictures):
        np.testing.assert_array_equal(detector.detect(source).p_values, expected.p_values)
    assert detector.detect(tmp_path / "new").ids.tolist() == [place.name for place in places]
    assert detector.detect(places[3:5]).ids.tolist() == [str(place) for place in places[3:5]]
    assert detector.detect(places[3]).p_values == expected.p_values[3]
    assert detector.detect(pictures[3]).p_values == expected.p_values[3]


def test_a_pillow_image_becomes_pixels_as_its_file_does(detector, tmp_path):
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    grey = Image.fromarray(pixels)
    for picture in (grey.convert("P"), grey.convert("RGB"), grey.convert("LA"), grey.convert("RGBA")):
        assert detector.detect(picture).scores == pytest.approx(detector.detect(grey).scores, abs=1e-9)
    turned = Image.fromarray(np.repeat(pixels[:4], 2, axis=0).T.copy())
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        one = detector.detect(opened, pictures=True)
    np.testing.assert_array_equal(one.images, detector.detect(tmp_path / "turned.png", pictures=True).images)


def test_an_unreadable_file_is_skipped(detector, tmp_path):
    Image.fromarray(batch().array[0, ..., 0]).save(tmp_path / "good.png")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG")
    for source in (tmp_path, [tmp_path / "good.png", tmp_path / "torn.png"]):
        found = detector.detect(source)
        assert len(found) == 1
        assert len(found.skipped) == 1
        assert found.skipped[0].id.endswith("torn.png")


def test_what_the_model_does_not_take_is_refused(detector, tmp_path):
    with pytest.raises(ImagesError, match="expected images of 8 x 8, as the model was trained on, got 9 x 8"):
        detector.detect(np.zeros((2, 9, 8), np.uint8))
    with pytest.raises(ImagesError, match="expected 1 or 3 channels, got 4"):
        detector.detect(np.zeros((2, 8, 8, 4), np.uint8))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImagesError, match=r"The folder is empty\."):
        detector.detect(tmp_path / "empty")
    with pytest.raises(ImagesError, match="no such file or folder"):
        detector.detect(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="alpha between 0 and 1"):
        detector.detect(batch().array, 1.5)


def test_colour_becomes_grey_for_a_grey_model(detector):
    pixels = batch(3, 1).array
    np.testing.assert_array_equal(detector.detect(np.repeat(pixels, 3, axis=3)).scores, detector.detect(pixels).scores)


def test_many_images_are_computed_in_batches(detector):
    images = batch(3500, 3)
    assert detector.detect(images.array).to_table() == Brightness().detect(images).to_table()


def test_photos_are_scaled_as_sablier_scales_them(tmp_path):
    judge = Brightness(rule=sablier.Preprocess(height=16, width=16, channels=1, resize="fit"))
    detector = sablier_runtime.load(judge.write(tmp_path / "photos.onnx"))
    photos = np.random.default_rng(3).integers(0, 255, (4, 40, 64, 3)).astype(np.uint8)
    expected = judge.detect(sablier.ImageSet(photos), pictures=True)
    found = detector.detect(photos, pictures=True)
    assert found.to_table() == expected.to_table()
    np.testing.assert_array_equal(found.images, expected.images)


def test_a_lack_of_memory_is_no_fault_of_the_file(path, monkeypatch):
    class Session:
        def run(self, *_):
            raise Exception("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 99")

    detector = sablier_runtime.load(path)
    monkeypatch.setattr(detector.graph, "_session", Session())
    with pytest.raises(MemoryError, match="requested buffer of size 99"):
        detector.detect(batch().array)


def test_the_number_of_threads_is_checked(path):
    with pytest.raises(ConfigError, match="expected at least 1 thread, got 0"):
        sablier_runtime.load(path, threads=0)


def test_sablier_opens_the_same_file(path, detector):
    from sablier.tasks.detection.exported_detector import ExportedDetector
    from sablier.workflows.exported_files import open_exported

    opened = open_exported(path)
    assert type(opened) is ExportedDetector
    assert opened.detect(batch()).to_table() == detector.detect(batch().array).to_table()
    assert opened.appearance(batch()) is None
