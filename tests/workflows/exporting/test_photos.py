"""`export` of detectors of photos and of folds: the graph contains the network, its tiles, the folds and the mask."""

import numpy as np
import pytest
from PIL import Image

from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.exported_files import open_exported
from sablier.workflows.exporting.export import export
from sablier.workflows.training.train import train

pytest.importorskip("sablier_runtime", reason="sablier_runtime is not installed")
pytestmark = pytest.mark.slow

SIDES = 150, 90


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of good photos of stripes in colour, one of new ones, half of them with a spot, and a mask."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    wave = 120 + 40 * np.sin(np.arange(SIDES[1]) / 4)[None, :, None]
    for name, count in (("good", 24), ("new", 10)):
        (folder / name).mkdir()
        for index in range(count):
            pixels = wave + random.normal(0, 8, (*SIDES, 3)) + random.normal(0, 6)
            if name == "new" and index % 2:
                pixels[40:64, 20:44] = 220
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{index:02}.png")
    mask = np.zeros(SIDES, np.uint8)
    mask[:30] = 255
    Image.fromarray(mask).save(folder / "ignore.png")
    return folder


def same_answers(model, exported, folder, alphas=(0.05, 0.1, 0.3)):
    """Compare a model and an exported file on a folder, and return both."""
    ours, theirs = Detector.from_file(ModelFile.load(model)), open_exported(exported, threads=1)
    images = read_images(folder)
    spread = float(np.concatenate(ours.calibration.folds).std())
    for alpha in alphas:
        one, other = ours.detect(images, alpha, pictures=True), theirs.detect(images, alpha, pictures=True)
        assert other.verdicts.tolist() == one.verdicts.tolist()
        assert other.promise == one.promise
    np.testing.assert_allclose(other.scores, one.scores, atol=1e-4 * spread)
    np.testing.assert_array_equal(other.p_values, one.p_values)
    np.testing.assert_allclose(other.anomaly_maps, one.anomaly_maps, atol=1e-3)
    assert set(one.verdicts) == {"anomaly", "normal"}
    return ours, theirs


def test_folds_of_every_member_of_small_images(digits_file, digit_folder, tmp_path):
    result = export(digits_file, tmp_path / "part.onnx")
    ours, theirs = same_answers(digits_file, tmp_path / "part.onnx", digit_folder)
    assert theirs.scorer_count == len(theirs.calibration.folds) == 2
    assert theirs.member_kinds == ours.member_kinds == ("restoration", "transformations", "closed-form")
    assert [each.what for each in result.parity.differences if "member" in each.what] == [
        f"contributions of the member {kind}" for kind in theirs.member_kinds
    ]
    assert theirs.network_facts() == ours.network_facts()


def test_photos_of_a_folder_that_are_scaled(photos, tmp_path):
    settings = ["photo_members=features", "folds=2", "contamination_filter=no", "size=96"]
    model = tmp_path / "part.sablier"
    train(photos / "good", model, make_recipe("detector", "tiny", settings))
    result = export(model, tmp_path / "part.onnx", images=photos / "new")
    assert result.parity.images == 10
    ours, theirs = same_answers(model, tmp_path / "part.onnx", photos / "new")
    assert (theirs.preprocess.height, theirs.preprocess.resize) == (96, "fit")
    dense = read_images(photos / "new").dense(ours.preprocess)
    assert np.abs(ours.appearance(dense) - theirs.appearance(dense)).mean() < 0.01


def test_tiles_and_ignored_pixels(photos, tmp_path):
    settings = ["photo_members=features", "folds=2", "contamination_filter=no", "tiles=64"]
    model = tmp_path / "part.sablier"
    train(photos / "good", model, make_recipe("detector", "tiny", settings), ignore=photos / "ignore.png")
    export(model, tmp_path / "part.onnx")
    ours, theirs = same_answers(model, tmp_path / "part.onnx", photos / "new")
    assert (theirs.preprocess.height, theirs.preprocess.width) == SIDES
    images = read_images(photos / "new")
    maps = theirs.detect(images, pictures=True).anomaly_maps
    assert np.all(maps[:, :30] == 0)
    assert maps[:, 31:].max() > 1
    pixels = images.dense(ours.preprocess).array
    painted = pixels.copy()
    painted[:, :30] = 255  # set straight into the graph, which leaves it out
    alpha = {"alpha": np.array([0.05])}
    plain, other = (theirs.graph.run(["score", "map"], {"pixels": each, **alpha}) for each in (pixels, painted))
    np.testing.assert_array_equal(plain["score"], other["score"])
    np.testing.assert_array_equal(plain["map"], other["map"])
