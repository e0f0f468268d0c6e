"""Photos judged at full resolution, computed in tiles."""

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.training.train import train

SIDES = (200, 330)  # height and width; tier tiny scales to 256 pixels


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return a folder of good photos, and one of photos with a defect of three pixels."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("photos")
    ground = 120 + 20 * np.sin(np.arange(SIDES[0]) / 9)[:, None] + 10 * np.cos(np.arange(SIDES[1]) / 7)
    for name, count in (("good", 12), ("bad", 2)):
        (folder / name).mkdir()
        for index in range(count):
            photo = ground + rng.normal(0, 4, SIDES)
            if name == "bad":
                photo[100:103, 255:258] = 255  # beside the edge of a tile of 64
            Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(folder / name / f"{index}.png")
    return folder


def trained(photos, name, *settings):
    recipe = make_recipe("detector", "tiny", ["folds=3", *settings])
    return train(photos / "good", photos / f"{name}.sablier", recipe)


@pytest.fixture(scope="module")
def files(photos):
    settings = {"tiles": "tiles=64", "larger": "tiles=200", "whole": "size=330", "scaled": "size=256"}
    return {name: trained(photos, name, setting) for name, setting in settings.items()}


def found(file, photos):
    return Detector.from_file(file).detect(read_images(photos / "bad"), pictures=True)


def test_photos_keep_their_size(files):
    assert (files["tiles"].preprocess.height, files["tiles"].preprocess.width) == SIDES
    assert files["scaled"].preprocess.width == 256


def test_scores_and_maps_do_not_depend_on_the_tiles_and_maps_have_no_seams(files, photos):
    right = found(files["whole"], photos)
    for name in ("tiles", "larger"):
        result = found(files[name], photos)
        np.testing.assert_allclose(result.scores, right.scores, rtol=1e-4)
        np.testing.assert_allclose(result.anomaly_maps, right.anomaly_maps, rtol=1e-3, atol=1e-3)


def test_a_defect_at_the_edge_of_a_tile_is_the_highest_place(files, photos):
    for anomaly_map in found(files["tiles"], photos).anomaly_maps:
        row, column = np.unravel_index(anomaly_map.argmax(), SIDES)
        assert abs(row - 101) <= 12
        assert abs(column - 256) <= 12


def test_the_model_file_remembers_its_tiles(files, photos):
    again = ModelFile.load(photos / "tiles.sablier")
    assert again.parts["shared/features/backbone"].config["tile"] == 64
    assert again.provenance.recipe["tiles"] == 64
    np.testing.assert_array_equal(found(again, photos).scores, found(files["tiles"], photos).scores)


def test_tiles_larger_than_the_photos_are_refused(photos):
    with pytest.raises(ImagesError, match="at least 201 pixels a side for tiles of that size, got 200 x 330"):
        trained(photos, "none", "tiles=201")
    assert not (photos / "none.sablier").exists()


def test_small_images_have_no_tiles(tmp_path):
    with pytest.raises(ImagesError, match="at least 64 pixels a side for tiles of that size, got 8 x 8"):
        train("digits[label=3]", tmp_path / "threes.sablier", make_recipe("detector", "tiny", ["tiles=64"]))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["tiles=32"], "expected tiles of 64 to 4096 pixels a side, got 32"),
        (["tiles=5000"], "expected tiles from 0 to 4096, got 5000"),
        (["tiles=64", "photo_members=patches,features"], "features, got patches"),
    ],
)
def test_impossible_tiles_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        make_recipe("detector", "tiny", settings)
