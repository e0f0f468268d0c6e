"""Pages of sections: what each block shows, and what every page keeps."""

import json
import re

import numpy as np
import pytest
from page_checks import anchors_of, check_page, contrast

from sablier.report.curves import Line
from sablier.report.notebook import notebook_text
from sablier.report.pages import environment
from sablier.report.section_charts import histogram_picture, lines_picture
from sablier.report.sections import Exercise, Images, Picture, Section, SectionPage, Table, Text, page_html, section_html


@pytest.fixture
def page() -> SectionPage:
    pixels = np.zeros((2, 4, 4, 3), np.uint8)
    chart = lines_picture([Line("a <line>", [1, 2, 3], [0.3, 0.2, 0.1])], "epoch", "loss", "Losses", log=True)
    bars = histogram_picture({"one": np.array([0.1, 0.2]), "other": np.array([0.4])}, "error", "share", "Errors", threshold=0.3)
    first = Section("data", "Data & more", (Text("Read `mnist<5>`.", spoken=True), Images({"fives": list(pixels)}, ["5", "5"])))
    second = Section("charts", "Charts", (chart, bars, Table(["a", "b"], [["x", "1"]], "Numbers")))
    third = Section("exercises", "Exercises", (Exercise("Why?", ["sablier course list"], "Because of `x`."),))
    return SectionPage("demo", "Demo", "What came out", "fr", (first, second, third), note="A note", tiles=[("AUROC", "0.9")])


def test_the_page_is_whole(page):
    html = page_html(page)
    check_page(html, "fr")
    assert anchors_of(html) == ["data", "charts", "exercises"]
    for text in ("What came out", "Data &amp; more", "<code>mnist&lt;5&gt;</code>", "sablier course list", "<caption>Numbers"):
        assert text in html
    assert html.count("<svg") == 2
    assert "a &lt;line&gt;" in html


def test_a_section_can_stand_in_another_page(page):
    html = section_html(page["data"])
    assert html.startswith('<section id="data">')
    assert html.strip().endswith("</section>")


def test_a_raster_picture_has_its_alternative_text(page):
    gif = b"GIF89a" + bytes(20)
    html = section_html(Section("a", "A", (Picture(gif, 'what "moves"'),)))
    assert 'src="data:image/gif;base64,' in html
    assert 'alt="what &#34;moves&#34;"' in html


def test_the_notebook_holds_what_the_page_holds(page):
    cells = json.loads(notebook_text(page))["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    assert [text for cell, text in zip(cells, texts, strict=True) if cell["cell_type"] == "code"][1:] == [
        'page["data"]', 'page["charts"]',
    ]  # fmt: skip
    assert any("Read `mnist<5>`." in text for text in texts)
    assert any("```sh\nsablier course list\n```" in text and "Because of" in text for text in texts)
    shown = "".join(cells[5]["outputs"][0]["data"]["text/html"])
    assert shown.count("<svg") == 2
    assert "--ink" in shown


def test_colours_can_be_read_in_both_themes():
    style = environment().get_template("report.css").render()
    themes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{[^}]+", style)[:2]]
    assert len(themes) == 2
    for theme in themes:
        for colour in ("ink", "muted", "blue"):
            assert min(contrast(theme[colour], theme[ground]) for ground in ("page", "surface")) >= 4.5, colour


@pytest.mark.web
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_runs_over_the_edge(page, browser, tmp_path, width):
    file = tmp_path / "page.html"
    file.write_text(page_html(page), encoding="utf-8")
    for scheme in ("light", "dark"):
        shown = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        requests: list[str] = []
        shown.on("request", lambda request, requests=requests: requests.append(request.url))
        shown.goto(file.as_uri())
        shown.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert [url for url in requests if not url.startswith(("data:", "file:"))] == []
        shown.close()
