"""What `detect` draws: flagged images, and those nearest to the threshold that are not flagged, however many are flagged."""

import csv
import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.workflows import detection_pictures as module
from sablier.workflows.detect import detect

ALPHA = 0.3


@pytest.fixture
def digits(tmp_path):
    """Write the test images as PNG files; return their folder."""
    (tmp_path / "in").mkdir()
    images = read_images("digits:test")
    for index in range(120):
        Image.fromarray(images.array[index][..., 0]).save(tmp_path / "in" / f"{index:03}.png")
    return tmp_path / "in"


def shown_in(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    return json.loads(re.search(r'id="review-data">(.*?)</script>', text, re.DOTALL)[1])["images"]


def rows_of(folder):
    with (folder / "detections.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("chunk", [7, 200])
def test_the_nearest_below_the_threshold_are_shown_even_if_many_are_flagged(digits_file, digits, tmp_path, monkeypatch, chunk):
    from sablier.workflows import detect as workflow

    monkeypatch.setattr(workflow, "chunk_for", lambda preprocess: chunk)
    monkeypatch.setattr(module, "MOST_NEAREST", 5)
    summary = detect(digits_file, digits, tmp_path / "out", alpha=ALPHA)
    assert summary.flagged > 60
    found = Detector.from_file(ModelFile.load(digits_file)).detect(read_images(digits), ALPHA)
    beyond = np.flatnonzero(found.p_values > ALPHA)
    nearest = beyond[np.lexsort((-found.scores[beyond], found.p_values[beyond]))[:5]]
    shown = shown_in(tmp_path / "out")
    assert {image["id"] for image in shown if not image["marked"]} == set(found.ids[nearest].tolist())
    assert {image["id"] for image in shown if image["marked"]} == set(found.ids[found.p_values <= ALPHA].tolist())
    assert [image["id"] for image in shown if not image["marked"]] == found.ids[nearest].tolist()
    drawn = {row["id"] for row in rows_of(tmp_path / "out") if row["map"]}
    assert drawn == {image["id"] for image in shown}
    assert f"the {5} images nearest to the threshold that are not flagged" in (tmp_path / "out" / "report.html").read_text()


def test_each_shown_photo_is_a_copy_of_its_file_and_all_paths_are_relative(digits_file, digits, tmp_path):
    detect(digits_file, digits, tmp_path / "out", alpha=ALPHA)
    for image in shown_in(tmp_path / "out"):
        assert image["photo"] == f"photos/{image['id']}"
        assert (tmp_path / "out" / image["photo"]).read_bytes() == (digits / image["id"]).read_bytes()
        for name in ("map", "mask", "overlay"):
            assert (tmp_path / "out" / image[name]).is_file()
            assert not os.path.isabs(image[name])


def test_of_a_long_stream_the_report_shows_a_bounded_number(digits_file, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_JUDGED", 20)
    monkeypatch.setattr(module, "MOST_NEAREST", 5)
    from sablier.workflows import detect as workflow

    monkeypatch.setattr(workflow, "chunk_for", lambda preprocess: 10)
    summary = detect(digits_file, digits, tmp_path / "out", alpha=ALPHA)
    shown = shown_in(tmp_path / "out")
    flagged = sum(image["marked"] for image in shown)
    assert len(shown) == flagged + 5 < 35
    assert len(os.listdir(tmp_path / "out" / "photos")) == len(shown)
    assert f"(of {summary.flagged}; the others are in detections.csv)" in (tmp_path / "out" / "report.html").read_text()
    # All flagged images have a map, as detections.csv says.
    assert sum(row["map"] != "" for row in rows_of(tmp_path / "out")) == summary.flagged + 5


def test_without_verdicts_the_highest_scores_are_shown(digits_file, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_RANKED", 9)
    detect(digits_file, digits, tmp_path / "out", alpha=0.001)
    found = Detector.from_file(ModelFile.load(digits_file)).detect(read_images(digits))
    order = np.lexsort((-found.scores, found.p_values))[:9]
    shown = shown_in(tmp_path / "out")
    assert {image["id"] for image in shown} == set(found.ids[order].tolist())
    assert "There are no verdicts." in (tmp_path / "out" / "report.html").read_text()


def test_the_next_run_leaves_no_picture_of_the_one_before(digits_file, digits, tmp_path):
    detect(digits_file, digits, tmp_path / "out", alpha=ALPHA)
    (digits / "000.png").rename(digits / "renamed.png")
    for index in range(1, 100):
        (digits / f"{index:03}.png").unlink()
    detect(digits_file, digits, tmp_path / "out", alpha=ALPHA)
    shown = {image["photo"] for image in shown_in(tmp_path / "out")}
    assert {f"photos/{name}" for name in os.listdir(tmp_path / "out" / "photos")} == shown
    assert len(os.listdir(tmp_path / "out" / "overlays")) == len(os.listdir(tmp_path / "out" / "masks")) == len(shown)
