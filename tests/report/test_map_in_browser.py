"""The map in Chromium, from a file: it draws, answers the pointer and the keys, and saves what was chosen."""

import csv
from typing import Any

import numpy as np
import pytest
from maps import COUNT, content

from sablier.report.map_page import Column, map_page

pytestmark = pytest.mark.web


@pytest.fixture
def opened(browser, tmp_path):
    """Open a map; at the end nothing may have been fetched, and nothing complained of."""
    pages: list[Any] = []
    requests: list[str] = []
    troubles: list[str] = []

    def open_map(map_content, width=1200, height=800, **options):
        path = tmp_path / f"map-{len(pages)}.html"
        path.write_text(map_page(map_content), encoding="utf-8", errors="backslashreplace")
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-drawn=yes]", state="attached")
        pages.append(page)
        return page

    yield open_map
    for page in pages:
        page.close()
    assert [url for url in requests if not url.startswith(("data:", "blob:", tmp_path.as_uri()))] == []
    reading = "Canvas2D: Multiple readback operations"  # of these tests
    assert [text for text in troubles if not text.startswith(reading)] == []


def place_of(page, i):
    place = page.evaluate(f"sablierMap.placeOf({i})")
    return place["x"], place["y"]


def pixels(page):
    """Return how many pixels of the map are not empty."""
    return page.locator("#map").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
        ".reduce((count, value, place) => count + (place % 4 === 3 && value > 0), 0)"
    )


def grey_of(page, selector, nth=0):
    """Return a pixel of a canvas, once it is drawn."""
    for _ in range(100):
        pixel = page.locator(selector).nth(nth).evaluate("canvas => [...canvas.getContext('2d').getImageData(5, 5, 1, 1).data]")
        if pixel[3]:
            return pixel[0]
        page.wait_for_timeout(20)
    raise AssertionError(f"{selector} stays empty")


def test_pointing_shows_the_image_and_its_values(opened):
    page = opened(content())
    assert pixels(page) > 1000
    page.mouse.move(*place_of(page, 7))
    page.wait_for_selector("#tip:not([hidden])")
    assert page.text_content("#tip b") == "ring/7.png"
    assert "label: odd" in page.text_content("#tip")
    assert grey_of(page, "#tip canvas") == 35
    page.mouse.move(*[(a + b) / 2 for a, b in zip(place_of(page, 0), place_of(page, 20), strict=True)])
    assert page.is_hidden("#tip")


def test_clicking_opens_reconstruction_and_neighbours(opened):
    page = opened(content())
    page.mouse.click(*place_of(page, 7))
    assert page.text_content("#detail h2") == "ring/7.png"
    assert [grey_of(page, "#detail canvas", which) for which in (0, 1, 2)] == [35, 36, 40]
    near = page.locator("#detail .near button")
    assert near.count() == 3
    assert "2.00" in near.nth(2).text_content()
    near.nth(0).click()
    assert page.text_content("#detail h2") == "ring/8.png"
    page.keyboard.press("Escape")
    assert page.locator("#detail h2").count() == 0
    assert page.is_visible("#empty")


def test_a_lasso_saves_names(opened, tmp_path):
    page = opened(content())
    page.click("#lasso")
    (x, y), reach = place_of(page, 0), 40
    page.mouse.move(x - reach, y - 300)
    page.mouse.down()
    for place in ((x + reach, y - 300), (x + reach, y + 300), (x - reach, y + 300)):
        page.mouse.move(*place, steps=3)
    page.mouse.up()
    wanted = [i for i in range(COUNT) if abs(place_of(page, i)[0] - x) < reach and abs(place_of(page, i)[1] - y) < 300]
    assert 1 < len(wanted) < COUNT / 2
    assert f"{len(wanted)} images selected" in page.text_content("#chosen")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "chosen.csv")
    with (tmp_path / "chosen.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"ring/{i}.png" for i in wanted]
    assert rows[0].keys() == {"id", "x", "y", "label", "score"}
    points = content().points[wanted]
    assert [float(row["x"]) for row in rows] == pytest.approx(points[:, 0].tolist(), abs=1e-3)
    assert [float(row["y"]) for row in rows] == pytest.approx(points[:, 1].tolist(), abs=1e-3)


def test_keys_move_zoom_search_and_open(opened):
    page = opened(content())
    page.focus("#map")
    before = place_of(page, 0)
    page.keyboard.press("ArrowRight")
    assert place_of(page, 0)[0] < before[0] - 50
    across = [np.hypot(*np.subtract(place_of(page, 0), place_of(page, 20)))]
    page.keyboard.press("+")
    across.append(np.hypot(*np.subtract(place_of(page, 0), place_of(page, 20))))
    assert across[1] > 1.2 * across[0]
    page.keyboard.press("0")
    assert place_of(page, 0) == pytest.approx(before)
    assert page.is_hidden("#hint")
    for _ in range(8):
        page.keyboard.press("+")
    page.wait_for_selector("#hint:not([hidden])")
    assert "No image is visible" in page.text_content("#hint")
    page.keyboard.press("/")
    page.keyboard.type("RING/33")
    page.keyboard.press("Enter")
    assert page.text_content("#detail h2") == "ring/33.png"
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    assert page.locator("#detail h2").count() == 1
    page.keyboard.press("/")
    page.keyboard.type("nothing like it")
    assert "No image has such a name" in page.text_content("#found")


def test_colours_change_and_categories_can_be_picked_out(opened):
    page = opened(content())
    assert page.locator("#legend li").count() == 2
    whole = pixels(page)
    page.click("#legend li:first-child button")
    page.mouse.move(*place_of(page, 7))
    assert page.is_hidden("#tip"), "what is not highlighted does not answer"
    assert pixels(page) > 0.3 * whole
    page.select_option("#colour", label="score")
    assert "Higher is stranger" in page.text_content("#legend")
    assert "1.00" in page.text_content("#legend .ends")


def test_empty_places_show_what_the_model_draws(opened):
    page = opened(content())
    before = pixels(page)
    page.click("#grid")
    page.wait_for_selector("#grid[aria-pressed=true]")
    page.wait_for_timeout(200)
    page.mouse.move(*[(a + b) / 2 for a, b in zip(place_of(page, 0), place_of(page, 20), strict=True)])
    page.wait_for_selector("#tip:not([hidden])")
    assert "decoded from this place" in page.text_content("#tip")
    assert pixels(page) > 2 * before


def test_what_is_not_there_is_not_offered(opened):
    page = opened(content(columns=[], reconstructions=None, grid=None))
    assert page.is_hidden("#colour-choice")
    assert page.is_hidden("#legend")
    assert page.is_hidden("#grid")
    page.mouse.click(*place_of(page, 7))
    assert page.locator("#detail figure").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_answers_fingers(opened, scheme):
    many = [Column("kind", np.array([f"an-unreasonably-long-label-{i % 30}" for i in range(COUNT)]))]
    page = opened(content(columns=many, title="t" * 200), 360, 740, has_touch=True, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.touchscreen.tap(*place_of(page, 3))
    assert page.text_content("#detail h2") == "ring/3.png"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ground, ink = (page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
    assert (int(ground[4:].split(",")[0]) < 128) == (scheme == "dark") != (int(ink[4:].split(",")[0]) < 128)
