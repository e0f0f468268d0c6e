"""What the part of a report in which one judges holds: order, texts, and data that is safe within a page."""

import json

import numpy as np
import pytest

from sablier.report.review_page import detection_review, evaluation_review

SMALLEST = 1 / 49


def row(id, p_value, verdict="normal", **more):
    return {
        "id": id, "p_value": p_value, "score": 1 - p_value, "verdict": verdict, "map": f"maps/{id}.jpg", "mask": "",
        "photo": f"photos/{id}.jpg", "overlay": f"overlays/{id}.png", "width": 6, "height": 4, "outline": "", "truth": "",
        "regions": 0, "frame": "", "member": "features", **more,
    }  # fmt: skip


def data_of(review):
    return json.loads(review.data)


ROWS = [row("far", 0.5), row("flagged", 0.04, "anomaly"), row("near", 0.06), row("worst", SMALLEST, "anomaly")]


def test_those_nearest_to_the_threshold_come_first_on_both_sides():
    review = detection_review(ROWS, 0.05, 2, True, SMALLEST, None)
    images = data_of(review)["images"]
    assert [image["id"] for image in images] == ["near", "flagged", "worst", "far"]
    assert [image["verdict"] for image in images] == ["not flagged", "flagged", "flagged", "not flagged"]
    assert review.note == (
        "The 2 flagged images, and the 2 images nearest to the threshold that are not flagged. "
        "Those nearest to the threshold come first."
    )


def test_the_smallest_p_value_is_said_to_be_one():
    images = {image["id"]: image["p"] for image in data_of(detection_review(ROWS, 0.05, 2, True, SMALLEST, None))["images"]}
    assert images["worst"] == "p ≤ 0.0204 (smallest)"
    assert images["near"] == "p = 0.06"


@pytest.mark.parametrize(("decided", "said"), [(True, "None is flagged."), (False, "There are no verdicts.")])
def test_where_none_is_flagged_the_highest_scores_come_first(decided, said):
    review = detection_review([row("low", 0.9), row("high", 0.3)], 0.0, 0, decided, SMALLEST, None)
    assert [image["id"] for image in data_of(review)["images"]] == ["high", "low"]
    assert review.note == f"The 2 images with the highest scores. {said}"


def test_flagged_images_that_are_not_shown_are_counted():
    assert (
        "The 2 flagged images (of 6,000; the others are in detections.csv)"
        in detection_review(ROWS, 0.05, 6000, True, SMALLEST, None).note
    )


def test_an_evaluation_keeps_its_order_and_says_what_is_wrong():
    rows = [
        row("a", 0.5, bad=True, label="crack"),
        row("b", 0.01, "anomaly", bad=False, label="good"),
        row("c", 0.01, "anomaly", bad=True),
        row("d", 0.7, bad=False),
    ]
    review = evaluation_review(rows, SMALLEST, None, True, 9)
    images = data_of(review)["images"]
    assert [(image["verdict"], image["marked"], image["label"]) for image in images] == [
        ("missed", True, "bad: crack"),
        ("false alarm", True, "good"),
        ("flagged", False, "bad"),
        ("not flagged", False, "good"),
    ]
    assert review.note == (
        "1 bad image that is missed, the hardest first; 1 false alarm; then all others, nearest to the threshold first. "
        "The first 4 of 9 images are shown."
    )
    assert not review.feedback


def test_an_evaluation_without_verdicts_calls_nothing_wrong():
    rows = [row("a", 0.5, "undetermined", bad=True), row("b", 0.1, "undetermined", bad=False)]
    review = evaluation_review(rows, SMALLEST, None, False, 2)
    assert [image["verdict"] for image in data_of(review)["images"]] == ["undetermined"] * 2
    assert not any(image["marked"] for image in data_of(review)["images"])
    assert review.note.startswith("There are no verdicts. Bad images with the lowest scores come first")


def test_flagged_images_have_notes_on_the_frame_and_on_maps_without_a_region():
    rows = [row("a", 0.01, "anomaly", frame="The whole image is darker."), row("b", 0.01, "anomaly", regions=2), row("c", 0.5)]
    notes = {image["id"]: image["notes"] for image in data_of(detection_review(rows, 0.05, 2, True, SMALLEST, None))["images"]}
    assert notes["a"][0] == "The whole image is darker."
    assert notes["a"][1].endswith("most of all from the member features.")
    assert notes["b"] == notes["c"] == []


def test_ignored_pixels_are_outlined_once_for_each_size():
    kept = np.ones((4, 6), bool)
    kept[1, 2] = False
    rows = [row("a", 0.5), row("b", 0.4), row("c", 0.3, width=12, height=8)]
    ignored = data_of(detection_review(rows, 0.05, 0, True, SMALLEST, kept))["ignored"]
    assert ignored["6x4"] == "M2,1.5 2.5,1 3,1.5 2.5,2Z"
    assert list(ignored) == ["6x4", "12x8"]
    assert data_of(detection_review(rows, 0.05, 0, True, SMALLEST, None))["ignored"] == {}


def test_names_cannot_end_the_script_that_holds_them():
    review = detection_review([row("</script><b>", 0.5)], 0.05, 0, True, SMALLEST, None)
    assert "<" not in review.data
    assert data_of(review)["images"][0]["id"] == "</script><b>"


def test_the_key_tells_reports_apart():
    one, other = (detection_review([row(name, 0.5)], 0.05, 0, True, SMALLEST, None).key for name in "ab")
    assert one != other


def test_the_modules_of_the_component_become_one_script():
    script = detection_review(ROWS, 0.05, 2, True, SMALLEST, None).script
    assert "import " not in script.replace("import them", "")
    for name in ("made", "picture", "Verdicts", "LargeView", "mountReview"):
        assert f"export function {name}(" in script or f"export class {name} " in script
