"""The large view of a report in Chromium, from a file: photo, map, outlines, zoom, keys; folders that were moved or lost."""

import json
import shutil
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.detect import detect
from sablier.workflows.evaluate import evaluate
from sablier.workflows.training.train import train

pytestmark = pytest.mark.web
HEIGHT, WIDTH = 80, 120
IGNORED = (slice(50, 70), slice(8, 40))  # rows and columns
SPOT = (slice(15, 27), slice(60, 80))
LOCAL = ("file:", "data:", "blob:")
INSIDE = """
(path, [height, width]) => [...Array(height).keys()].map(
  (row) => [...Array(width).keys()].map((column) => path.isPointInFill(new DOMPoint(column + 0.5, row + 0.5))))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a category of photos, a model that ignores a part of them, and what two verbs wrote."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("large")
    ground = 120 + 20 * np.sin(np.arange(HEIGHT) / 6)[:, None] + 10 * np.cos(np.arange(WIDTH) / 9)
    for part, count in (("train/good", 40), ("test/good", 8), ("test/spot", 6), ("ground_truth/spot", 6)):
        (folder / "set" / part).mkdir(parents=True)
        for index in range(count):
            photo = (ground + random.normal(0, 4, ground.shape)).clip(0, 255)
            if "spot" in part:
                photo[SPOT] = 250
            if "truth" in part:
                photo = np.where(photo == 250, 255, 0)
            Image.fromarray(photo.astype(np.uint8)).save(folder / "set" / part / f"{index}.png")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[IGNORED] = 255
    Image.fromarray(mask).save(folder / "ignore.png")
    recipe = make_recipe("detector", "tiny", ["folds=4"])
    train(folder / "set" / "train" / "good", folder / "m.sablier", recipe, ignore=folder / "ignore.png")
    detect(folder / "m.sablier", folder / "set" / "test", folder / "out", alpha=0.1)
    evaluate(folder / "m.sablier", folder / "set", output=folder / "page.html", alpha=0.1)
    return folder


@pytest.fixture
def opened(browser):
    """Open a page in a window of its own; at the end nothing may have been fetched, and nothing complained of."""
    troubles: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})

    def open_page(path, expect_missing=False) -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        if not expect_missing:
            page.on("console", lambda message: troubles.append(message.text))
        page.on("request", lambda request: troubles.append(request.url) if not request.url.startswith(LOCAL) else None)
        page.goto(path.as_uri())
        page.wait_for_selector(".review-card.selected")
        return page

    yield open_page
    context.close()
    assert troubles == []


def images_of(page):
    return page.evaluate("JSON.parse(document.getElementById('review-data').textContent).images")


def open_image(page, index=0):
    """Open the large view, and wait for the photo."""
    for _ in range(index):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.review-photo')?.naturalWidth > 0")


def box(page, selector):
    return page.locator(selector).first.bounding_box()


def test_the_photo_is_shown_at_its_own_resolution_and_the_map_over_it(opened, place):
    page = opened(place / "out" / "report.html")
    open_image(page)
    natural = page.locator(".review-photo").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert natural == [WIDTH, HEIGHT]
    assert page.locator(".review-photo").get_attribute("src") == images_of(page)[0]["photo"]
    assert box(page, ".review-photo") == box(page, ".review-overlay")
    shown = box(page, ".review-photo")
    assert shown["width"] / shown["height"] == pytest.approx(WIDTH / HEIGHT, rel=0.01)
    assert shown["width"] > 900  # as large as there is room for


def test_the_slider_and_the_key_change_how_much_of_the_map_is_seen(opened, place):
    page = opened(place / "out" / "report.html")
    open_image(page)

    def opacity():
        return float(page.locator(".review-overlay").evaluate("image => getComputedStyle(image).opacity"))

    assert opacity() == 0.6
    slider = box(page, "dialog input[type=range]")
    page.mouse.click(slider["x"] + slider["width"] / 4, slider["y"] + slider["height"] / 2)
    faint = opacity()
    assert faint == pytest.approx(0.25, abs=0.1)
    page.keyboard.press("o")
    assert opacity() == 0
    page.keyboard.press("ArrowRight")  # the next image, not the slider
    assert page.inner_text(".review-head b") == images_of(page)[1]["id"]
    assert opacity() == 0
    page.keyboard.press("O")
    assert opacity() == faint
    page.locator("dialog input[type=range]").focus()
    page.keyboard.press("ArrowRight")  # now the slider
    assert opacity() == pytest.approx(faint + 0.01)
    assert page.inner_text(".review-head b") == images_of(page)[1]["id"]


def test_outlines_are_where_the_regions_are(opened, place):
    page = opened(place / "out" / "report.html")
    index = next(i for i, image in enumerate(images_of(page)) if image["id"].startswith("spot/"))
    open_image(page, index)
    mask = np.asarray(Image.open(place / "out" / images_of(page)[index]["mask"])) > 0
    assert 0 < mask.mean() < 1
    inside = page.locator("path.outline").evaluate(INSIDE, [HEIGHT, WIDTH])
    assert np.array_equal(np.array(inside), mask)
    # A pixel of the drawing is one of the photo.
    photo, drawing = box(page, ".review-photo"), box(page, ".review-canvas svg")
    assert drawing == photo
    assert page.locator(".review-canvas svg").get_attribute("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    page.keyboard.press("c")
    assert not page.locator("path.outline").first.is_visible()


def test_ignored_pixels_are_outlined_and_exported(opened, place):
    page = opened(place / "out" / "report.html")
    open_image(page)
    photo, line = box(page, ".review-photo"), box(page, "path.ignored")
    scale = photo["width"] / WIDTH
    rows, columns = IGNORED
    assert (line["x"] - photo["x"]) / scale == pytest.approx(columns.start, abs=1)
    assert (line["y"] - photo["y"]) / scale == pytest.approx(rows.start, abs=1)
    assert line["width"] / scale == pytest.approx(columns.stop - columns.start, abs=1.5)
    assert line["height"] / scale == pytest.approx(rows.stop - rows.start, abs=1.5)
    assert page.locator("path.ignored").evaluate("line => getComputedStyle(line).strokeDasharray") != "none"
    for exported in (place / "out" / "ignored.png", place / "page_files" / "ignored.png"):
        assert np.array_equal(np.asarray(Image.open(exported)), np.asarray(Image.open(place / "ignore.png")))
    kept = Detector.from_file(ModelFile.load(place / "m.sablier")).preprocess.kept
    assert np.array_equal(~kept, np.asarray(Image.open(place / "out" / "ignored.png")) > 0)


def test_keys_move_judge_and_close_in_the_large_view(opened, place):
    page = opened(place / "out" / "report.html")
    images = images_of(page)

    def shown():
        return page.inner_text(".review-head b"), page.locator(".review-photo").get_attribute("src")

    open_image(page)
    for index, key in enumerate(["ArrowRight", "g", "b"], 1):
        page.keyboard.press(key)
        assert shown() == (images[index]["id"], images[index]["photo"])
    page.keyboard.press("ArrowLeft")
    assert "judged bad" in page.inner_text(".review-head")
    page.keyboard.press("u")
    assert "not judged" in page.inner_text(".review-head")
    page.keyboard.press("Escape")
    page.wait_for_selector('.review-card.selected[data-index="2"]')  # a dialog tells of its end a moment after the key
    assert page.locator(".review-card.selected .id").inner_text() == images[2]["id"]
    assert page.locator(".review-card.selected .judged").inner_text() == "not judged"
    assert page.locator(".review-card[data-judged=good]").count() == 1


def test_the_next_photo_is_decoded_before_it_is_asked_for(opened, place):
    page = opened(place / "out" / "report.html")
    open_image(page)
    page.wait_for_timeout(200)
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('.review-photo').complete")


def test_a_click_and_a_key_zoom_to_the_pixels_of_the_photo_and_back(opened, place):
    page = opened(place / "out" / "report.html")
    open_image(page)
    fitted = box(page, ".review-photo")["width"]
    page.keyboard.press("z")
    assert box(page, ".review-photo")["width"] == WIDTH
    page.keyboard.press("z")
    assert box(page, ".review-photo")["width"] == fitted
    page.add_style_tag(content=".review-stage { width: 60px; height: 50px; flex: none; min-height: 0; }")
    assert box(page, ".review-photo")["width"] == 60
    page.locator(".review-stage").click(position={"x": 45, "y": 25})
    assert box(page, ".review-photo")["width"] == WIDTH
    left = page.locator(".review-stage").evaluate("stage => stage.scrollLeft")
    assert left == pytest.approx(45 / 60 * WIDTH - 30, abs=1)  # what was clicked is in the middle


def test_the_evaluation_shows_the_hardest_first_with_the_ground_truth(opened, place):
    page = opened(place / "page.html")
    images = images_of(page)
    assert len(images) == 14
    order = {"missed": 0, "false alarm": 1}
    ranks = [order.get(image["verdict"], 2) for image in images]
    assert ranks == sorted(ranks)
    assert "Images, hardest first" in page.inner_text("#review >> xpath=..")
    index = next(i for i, image in enumerate(images) if image["truth"])
    open_image(page, index)
    photo, truth = box(page, ".review-photo"), box(page, "path.truth")
    scale = photo["width"] / WIDTH
    assert ((truth["x"] - photo["x"]) / scale, truth["width"] / scale) == (pytest.approx(60, abs=0.6), pytest.approx(20, abs=0.6))
    assert ((truth["y"] - photo["y"]) / scale, truth["height"] / scale) == (
        pytest.approx(15, abs=0.6),
        pytest.approx(12, abs=0.6),
    )
    colours = [page.locator(f".review-legend .{kind}").count() for kind in ("outline", "truth", "ignored")]
    assert colours == [1, 1, 1]


@pytest.mark.parametrize("name", ["out/report.html", "page.html"])
def test_a_folder_that_was_moved_still_works(opened, place, tmp_path, name):
    moved = tmp_path / "elsewhere, #2"
    shutil.copytree(place, moved)
    page = opened(moved / name)
    open_image(page)
    assert page.locator(".review-photo").evaluate("image => image.naturalWidth") == WIDTH
    page.wait_for_function("document.querySelector('.review-overlay').naturalWidth > 0")
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelector('.review-card img').naturalWidth > 0")


def test_missing_files_are_named_in_place_of_broken_pictures(opened, place, tmp_path):
    moved = tmp_path / "alone"
    moved.mkdir()
    shutil.copy(place / "out" / "report.html", moved)
    page = opened(moved / "report.html", expect_missing=True)
    first = images_of(page)[0]
    page.wait_for_selector(".review-card.selected .review-missing")
    assert page.inner_text(".review-card.selected .review-missing") == (
        f"{first['map']} is missing. Keep the folder maps/ beside this page."
    )
    page.keyboard.press("Enter")
    page.wait_for_selector(".review-stage .review-missing")
    texts = page.locator(".review-stage .review-missing").all_inner_texts()
    assert f"{first['photo']} is missing. Keep the folder photos/ beside this page." in texts
    assert page.locator(".review-stage img").count() == 0


def test_an_image_without_a_photo_is_shown_as_the_model_saw_it(opened, place, tmp_path):
    shutil.copytree(place / "out", tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    first = json.loads(text.split('id="review-data">')[1].split("</script>")[0])["images"][0]
    text = text.replace(f'"photo": "{first["photo"]}"', '"photo": ""')
    (tmp_path / "out" / "report.html").write_text(text, encoding="utf-8")
    page = opened(tmp_path / "out" / "report.html")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.review-stage img')?.naturalWidth > 0")
    assert page.locator(".review-stage img").get_attribute("src") == first["map"]
    assert "as the model saw it: the photo could not be copied" in page.inner_text(".review-head")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_large_view_is_no_wider_than_the_window(browser, place, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((place / "page.html").as_uri())
    page.wait_for_selector(".review-card.selected")
    open_image(page)
    assert page.locator("dialog").evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    assert box(page, "dialog")["width"] <= width
    stage, photo = box(page, ".review-stage"), box(page, ".review-photo")
    assert photo["y"] >= stage["y"] - 1
    assert photo["y"] + photo["height"] <= stage["y"] + stage["height"] + 1
    page.close()
