"""train --curve: what is drawn, what is judged, and what is written."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError, OutputError, TooFewImages
from sablier.images import ImageSet, Preprocess, read_images
from sablier.images.grouping import group_numbers
from sablier.recipes.config import of_task
from sablier.recipes.detection import DetectionRecipe
from sablier.recipes.make import make_recipe
from sablier.transforms.defects import VISIBLE
from sablier.workflows.learning_curve import _with_held_out, check_curve, learning_curve
from sablier.workflows.training.curve_points import Draw, measured_points, one_of_each

RECIPE = of_task(make_recipe("detector", "tiny"), DetectionRecipe)


@pytest.fixture(scope="module")
def category(tmp_path_factory):
    """Threes laid out like MVTec AD: 20 to learn from, 10 good and 12 bad tests."""
    folder = tmp_path_factory.mktemp("threes")
    threes, others = (read_images(f"digits[label{sign}3]") for sign in ("=", "!="))
    for place, images in (("train/good", threes.take(range(20))), ("test/good", threes.take(range(20, 30))),
                          ("test/other", others.take(range(12)))):  # fmt: skip
        (folder / place).mkdir(parents=True)
        for index, image in enumerate(images):
            Image.fromarray(image[..., 0]).save(folder / place / f"{index:02}.png")
    return folder


def test_the_tests_of_a_category_are_judged(category, tmp_path):
    curve = learning_curve(category, tmp_path / "m.sablier", RECIPE)
    assert curve.judged == f"10 good and 12 bad images of {category / 'test'}"
    assert curve.caution == ""
    assert [point.images for point in curve.points] == [4, 8, 16, 20]
    assert curve.points[-1].image_auroc > 0.9
    assert curve.points[-1].image_auroc > curve.points[0].image_auroc
    rows = list(csv.DictReader((tmp_path / "m.curve.csv").read_text().splitlines()))
    assert [row["images"] for row in rows] == ["4", "8", "16", "20"]
    assert float(rows[0]["image_auroc"]) == pytest.approx(curve.points[0].image_auroc)
    with Image.open(tmp_path / "m.curve.png") as picture:
        assert min(picture.size) > 300


def test_of_good_images_alone_some_are_held_out_and_damaged(tmp_path, digit_threes):
    curve = learning_curve("digits[label=3]", tmp_path / "m.sablier", RECIPE)
    assert curve.judged.startswith("39 held-out good images, others each time")
    assert "not how high" in curve.caution
    assert [point.images for point in curve.points] == [4, 8, 16, 32, 64, 116]
    assert curve.points[-1].image_auroc > max(0.5, curve.points[0].image_auroc)


def test_held_out_images_do_not_train_and_have_visible_defects(digit_threes):
    images = ImageSet(np.concatenate([digit_threes.array[:40]] * 2), groups=np.tile(np.arange(40), 2))
    preprocess = Preprocess.for_images(images, 256)
    draws = [_with_held_out(images, preprocess, 10, run) for run in range(2)]
    for draw in draws:
        assert (len(draw.pool), len(draw.good)) == (60, 10)
        pool, good = ({image.tobytes() for image in part.array} for part in (draw.pool, draw.good))
        assert not pool & good
        assert 10 <= len(draw.bad) <= 20
        nearest = [np.abs(draw.good.array.astype(float) - bad).max(axis=(1, 2, 3)).min() for bad in draw.bad.array]
        assert min(nearest) >= VISIBLE * preprocess.white - 1
    assert set(draws[0].good.ids) != set(draws[1].good.ids)


def test_of_a_group_one_image_is_drawn(digit_threes):
    images = ImageSet(digit_threes.array[:12], groups=np.repeat(np.arange(4), 3))
    drawn = [one_of_each(images, seed) for seed in range(6)]
    assert all(sorted(group_numbers(each).tolist()) == [0, 1, 2, 3] for each in drawn)
    assert all(sorted((each.ids.astype(int) // 3).tolist()) == [0, 1, 2, 3] for each in drawn)
    assert len({tuple(each.ids) for each in drawn}) == 6


def test_a_long_run_goes_on_where_it_stopped(digit_threes):
    draw = Draw(digit_threes.take(range(20)), digit_threes.take(range(20, 30)), ImageSet(255 - digit_threes.array[30:40]))
    kept: dict[str, float] = {}

    def keep(name, compute):
        if len(kept) == 3 and name not in kept:
            raise KeyboardInterrupt
        kept[name] = kept.get(name) or compute()
        return kept[name]

    with pytest.raises(KeyboardInterrupt):
        measured_points(lambda run: draw, RECIPE, [4, 20], keep=keep)
    assert list(kept) == ["4/0", "4/1", "4/2"]
    whole = measured_points(lambda run: draw, RECIPE, [4, 20])
    assert list(whole[0].aurocs[:3]) == list(kept.values())
    assert [len(point.aurocs) for point in whole] == [5, 5]


def test_its_time_is_told_first(digit_threes, tmp_path):
    told = []
    images = digit_threes.take(range(24))
    learning_curve(images, tmp_path / "m.sablier", RECIPE, on_progress=lambda stage, progress: told.append(progress.whole))
    assert told[0].work == "a learning curve of 20 trainings with 4 to 18 images each"
    assert told[0].seconds_left > 0
    assert told[-1].share == 1


def test_what_cannot_be_measured_is_said_before_anything_is_trained(category, tmp_path, digit_threes):
    with pytest.raises(ConfigError, match="'denoiser', made to denoise"):
        check_curve("digits", tmp_path / "m.sablier", make_recipe("denoiser"))
    (tmp_path / "m.curve.csv").write_text("a,b\n1,2\n")
    with pytest.raises(OutputError, match="is not a table of a learning curve, so it is not replaced"):
        check_curve("digits", tmp_path / "m.sablier", RECIPE)
    with pytest.raises(TooFewImages, match="at least 8 images"):
        learning_curve(digit_threes.take(range(7)), tmp_path / "n.sablier", RECIPE)
    alone = tmp_path / "alone"
    (alone / "test" / "good").mkdir(parents=True)
    Image.fromarray(digit_threes[0][..., 0]).save(alone / "test" / "good" / "0.png")
    (alone / "train" / "good").mkdir(parents=True)
    with pytest.raises(ImagesError, match="a folder for each kind of defect"):
        check_curve(alone, tmp_path / "n.sablier", RECIPE)


def test_the_verb_prints_the_table(sablier, category):
    done = sablier("train", category, "-o", "m.sablier", "--tier", "tiny", "--curve")
    assert done.code == 0
    assert "m.sablier was trained on 20 images" in done.out
    assert "Test images: 10 good and 12 bad images of" in done.out
    assert "AUROC [95 %]" in done.out
    assert "See m.curve.png; the numbers are in m.curve.csv." in done.out
    assert "for a learning curve of 20 trainings with 4 to 20 images each; tier tiny; the model is already written" in done.err
    assert sorted(path.name for path in Path().iterdir()) == ["m.curve.csv", "m.curve.png", "m.sablier"]


def test_only_a_detector_has_one(sablier):
    done = sablier("train", "digits", "-o", "m.sablier", "--recipe", "autoencoder", "--tier", "tiny", "--curve")
    assert done.code == 2
    assert "made to reconstruct. Use 'detector'" in done.err
    assert not Path("m.sablier").exists()
