"""evaluate on a folder in the layout of MVTec AD, whose photos differ in size and whose masks are partly missing."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ImagesError
from sablier.images.mvtec import training_source
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.evaluate import evaluate
from sablier.workflows.training.train import train

SPOTS = {"bright": 255, "dark": 0}


def write(path: Path, pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def photo(random, height: int, width: int):
    """Return a soft wave with a little noise, and a mask of a spot in it."""
    rows, columns = np.mgrid[:height, :width]
    wave = 128 + 30 * np.sin(rows / 9) + 20 * np.cos(columns / 11)
    top, left = random.integers(15, height - 35), random.integers(15, width - 35)
    mask = np.zeros((height, width), bool)
    mask[top : top + 20, left : left + 20] = True
    return (wave + random.normal(0, 4, wave.shape)).clip(0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def category(tmp_path_factory) -> Path:
    place, random = tmp_path_factory.mktemp("sets") / "plate", np.random.default_rng(0)
    for part, count in (("train/good", 20), ("test/good", 8)):
        for index in range(count):
            write(place / part / f"{index}.png", photo(random, 96 + 8 * (index % 2), 128)[0])
    for kind, value in SPOTS.items():
        for index in range(6):
            pixels, mask = photo(random, 96 + 8 * (index % 2), 128)
            pixels[mask] = value
            write(place / "test" / kind / f"{index}.png", pixels)
            write(place / "ground_truth" / kind / f"{index}_mask.png", 255 * mask.astype(np.uint8))
    return place


@pytest.fixture(scope="module")
def model(category, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "plate.sablier"
    train(training_source(category), path, make_recipe(tier="tiny", settings=["epochs=4", "folds=2", "width=8", "size=64"]))
    return path


def test_every_kind_is_found_and_shown(category, model):
    result = evaluate(model, category)
    assert (len(result.good), len(result.bad)) == (8, 12)
    assert {row.kind: row.missed.count for row in result.kinds} == {"bright": 6, "dark": 6}
    assert result.rows[0].auroc > 0.8
    assert result.pixels.auroc > 0.8
    assert result.pixels.aupro > 0.4
    assert (result.pixels.images, result.pixels.regions, result.without_mask) == (12, 12, ())


def test_folders_named_apart_give_the_same_without_the_pixels(category, model):
    whole, apart = evaluate(model, category), evaluate(model, category / "test/good", category / "test/dark")
    assert apart.pixels is None
    assert apart.rows[0].auroc == pytest.approx(next(row for row in whole.kinds if row.kind == "dark").auroc)


def test_maps_are_compared_at_the_size_of_each_photo(category, model, monkeypatch):
    from sablier.metrics import PixelCounts

    shapes, add = set(), PixelCounts.add
    monkeypatch.setattr(PixelCounts, "add", lambda self, values, mask: shapes.add(values.shape) or add(self, values, mask))
    evaluate(model, category)
    assert shapes == {(96, 128), (104, 128)}


def test_memory_holds_the_pictures_of_a_chunk(category, model, monkeypatch):
    from sablier.tasks.detection import evaluate as task

    monkeypatch.setattr(task, "chunk_for", lambda preprocess, pixels: 3)
    counts, detect = [], Detector.detect

    def counted(self, images, alpha=0.05, pictures=False):
        counts.append(len(images))
        return detect(self, images, alpha, pictures)

    expected = evaluate(model, category)
    monkeypatch.setattr(Detector, "detect", counted)
    found = evaluate(model, category)
    assert counts == [3, 3, 2, 3, 3, 3, 3]
    assert found.pixels.auroc == pytest.approx(expected.pixels.auroc, abs=1e-6)


def test_what_has_no_mask_is_said_and_judged_all_the_same(category, model):
    hidden = category / "ground_truth" / "dark"
    hidden.rename(category / "away")
    try:
        result = evaluate(model, category)
        assert {row.kind: row.pixels is None for row in result.kinds} == {"bright": False, "dark": True}
        assert [item.id for item in result.without_mask] == [f"dark/{index}.png" for index in range(6)]
        assert result.rows[0].missed.count == 12
        with pytest.raises(ImagesError, match=r"expected its mask as .*0_mask\.png, found none"):
            evaluate(model, category, strict=True)
    finally:
        (category / "away").rename(hidden)


def test_without_ground_truth_images_alone_are_judged(category, model):
    (category / "ground_truth").rename(category / "away")
    try:
        result = evaluate(model, category)
        assert (result.pixels, result.without_mask, len(result.kinds)) == (None, (), 2)
    finally:
        (category / "away").rename(category / "ground_truth")


def shown_in(page: Path):
    """Return the images that a page shows, in their order."""
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="review-data">(.*?)</script>', text, re.DOTALL)[1])["images"]


def test_the_report_shows_every_image_the_hardest_first_with_the_ground_truth(category, model, tmp_path):
    page = tmp_path / "plates #1.html"
    result = evaluate(model, category, output=page)
    shown = shown_in(page)
    assert len(shown) == 20
    verdicts = [image["verdict"] for image in shown]
    missed, alarms = result.rows[0].missed.hits, result.rows[0].false_alarms.hits
    assert verdicts[: missed + alarms] == ["missed"] * missed + ["false alarm"] * alarms
    assert not {"missed", "false alarm"} & set(verdicts[missed + alarms :])
    assert {image["id"]: bool(image["truth"]) for image in shown} == {
        **{f"good/{index}.png": False for index in range(8)},
        **{f"{kind}/{index}.png": True for kind in SPOTS for index in range(6)},
    }
    assert {image["label"] for image in shown} == {"good", "bad: bright", "bad: dark"}
    for image in shown:
        assert image["photo"].startswith("plates%20%231_files/photos/")
        photo = tmp_path / unquote(image["photo"])
        assert photo.read_bytes() == (category / "test" / image["id"]).read_bytes()
        assert (tmp_path / unquote(image["map"])).is_file()
        with Image.open(tmp_path / unquote(image["overlay"])) as layer:
            assert layer.width / layer.height == pytest.approx(image["width"] / image["height"], rel=0.1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plates #1.html", "plates #1_files"]


def test_the_outline_of_the_ground_truth_is_where_the_mask_is(category, model, tmp_path):
    evaluate(model, category, output=tmp_path / "page.html")
    image = next(image for image in shown_in(tmp_path / "page.html") if image["id"] == "dark/0.png")
    mask = np.asarray(Image.open(category / "ground_truth" / "dark" / "0_mask.png")) > 0
    points = np.array([pair.split(",") for pair in image["truth"].strip("MZ").split()], float)
    (top, left), (bottom, right) = np.argwhere(mask).min(0), np.argwhere(mask).max(0) + 1
    assert points.min(0).tolist() == [left, top]
    assert points.max(0).tolist() == [right, bottom]


def test_of_more_images_than_fit_the_hardest_are_drawn(category, model, tmp_path, monkeypatch):
    from sablier.workflows import evaluation_pictures as module

    evaluate(model, category, output=tmp_path / "whole.html")
    monkeypatch.setattr(module, "MOST_JUDGED", 7)
    evaluate(model, category, output=tmp_path / "part.html")
    whole, part = (shown_in(tmp_path / f"{name}.html") for name in ("whole", "part"))
    assert [image["id"] for image in part] == [image["id"] for image in whole][:7]
    assert len(list((tmp_path / "part_files" / "photos").iterdir())) == 7
    assert "The first 7 of 20 images are shown." in (tmp_path / "part.html").read_text(encoding="utf-8")


def test_images_of_one_name_in_both_folders_are_told_apart(category, model, tmp_path):
    page = tmp_path / "page.html"
    evaluate(model, category / "test/good", category / "test/dark", page)
    ids = [image["id"] for image in shown_in(page)]
    assert len(set(ids)) == 14
    assert {"good/0.png", "bad/0.png", "7.png"} < set(ids)


def test_an_evaluation_that_fails_leaves_the_page_and_its_pictures(category, model, tmp_path, monkeypatch):
    page = tmp_path / "page.html"
    evaluate(model, category, output=page)
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    monkeypatch.setattr("sablier.report.html.evaluation_report", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate(model, category / "test/good", category / "test/dark", page)
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before


@pytest.mark.parametrize("source", ["digits", "nowhere"])
def test_a_source_that_is_no_category(model, source):
    with pytest.raises(ImagesError, match=r"expected a folder with test/good/ and .* Name one, or good and bad images apart"):
        evaluate(model, source)
