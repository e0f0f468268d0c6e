"""Flagged images are grouped by what their defect looks like."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from sablier.recipes.make import make_recipe
from sablier.workflows.detect import detect
from sablier.workflows.training.train import train

SIDE = 96
KINDS = {"bright": 8, "dark": 5}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return a folder of good photos, and one of photos with a bright square or dark stripes at some place."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("photos")
    ground = 120 + 20 * np.sin(np.arange(SIDE) / 6)[:, None] + 10 * np.cos(np.arange(SIDE) / 9)
    for name, count in (("good", 40), *KINDS.items()):
        place = folder / ("good" if name == "good" else "new")
        place.mkdir(exist_ok=True)
        for index in range(count):
            photo = ground + rng.normal(0, 4, (SIDE, SIDE))
            top, left = rng.integers(10, SIDE - 30, 2)
            if name == "bright":
                photo[top : top + 14, left : left + 14] = 250
            if name == "dark":
                photo[top : top + 16 : 4, left : left + 16] = 0
            Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(place / f"{name}{index}.png")
    return folder


@pytest.fixture(scope="module")
def model(photos):
    train(photos / "good", photos / "part.sablier", make_recipe("detector", "tiny", ["folds=4"]))
    return photos / "part.sablier"


@pytest.fixture(scope="module")
def output(photos, model):
    detect(model, photos / "new", photos / "out")
    return photos / "out"


def test_each_kind_of_defect_is_one_group_and_the_larger_is_the_first(output):
    with (output / "detections.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(KINDS.values())
    assert {(row["id"].rstrip("0123456789.png"), row["group"]) for row in rows} == {("bright", "1"), ("dark", "2")}


def test_the_document_and_the_report_name_the_groups_and_their_montages(output):
    groups = json.loads((output / "detections.json").read_text())["groups"]
    assert [(group["number"], group["count"]) for group in groups] == [(1, 8), (2, 5)]
    page = (output / "report.html").read_text()
    for group in groups:
        with Image.open(output / group["picture"]) as picture:
            assert picture.size == (96 * group["count"] + 4 * (group["count"] - 1), 96)
        assert f'src="{group["picture"]}"' in page
        assert f"Group {group['number']}: {group['count']} images" in page
    assert '"group": "group 2"' in page


def test_one_kind_of_defect_is_no_group(photos, model, tmp_path):
    (tmp_path / "new").mkdir()
    for path in (photos / "new").glob("bright*"):
        (tmp_path / "new" / path.name).write_bytes(path.read_bytes())
    detect(model, tmp_path / "new", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "detections.json").read_text())["groups"] == []
    assert "Groups of defects" not in (tmp_path / "out" / "report.html").read_text()
    assert not (tmp_path / "out" / "defect-groups").exists()


def test_montages_of_an_earlier_run_do_not_stay(photos, model, tmp_path):
    detect(model, photos / "new", tmp_path / "out")
    assert (tmp_path / "out" / "defect-groups" / "group-2.png").exists()
    detect(model, photos / "good", tmp_path / "out")
    assert not (tmp_path / "out" / "defect-groups" / "group-2.png").exists()
