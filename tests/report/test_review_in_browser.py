"""The part of the report in which a person judges, in Chromium, from a file: keys, progress, undo, memory, export."""

import csv
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.workflows.calibrate import calibrate
from sablier.workflows.detect import detect

pytestmark = pytest.mark.web
ALPHA = 0.3


@pytest.fixture(scope="module")
def run(digits_file, tmp_path_factory):
    """Return the output of `detect` on images of which many are flagged, one of them with an odd name."""
    folder = tmp_path_factory.mktemp("judged")
    images = read_images("digits:test")
    (folder / "in").mkdir()
    for index in range(200):
        name = "=a,b" if index == 0 else f"{index:03}"
        pixels = images.array[index][..., 0]
        Image.fromarray((pixels * (255 / max(1, pixels.max()))).astype(np.uint8)).save(folder / "in" / f"{name}.png")
    summary = detect(digits_file, folder / "in", folder / "out", alpha=ALPHA)
    return folder, summary


@pytest.fixture
def opened(browser, run):
    """Open the report in a window of its own; at the end nothing may have been fetched, and nothing complained of."""
    folder, _ = run
    troubles: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)

    def open_report() -> Any:
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: troubles.append(request.url) if not request.url.startswith(LOCAL) else None)
        page.goto((folder / "out" / "report.html").as_uri())
        page.wait_for_selector(".review-card.selected")
        return page

    yield open_report
    context.close()
    assert troubles == []


LOCAL = ("file:", "data:", "blob:")


def images_of(page):
    return page.evaluate("JSON.parse(document.getElementById('review-data').textContent).images")


def judged(page):
    return page.locator(".review-bar span").first.inner_text()


def test_flagged_images_and_those_next_to_the_threshold_are_shown_in_pages(opened, run):
    _, summary = run
    page = opened()
    assert summary.flagged > 60
    assert f"The {summary.flagged} flagged images" in page.inner_text("main")
    assert page.locator(".review-card").count() == 24
    assert page.evaluate("[...document.querySelectorAll('.review-card img')].every((image) => image.loading === 'lazy')")
    page.wait_for_function("document.querySelector('.review-card img').naturalWidth > 100")
    first = page.inner_text(".review-card .id")
    page.keyboard.press("PageDown")
    assert page.inner_text(".review-card .id") != first
    number = page.get_by_label("page", exact=True)
    assert number.input_value() == "2"
    number.fill("1")
    number.press("Tab")
    assert page.inner_text(".review-card .id") == first
    number.fill("99")
    number.press("Enter")
    assert page.locator(".review-card.selected").get_attribute("data-index") == str(len(images_of(page)) - 1)
    assert int(number.input_value()) == -(-len(images_of(page)) // 24)


def test_keys_judge_undo_and_show_an_image_large(opened):
    page = opened()
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.keyboard.press("B")
    assert judged(page).startswith("3 of ")
    assert judged(page).endswith(": 1 good, 2 bad")
    assert page.locator(".review-card.selected").get_attribute("data-index") == "3"
    page.keyboard.press("u")
    assert judged(page).endswith(": 1 good, 1 bad")
    assert page.locator(".review-card.selected").get_attribute("data-index") == "2"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert int(page.locator(".review-card.selected").get_attribute("data-index")) > 2
    page.keyboard.press("Enter")
    assert page.locator("dialog .review-photo").evaluate("image => image.clientWidth") > 500
    page.keyboard.press("Escape")
    assert not page.locator("dialog").evaluate("dialog => dialog.open")
    page.locator(".review-card img").first.click()
    assert page.locator("dialog").evaluate("dialog => dialog.open")
    page.get_by_role("button", name="close").click()
    assert not page.locator("dialog").evaluate("dialog => dialog.open")


def test_verdicts_outlast_the_page(opened):
    page = opened()
    page.evaluate("localStorage.clear()")
    page.reload()
    for key in "gbg":
        page.keyboard.press(key)
    page.close()
    again = opened()
    assert judged(again).endswith(": 2 good, 1 bad")
    again.keyboard.press("u")
    assert judged(again).endswith(": 1 good, 1 bad")


def test_two_hundred_key_presses_are_exported_and_calibrate(opened, run, digits_file, tmp_path):
    folder, _ = run
    page = opened()
    page.evaluate("localStorage.clear()")
    page.reload()
    count = page.evaluate("JSON.parse(document.getElementById('review-data').textContent).images.length")
    keys = ["b" if index % 3 else "g" for index in range(count)]
    for key in keys:
        page.keyboard.press(key)
    assert judged(page) == f"{count} of {count} judged: {keys.count('g')} good, {keys.count('b')} bad"
    for _ in range(200 - count):  # the last image again and again
        page.keyboard.press("b")
    with page.expect_download() as download:
        page.get_by_text("Save verdicts (CSV)").click()
    table = tmp_path / "verdicts.csv"
    download.value.save_as(table)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    bad = [row["verdict"] for row in rows].count("bad")
    assert (len(rows), bad) == (count, keys.count("b") + (keys[-1] == "g"))
    assert download.value.suggested_filename == "verdicts.csv"
    renewed = calibrate(digits_file, folder / "in", tmp_path / "new.sablier", feedback=[table], alpha=ALPHA)
    assert Detector.from_file(renewed).calibration.count == 200 - bad
    assert f"{bad} rejected ones left out" in renewed.provenance.calibrated
    assert ModelFile.load(tmp_path / "new.sablier").provenance.calibrated == renewed.provenance.calibrated


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(browser, run, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((run[0] / "out" / "report.html").as_uri())
    page.wait_for_selector(".review-card.selected")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
