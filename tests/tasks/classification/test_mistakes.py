"""The order in which to look at images, what is suspected, and what is counted."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sablier.errors import ImagesError
from sablier.images import ImageSet
from sablier.tasks.classification.mistakes import find_mistakes, ranks

CLASSES = np.array(["cat", "dog", "owl"])


def images(labels):
    return ImageSet(
        np.zeros((len(labels), 2, 2), np.uint8), ids=np.array([f"{i}.png" for i in range(len(labels))]), labels=labels
    )


@pytest.fixture
def result():
    """Two images of each class told right, and a dog and an owl that look like cats, the owl less clearly."""
    probabilities = np.array(
        [[0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.7, 0.2], [0.99, 0.005, 0.005], [0.1, 0.1, 0.8],
         [0.2, 0.1, 0.7], [0.55, 0.05, 0.4]]
    )  # fmt: skip
    return find_mistakes(images(["cat", "cat", "dog", "dog", "dog", "owl", "owl", "owl"]), CLASSES, probabilities)


def test_what_contradicts_its_label_most_comes_first(result):
    rows = result.to_table()
    assert [row["id"] for row in rows[:2]] == ["4.png", "7.png"]
    assert [row["rank"] for row in rows] == list(range(1, 9))
    assert rows[0]["predicted"] == "cat"
    assert (rows[0]["margin"], rows[0]["loss"]) == (pytest.approx(-0.985), pytest.approx(-np.log(0.005)))
    assert rows[0]["suspected"]
    assert not rows[1]["suspected"]  # it takes 0.85 to be believed a cat
    assert next(iter(rows[0])) == "id"


def test_confusions_and_estimates(result):
    assert result.confusion.tolist() == [[2, 0, 0], [1, 2, 0], [1, 0, 2]]
    assert result.accuracy == 0.75
    assert [(pair["label"], pair["predicted"], pair["images"]) for pair in result.pairs()] == [
        ("dog", "cat", 1),
        ("owl", "cat", 1),
    ]
    assert result.estimated.sum(axis=1).tolist() == pytest.approx([2, 3, 3])
    assert result.estimated[1, 0] >= 1
    assert result.estimated[0, 1] == 0
    assert CLASSES[result.rivals].tolist()[4:6] == ["cat", "cat"]
    found = json.loads(json.dumps(result.to_json()))
    assert (found["wrong"], found["suspected"], found["images"]) == (2, 1, 8)
    assert found["rows"] == result.to_table()


def test_certainty_without_bounds_stays_finite():
    found = find_mistakes(images(["cat", "dog"]), CLASSES[:2], np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert np.isfinite(found.loss).all()
    assert found.rank.tolist() == [1, 2]


def test_both_orders_count_alike():
    # By margin: a, b, c; by loss: b, c, a. So b leads, and of the others a, whose loss is not the smaller by more.
    assert ranks(np.array([-0.9, -0.8, -0.1]), np.array([1.0, 3.0, 2.0])).tolist() == [2, 1, 3]
    assert sorted(ranks(np.zeros(5), np.zeros(5))) == [1, 2, 3, 4, 5]


def test_a_model_may_know_more_classes_than_there_are_images_of(result):
    few = find_mistakes(images(["owl", "owl"]), CLASSES, np.array([[0.2, 0.1, 0.7], [0.8, 0.1, 0.1]]))
    assert few.confusion.sum() == 2
    assert few.estimated.sum() == pytest.approx(2)
    assert few.order.tolist() == [1, 0]


def test_what_cannot_be_judged_is_said():
    with pytest.raises(ImagesError, match="expected labels, got none"):
        find_mistakes(replace(images(["cat"]), labels=None), CLASSES, np.ones((1, 3)))
    with pytest.raises(ImagesError, match="expected 1 x 3 probabilities, got 2 x 3"):
        find_mistakes(images(["cat"]), CLASSES, np.ones((2, 3)))
