"""The map as a file: what it holds, that it holds all of it, and that no name can break it."""

import base64
import io
import json
import re

import numpy as np
import pytest
from maps import COUNT, content
from PIL import Image

from sablier.report import map_page as module
from sablier.report.map_page import Column, map_page, on_square, tile_side, tiles


def data_of(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def sheets_of(text, name):
    parts = re.findall(rf'<script type="text/plain" id="sheet-{name}-\d+">(.*?)</script>', text)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(part)))) for part in parts]


def tile(text, name, index):
    """Return a tile where the page's script would cut it out."""
    sheet = data_of(text)["sheets"][name]
    size = sheet["columns"] * sheet["rows"]
    place = index % size
    top, left = place // sheet["columns"] * sheet["stepY"], place % sheet["columns"] * sheet["stepX"]
    return sheets_of(text, name)[index // size][top : top + sheet["height"], left : left + sheet["width"]]


def numbers(coded, kind):
    return np.frombuffer(base64.b64decode(coded), kind)


def test_the_page_holds_everything_and_fetches_nothing():
    text = map_page(content())
    assert not re.search(r"https?:|@import|url\(|<link[^>]+href=\"(?!data:)|\bfetch\(|XMLHttpRequest|\bimport\(", text)
    assert "default-src 'none'" in text
    data = data_of(text)
    assert data["ids"][7] == "ring/7.png"
    assert numbers(data["neighbours"], "<u4").reshape(COUNT, 3)[0].tolist() == [1, 39, 2]
    distances = numbers(data["distances"], "<u2") / 65535 * data["farthest"]
    assert distances[:3] == pytest.approx([1, 1, 2], abs=1e-3)
    label, score = data["columns"]
    assert (label["kind"], label["names"]) == ("category", ["even", "odd"])
    assert numbers(label["values"], "u1")[:4].tolist() == [0, 1, 0, 1]
    assert (score["kind"], score["low"], score["most"]) == ("number", 0.0, 1.0)
    assert numbers(score["values"], "<f4")[-1] == 1.0


def test_points_keep_their_places_with_y_upwards():
    data = data_of(map_page(content()))
    places = numbers(data["points"], "<u2").reshape(COUNT, 2) / 65535
    low, high = np.array(data["places"]["low"]), np.array(data["places"]["high"])
    back = np.stack([low[0] + places[:, 0] * (high[0] - low[0]), high[1] - places[:, 1] * (high[1] - low[1])], axis=1)
    assert back == pytest.approx(content().points, abs=1e-4)
    one_place, _ = on_square(np.ones((3, 2)))
    assert one_place == pytest.approx(np.full((3, 2), 0.5))


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("side", [64, 4096])
def test_every_tile_is_found_where_the_page_looks(monkeypatch, exact, side):
    monkeypatch.setattr(module, "SHEET_SIDE", side)  # 64: sheets of 8 x 8 tiles at most, so that there are several
    if not exact:
        monkeypatch.setattr(module, "MOST_EXACT_BYTES", 0)
    random = np.random.default_rng(0)
    pictures = np.repeat(random.integers(0, 255, (100, 1, 1, 3), np.uint8), 5, axis=1).repeat(7, axis=2)
    whole = content(
        pictures=pictures, reconstructions=None, grid=None, columns=[], ids=np.arange(100).astype(str),
        points=random.random((100, 2)), neighbours=np.zeros((100, 1), int), distances=np.zeros((100, 1)),
    )  # fmt: skip
    text = map_page(whole)
    assert len(sheets_of(text, "images")) == (1 if side == 4096 else 2)
    assert set(data_of(text)["sheets"]) == {"images"}
    for index in (0, 1, 63, 64, 99):
        found = tile(text, "images", index).astype(int)
        assert found.shape == (5, 7, 3)
        assert np.abs(found - pictures[index]).max() <= (0 if exact else 6)


def test_grey_pictures_reconstructions_and_the_grid_are_their_own():
    text = map_page(content())
    assert (tile(text, "images", 13) == 65).all()
    assert (tile(text, "again", 13) == 66).all()
    assert (tile(text, "grid", 35) == 200).all()


def test_names_cannot_end_the_script_or_the_page():
    evil = "</script><script>alert(1)</script>&\"'\udc80"
    text = map_page(content(ids=np.array([evil] * COUNT), title=evil, columns=[Column(evil, np.array([evil] * COUNT))]))
    assert "alert(1)</script>" not in text
    assert data_of(text)["ids"][0] == evil
    assert data_of(text)["columns"][0]["names"] == [evil]


def test_numbers_sort_as_numbers_and_rare_categories_share_one_colour(monkeypatch):
    names = np.array(["10", "9", "b", "a"] * 10)
    assert data_of(map_page(content(columns=[Column("label", names)])))["columns"][0]["names"] == ["9", "10", "a", "b"]
    monkeypatch.setattr(module, "MOST_CATEGORIES", 3)
    few = np.array(["x"] * 20 + ["y"] * 10 + [f"z{i}" for i in range(10)])
    column = data_of(map_page(content(columns=[Column("label", few)])))["columns"][0]
    assert (column["names"], column["others"]) == (["x", "y", "10 others"], True)
    assert numbers(column["values"], "u1").tolist() == [0] * 20 + [1] * 10 + [2] * 10


def test_one_outlier_does_not_make_all_others_alike():
    scores = np.r_[np.linspace(0, 1, COUNT - 1), 1000.0]
    with_outlier = np.concatenate([scores] * 5)
    count = len(with_outlier)
    whole = content(
        ids=np.arange(count).astype(str), points=np.zeros((count, 2)), pictures=np.zeros((count, 2, 2, 1), np.uint8),
        reconstructions=None, neighbours=np.zeros((count, 1), int), distances=np.zeros((count, 1)), grid=None,
        columns=[Column("score", np.r_[np.linspace(0, 1, count - 1), 1000.0])],
    )  # fmt: skip
    column = data_of(map_page(whole))["columns"][0]
    assert column["high"] < 1.1
    assert column["most"] == 1000


def test_tiles_are_bounded():
    assert tile_side(10_000, 28, 28) == 28
    assert tile_side(300, 500, 250) == 64
    assert tile_side(20_000, 256, 256) ** 2 * 20_000 <= module.MOST_PIXELS
    reduced = tiles(np.full((2, 100, 50, 3), 0.5), 20)
    assert reduced.shape == (2, 20, 10, 3)
    assert set(reduced.ravel().tolist()) == {128}
