"""Masks of pixels that a detector leaves out: in training, score, calibration, map and regions."""

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError
from sablier.images import read_images
from sablier.images.ignored import read_ignored
from sablier.images.packed_mask import packed, unpacked
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.detect import detect
from sablier.workflows.training.train import train

SIDE = 80
PLACE = (slice(50, 70), slice(8, 40))  # rows and columns of what is ignored
RECIPE = ("detector", "tiny", ["folds=4"])


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return a folder of good photos, one of photos with a defect within `PLACE`, one outside it, and the masks."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("photos")
    ground = 120 + 20 * np.sin(np.arange(SIDE) / 6)[:, None] + 10 * np.cos(np.arange(SIDE) / 9)
    for name, count in (("good", 40), ("inside", 6), ("outside", 6)):
        (folder / name).mkdir()
        for index in range(count):
            photo = ground + rng.normal(0, 4, (SIDE, SIDE))
            if name != "good":
                top, left = (55, 15) if name == "inside" else (15, 50)
                photo[top : top + 10, left : left + 10] = 250
            Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(folder / name / f"{index}.png")
    mask = np.zeros((SIDE, SIDE), np.uint8)
    Image.fromarray(mask).save(folder / "nothing.png")
    mask[PLACE] = 255
    Image.fromarray(mask).save(folder / "ignore.png")
    Image.fromarray(255 - mask).save(folder / "roi.png")
    return folder


@pytest.fixture(scope="module")
def models(photos):
    """Return trained model files by name."""
    masks = {"plain": {}, "nothing": {"ignore": photos / "nothing.png"}, "ignore": {"ignore": photos / "ignore.png"}}
    masks["roi"] = {"roi": photos / "roi.png"}
    made = {}
    for name, mask in masks.items():
        made[name] = photos / f"{name}.sablier"
        train(photos / "good", made[name], make_recipe(*RECIPE), **mask)
    return made


def found(model, folder):
    detector = Detector.from_file(ModelFile.load(model))
    return detector.detect(read_images(folder), alpha=0.1, pictures=True)


def test_a_defect_under_the_mask_is_not_flagged_and_one_beside_it_is(photos, models):
    assert found(models["plain"], photos / "inside").flagged == 6
    assert found(models["ignore"], photos / "inside").flagged <= 1
    assert found(models["ignore"], photos / "outside").flagged == 6


def test_a_mask_over_nothing_changes_no_bit(photos, models):
    plain, nothing = (found(models[name], photos / "outside") for name in ("plain", "nothing"))
    assert np.array_equal(plain.scores, nothing.scores)
    assert np.array_equal(plain.anomaly_maps, nothing.anomaly_maps)


def test_what_is_under_the_mask_changes_no_bit_of_the_score(photos, models):
    detector = Detector.from_file(ModelFile.load(models["ignore"]))
    images = read_images(photos / "outside").dense(detector.preprocess)
    other = images.array.copy()
    other[:, PLACE[0], PLACE[1]] = 0
    again = type(images)(other, ids=images.ids)
    assert np.array_equal(detector.detect(images).scores, detector.detect(again).scores)


def test_the_map_is_zero_under_the_mask_and_the_regions_are_outside(photos, models, tmp_path):
    maps = found(models["ignore"], photos / "outside").anomaly_maps
    assert maps[:, PLACE[0], PLACE[1]].max() == 0
    assert maps.max() > 1
    detect(models["ignore"], photos / "inside", tmp_path, alpha=0.9)
    assert not np.asarray(Image.open(next((tmp_path / "masks").iterdir())))[PLACE].any()


def test_a_region_of_interest_is_the_same_the_other_way_round(photos, models):
    assert np.array_equal(*(found(models[name], photos / "outside").scores for name in ("ignore", "roi")))


def test_the_model_file_says_how_much_is_ignored(models):
    rule = ModelFile.load(models["ignore"]).preprocess
    assert rule.describe().endswith(", 10.0% of the pixels ignored")
    assert "ignored" not in ModelFile.load(models["plain"]).preprocess.describe()


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.full((SIDE, SIDE), 255, np.uint8), "expected a mask that leaves something to judge"),
        (np.eye(40, dtype=np.uint8) * 255, "a mask of 40 x 40 and images of 80 x 80"),
    ],
)
def test_masks_that_do_not_fit_are_refused_before_training(photos, tmp_path, mask, said):
    Image.fromarray(mask).save(tmp_path / "mask.png")
    with pytest.raises(ImagesError, match=said):
        train(photos / "good", tmp_path / "m.sablier", make_recipe(*RECIPE), ignore=tmp_path / "mask.png")
    assert not (tmp_path / "m.sablier").exists()


def test_one_mask_for_a_detector(photos, tmp_path):
    both = {"ignore": photos / "ignore.png", "roi": photos / "roi.png"}
    with pytest.raises(ConfigError, match="expected a mask to ignore or a region of interest, got both"):
        train(photos / "good", tmp_path / "m.sablier", make_recipe(*RECIPE), **both)
    with pytest.raises(ConfigError, match="expected a recipe of a detector for a mask, got 'autoencoder'"):
        train(photos / "good", tmp_path / "m.sablier", make_recipe("autoencoder", "tiny"), ignore=photos / "ignore.png")
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(ImagesError, match="leaves nothing"):
        read_ignored(None, tmp_path / "black.png")
    with pytest.raises(ImagesError, match="expected an image file as a mask, got a folder"):
        read_ignored(tmp_path, None)


def test_a_damaged_mask_in_a_file_is_refused():
    good = packed(np.eye(8, dtype=bool))
    assert unpacked(good, 8, 8).sum() == 8
    for wrong in ("?", good[:-8], packed(np.ones((8, 8), bool)), packed(np.eye(16, dtype=bool))):
        with pytest.raises(ValueError, match="expected"):
            Preprocess(height=8, width=8, channels=1, ignored=wrong)
