"""The page of mistakes and its pictures: what they hold, and that nothing is fetched and no name breaks them."""

import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sablier.images import ImageSet
from sablier.images.imageset import Skipped
from sablier.report.mistakes import confusion_picture, headline, looked, mistakes_sheet, pictured_rows, shown_rows
from sablier.report.mistakes_page import listed_rows, mistakes_page
from sablier.tasks.classification.mistakes import MistakesResult, find_mistakes

EVIL = "</script><script>alert(1)</script>\"'><img src=x>"


def judged(images: int = 60, wrong: int = 20, classes: int = 4, side: int = 8, names: Any = None) -> MistakesResult:
    """Return images of which the first are misclassified, less surely from one to the next."""
    random = np.random.default_rng(0)
    known = np.array([f"kind-{index:02d}" for index in range(classes)]) if names is None else np.sort(names)
    numbers = np.arange(images) % classes
    probabilities = random.uniform(0, 0.02, (images, classes))
    told = np.where(np.arange(images) < wrong, (numbers + 1) % classes, numbers)
    probabilities[np.arange(images), told] = np.linspace(0.99, 0.7, images)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    pixels = ImageSet(
        np.zeros((images, side, side), np.uint8), ids=np.array([f"a/{index}.png" for index in range(images)]),
        labels=known[numbers], skipped=(Skipped("torn.png", "it is torn"),),
    )  # fmt: skip
    return find_mistakes(pixels, known, probabilities, reason="Nobody judged what it knew.")


def page_of(result: MistakesResult, side: int = 8) -> str:
    image = np.full((side, side, 1), 0.5)
    pictures = {int(row): looked(image, np.eye(side)) for row in pictured_rows(result)}
    thumbnails = {int(row): np.zeros((side, side, 3), np.uint8) for row in listed_rows(result)}
    return mistakes_page(result, pictures, thumbnails, f"c.sablier on {EVIL}", "sablier 0")


def test_the_page_lists_shows_and_counts():
    result = judged()
    text = page_of(result)
    assert headline(result) in text
    assert "Nobody judged what it knew." in text
    assert text.count("<tr") - text.count('<tr><th scope="row">') == 22  # two heads and 20 images
    first, second = result.ids[result.order[:2]]
    assert text.index(f">{first}<") < text.index(f">{second}<") < text.index("Saliency maps")
    pair = re.search(r"<h3>labelled kind-00, predicted kind-01</h3>\s*<p class=\"muted\">(.*?)</p>", text)
    assert pair is not None
    assert pair[1].startswith("5 images; estimated label errors: ")
    assert "torn.png" in text


def test_nothing_is_fetched_and_no_name_is_code():
    text = page_of(judged(classes=2, names=[EVIL, "b"]))
    assert not re.search(r"https?:|@import|url\(|\bfetch\(|XMLHttpRequest|\bimport\(", text)
    assert "default-src 'none'" in text
    assert "alert(1)</script>" not in text
    assert text.count("<script>") == 1
    for source in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert source.startswith("data:")


@pytest.mark.parametrize("classes", [2, 40])
def test_pictures_of_few_and_of_many_classes(classes):
    result = judged(images=200, wrong=100, classes=classes)
    pictures = {int(row): looked(np.zeros((8, 8, 3)), np.eye(8)) for row in pictured_rows(result)}
    for data in (confusion_picture(result), mistakes_sheet(result, pictures)):
        picture = Image.open(io.BytesIO(data))
        assert picture.format == "PNG"
        assert max(picture.size) < 4000
    assert ("Choose a number" in page_of(result)) == (classes == 2)


def test_where_nothing_is_wrong_the_least_certain_are_shown():
    result = judged(wrong=0)
    assert len(shown_rows(result)) == 8
    text = page_of(result)
    assert "All 60 images are classified as labelled" in text
    assert "None: every image is classified as labelled." in text
    assert "a/59.png" in text


def test_long_lists_are_cut_and_said_to_be():
    text = page_of(judged(images=500, wrong=400))
    assert "The first 300 of 400; mistakes.csv has every image." in text


@pytest.mark.web
def test_the_table_is_sorted_and_narrowed_down(browser, tmp_path):
    path = tmp_path / "mistakes.html"
    path.write_text(page_of(judged()), encoding="utf-8")
    page, requests, troubles = browser.new_page(), [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(path.as_uri())

    def column(number: int) -> list[str]:
        return page.locator(f"#listed tbody tr:visible td:nth-child({number})").all_inner_texts()

    assert column(1) == [str(rank) for rank in range(1, 21)]
    page.click("#listed th >> text=rank")
    assert column(1) == [str(rank) for rank in range(20, 0, -1)]
    page.click("#listed th button >> text=/^label$/")
    assert column(4) == sorted(column(4))
    page.click("button[data-pair] >> nth=0")
    assert set(zip(column(4), column(5), strict=True)) == {("kind-00", "kind-01")}
    assert page.inner_text("#count") == "5 of 20 rows"
    assert page.locator("#worst .card:visible").count() == 5
    page.fill("#search", "no such name")
    assert page.is_visible("#nothing")
    page.click("#all")
    assert len(column(1)) == 20
    page.check("#suspected")
    assert 0 < len(column(1)) <= 20
    assert set(column(9)) == {"suspected"}
    page.close()
    assert [url for url in requests if not url.startswith(("data:", path.as_uri()))] == []
    assert troubles == []
