import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threes import Threes

from sablier.images.imageset import ImageSet, Skipped
from sablier.tasks.detection.members import MEMBERS


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def attributes(self, name: str) -> list[str]:
        return [value or "" for _, attributes in self.tags for key, value in attributes.items() if key == name]


def assert_self_contained(text: str) -> None:
    page = Page(text)
    assert not {"script", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    for source in page.attributes("src") + page.attributes("href"):
        assert source.startswith(("data:", "#"))
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on")]


def test_the_page_shows_what_is_flagged(threes: Threes) -> None:
    summary = threes.summary(threes.bad)
    text = threes.page(summary)
    page = Page(text)
    assert_self_contained(text)
    assert f"{summary.flagged} of 80 images are flagged" in page.text
    assert threes.detector.calibration.promise(0.05) in page.text
    assert page.text.index("are flagged") < page.text.index(str(summary.typical.ids[0])) < page.text.index("training data")
    assert "digits of scikit-learn, class 3" in page.text
    for name, count in summary.baseline_flagged.items():
        assert re.search(rf"{name} {count} of 80", page.text, re.IGNORECASE)
    assert len(text) < 1_000_000


def test_ids_in_the_page_are_unique_so_charts_do_not_mix(threes: Threes) -> None:
    ids = Page(threes.evaluation_page(threes.evaluation())).attributes("id")
    assert len(ids) == len(set(ids))


def test_the_same_input_gives_the_same_page(threes: Threes) -> None:
    summary = threes.summary(threes.bad)
    assert threes.page(summary) == threes.page(summary)


def test_hostile_names_are_only_text(threes: Threes) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    images = ImageSet(
        threes.bad.array[:2], ids=np.array([evil, "b"]), labels=np.array([evil, "b"]), skipped=(Skipped(evil, evil),)
    )
    provenance = threes.file.provenance.model_copy(update={"source": evil, "skipped": [evil], "recipe": {evil: evil}})
    file = replace(threes.file, provenance=provenance, histories={evil: {"rows": [{"epoch": 1, "loss": 1.0}], "dtype": evil}})
    text = Threes(file, threes.good, threes.bad).page(threes.summary(images), title=evil)
    assert_self_contained(text)
    assert evil in Page(text).text


def test_nothing_flagged_reads_well(threes: Threes) -> None:
    summary = threes.summary(threes.good, alpha=0.01)
    unflagged = replace(summary, flagged=0)
    page = Page(threes.page(unflagged))
    assert f"None of the {summary.count} images is flagged" in page.text


def test_one_image_reads_well(threes: Threes) -> None:
    assert "The image is flagged" in Page(threes.page(threes.summary(threes.bad.take(np.arange(1))))).text


def test_no_image_reads_well(threes: Threes) -> None:
    text = Threes(replace(threes.file, histories={}), threes.good, threes.bad).page(threes.empty_summary())
    page = Page(text)
    assert_self_contained(text)
    assert "No image was scored" in page.text
    assert "broken.png" in page.text
    assert "no history" in page.text


def test_the_page_says_what_each_member_does_and_draws_a_chart_for_each_network(threes: Threes) -> None:
    text = threes.page(threes.summary(threes.bad))
    page = Page(text)
    for kind in ("restoration", "transformations", "closed-form"):
        assert MEMBERS[kind].sees in page.text
    assert "the score is the weighted sum" in page.text
    assert {"Loss of restoration by epoch", "Loss of transformations by epoch"} <= set(page.attributes("aria-label"))
    assert page.text.count("Layers of the network") == 2


def test_a_detector_without_a_network_reads_well(plain_threes: Threes) -> None:
    for text in (
        plain_threes.page(plain_threes.summary(plain_threes.bad)),
        plain_threes.evaluation_page(plain_threes.evaluation()),
    ):
        page = Page(text)
        assert_self_contained(text)
        assert "none: it has no network of its own to train" in page.text
        assert MEMBERS["closed-form"].map_shows in page.text
        for absent in ("Layers of", "no history", "learning_rate", MEMBERS["restoration"].sees):
            assert absent not in page.text


def test_images_that_may_not_belong_are_named(threes: Threes) -> None:
    listed = [("train/<b>.png", 5.25), ("train/7.png", 3.0)]
    provenance = threes.file.provenance.model_copy(update={"filtered": listed})
    text = Threes(replace(threes.file, provenance=provenance), threes.good, threes.bad).page(threes.summary(threes.bad))
    assert "2 of 120 training images may not belong among the others and were excluded" in Page(text).text
    assert Page(text).text.index("train/<b>.png") < Page(text).text.index("train/7.png")


def test_undetermined_says_how_many_images_it_takes_and_which_rate_would_do(threes: Threes) -> None:
    page = Page(threes.page(threes.summary(threes.bad, alpha=0.001)))
    assert "No verdict on 80 images" in page.text
    assert "it would take 999" in page.text
    rate = re.search(r"at a false-alarm rate of ([\d.]+)% or more", page.text)
    assert rate is not None
    assert threes.detector.calibration.decides(float(rate[1]) / 100)
    assert "are flagged" not in page.text


def test_flags_within_chance_are_not_sold_as_a_find(threes: Threes) -> None:
    summary = threes.summary(threes.good)
    few, many = (Page(threes.page(replace(summary, flagged=flagged))).text for flagged in (3, 40))
    assert "3 of 63 images are flagged" in few
    assert "3 is no more than that" in few
    assert "40 of 63 images are flagged" in many
    assert "40 is more than chance explains" in many


def test_many_skipped_files_are_counted_and_cut(threes: Threes) -> None:
    skipped = tuple(Skipped(f"{i}.png", "zero bytes") for i in range(300))
    page = Page(threes.page(replace(threes.summary(threes.good), skipped=skipped, skipped_count=5000)))
    assert "Not read: 5000" in page.text
    assert "and 4800 more" in page.text


def test_evaluation_says_what_is_flagged_and_puts_baselines_beside(threes: Threes) -> None:
    result = threes.evaluation()
    text = threes.evaluation_page(result)
    page = Page(text)
    ours = result.rows[0]
    assert_self_contained(text)
    assert (
        f"{ours.missed.count - ours.missed.hits} of 80 bad images and {ours.false_alarms.hits} of 63 good images are flagged"
        in page.text
    )
    for row in result.rows:
        low, high = row.auroc_interval
        assert f"{row.auroc:.3f} {low:.3f} to {high:.3f}" in page.text
        assert f"({row.missed.hits} of 80)" in page.text


def test_evaluation_says_so_when_a_baseline_is_better(threes: Threes) -> None:
    result = threes.evaluation()
    ours, pca, knn = result.rows
    worse = replace(ours, auroc=0.6, auroc_interval=(0.55, 0.65))
    better = replace(pca, auroc=0.9, auroc_interval=(0.85, 0.95))
    lesser = replace(knn, auroc=0.7, auroc_interval=(0.6, 0.8))
    page = Page(threes.evaluation_page(replace(result, rows=(worse, better, lesser))))
    assert "PCA, a baseline, ranks these images better than sablier (AUROC 0.900 against 0.600)" in page.text


def test_evaluation_without_verdicts_claims_no_rates(threes: Threes) -> None:
    page = Page(threes.evaluation_page(threes.evaluation(alpha=0.001)))
    assert "No verdicts at 0.1%" in page.text
    assert page.text.count("no verdict") >= 6
    assert "None is missed" not in page.text


@pytest.mark.web
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_runs_over_the_edge_and_nothing_is_fetched(threes: Threes, browser: Any, tmp_path: Path, width: int) -> None:
    names = [f"{i}/" + ("a-long-name-without-a-break" * 8) for i in range(80)]
    bad = ImageSet(threes.bad.array, ids=np.array(names), labels=np.array(["an-unreasonably-long-label" * 3] * 80))
    pages = {
        "detection": threes.page(threes.summary(bad)),
        "evaluation": threes.evaluation_page(threes.evaluation()),
        "empty": threes.page(threes.empty_summary(), title="t" * 300),
    }
    for name, text in pages.items():
        path = tmp_path / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 800})
        requests: list[str] = []
        troubles: list[str] = []
        page.on("request", lambda request, requests=requests: requests.append(request.url))
        page.on("console", lambda message, troubles=troubles: troubles.append(message.text))
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        assert [url for url in requests if not url.startswith(("data:", path.as_uri()))] == []
        assert troubles == []
        page.close()


@pytest.mark.web
def test_small_images_are_not_blurred_and_dark_pages_have_light_ink(threes: Threes, browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(threes.page(threes.summary(threes.bad)), encoding="utf-8")
    page = browser.new_page(color_scheme="dark")
    page.goto(path.as_uri())
    style = "getComputedStyle(document.querySelector('{}')).{}"
    assert page.evaluate(style.format(".card img", "imageRendering")) == "pixelated"
    for selector, name in (("body", "color"), (".chart svg text", "fill")):
        ink = [int(value) for value in re.findall(r"\d+", page.evaluate(style.format(selector, name)))[:3]]
        assert min(ink) > 128, selector
    page.close()
