"""What every page must keep, for people who read it with a screen reader, on paper or without a network."""

import re
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "link", "img", "br", "input", "hr", "path", "use"}


class _Reader(HTMLParser):
    """Collects the tags of a page with their attributes, and the text of its headings and summaries."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[int, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts[len(self.tags) - 1] = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.texts and data.strip():
            self.texts[max(self.texts)] += data.strip()


def anchors_of(page: str) -> list[str]:
    """Return the ids of the sections of a page, in order."""
    return re.findall(r'<section id="([^"]+)"', page)


def check_page(page: str, language: str) -> None:
    """Raise AssertionError where a page lacks what a reader needs, or fetches something."""
    reader = _Reader()
    reader.feed(page)
    assert not reader.open

    def of(tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in reader.tags if each == tag]

    assert of("html")[0]["lang"] == language
    assert len(of("main")) == len(of("h1")) == len(of("title")) == 1
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in reader.tags if attributes.get("id")]
    assert len(ids) == len(set(ids)), "an id stands twice"
    named = {attributes.get("href", "") or "" for attributes in of("a")}
    assert all(href.removeprefix("#") in ids for href in named if href.startswith("#"))
    assert all("alt" in attributes for attributes in of("img"))
    assert all(attributes.get("aria-label") for _, attributes in reader.tags if attributes.get("role") in ("img", "region"))
    assert all(attributes.get("scope") for attributes in of("th"))
    fetched = [attributes.get(key) or "" for _, attributes in reader.tags for key in ("src", "xlink:href")]
    fetched += [attributes.get("href") or "" for attributes in of("link")]
    assert all(not place or place.startswith(("data:", "#")) for place in fetched)
    assert not of("script")
    assert "url(http" not in page


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as #rrggbb, as WCAG 2 reckons it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
