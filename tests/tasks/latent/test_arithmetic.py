"""Sums of mean codes: what comes out, what is nearest, what is no place among codes."""

import json
from typing import Any

import numpy as np
import pytest

from sablier.errors import ConfigError, ImagesError, TooFewImages
from sablier.images.imageset import ImageSet, LazyPixels
from sablier.tasks.latent.arithmetic import SHOWN, coded_set, combine, nearest_images, weights_of
from sablier.tasks.latent.reconstruct import decode, encode


@pytest.fixture(scope="module")
def sets(network, rule, digits):
    return {label: coded_set(network, rule, digits.where(label=label), f"the {label}s") for label in "0138"}


def test_a_sum_is_that_of_the_mean_codes(network, rule, sets):
    result = combine(network, rule, [sets["0"], sets["1"]], [sets["3"]])
    means = {label: each.codes.mean(axis=0) for label, each in sets.items()}
    np.testing.assert_allclose(result.code, means["0"] + means["1"] - means["3"], atol=1e-5)
    np.testing.assert_allclose(result.image, decode(network, rule, result.code[None])[0], atol=1e-6)
    assert [(term.name, term.weight, term.count) for term in result.terms] == [
        ("the 0s", 1, len(sets["0"].codes)), ("the 1s", 1, len(sets["1"].codes)), ("the 3s", -1, len(sets["3"].codes)),
    ]  # fmt: skip
    np.testing.assert_allclose(result.terms[2].mean, decode(network, rule, means["3"][None])[0], atol=1e-5)
    assert result.terms[0].images.shape == (SHOWN, 8, 8, 1)


def test_without_a_difference_it_is_the_average(network, rule, sets):
    result = combine(network, rule, [sets["0"], sets["1"], sets["3"]])
    means = np.stack([sets[label].codes.mean(axis=0) for label in "013"])
    np.testing.assert_allclose(result.code, means.mean(axis=0), atol=1e-5)


def test_what_is_added_and_subtracted_again_changes_nothing(network, rule, sets):
    same = combine(network, rule, [sets["8"], sets["1"]], [sets["1"]])
    np.testing.assert_allclose(same.code, sets["8"].codes.mean(axis=0), atol=1e-5)


def test_the_average_of_a_class_lies_in_it(network, rule, sets, digits):
    known = coded_set(network, rule, digits, "digits")
    labels = dict(zip(digits.ids, digits.labels, strict=True))
    for label, each in sets.items():
        nearest = combine(network, rule, [each], among=known).nearest_ids
        assert np.mean([labels[id] == label for id in nearest]) > 0.6


def test_the_nearest_are_nearest(network, rule, sets):
    code = sets["3"].codes[5]
    ids, images, distances = nearest_images([sets["0"], sets["3"]], code, rule)
    assert ids[0] == f"the 3s: {sets['3'].images.ids[5]}"
    assert (len(ids), images.shape, distances[0]) == (SHOWN, (SHOWN, 8, 8, 1), 0)
    np.testing.assert_array_equal(images[0], rule.to_unit(sets["3"].images[5]))
    every = np.concatenate([np.linalg.norm(sets[label].codes - code, axis=1) for label in "03"])
    np.testing.assert_allclose(distances, np.sort(every)[:SHOWN])


def test_how_far_it_lies_from_the_data(network, rule, sets, digits):
    few = combine(network, rule, [sets["0"]])  # 140 images cannot tell
    assert (few.p_value, few.leaves_data) == (None, None)
    known = coded_set(network, rule, digits, "digits")
    within = combine(network, rule, [sets["0"]], among=known)
    assert within.leaves_data is False
    far = combine(network, rule, [sets["0"], sets["0"], sets["0"]], [sets["1"], sets["1"]], among=known)
    assert far.leaves_data is True
    assert far.p_value < within.p_value


def test_a_mixture_is_asked_where_there_is_one(network, rule, sets):
    class Mixture:
        def p_values(self, codes):
            assert codes.shape == (1, 6)
            return np.array([0.25])

    assert combine(network, rule, [sets["0"]], support=Mixture()).p_value == 0.25


@pytest.mark.parametrize(("added", "subtracted"), [(0, 0), (1, 1), (2, 2), (3, 1), (0, 1), (1, 2)])
def test_a_direction_is_no_image(added, subtracted):
    with pytest.raises(ConfigError, match=f"got {added} to add and {subtracted} to subtract"):
        weights_of(added, subtracted)


def test_one_image_and_a_larger_set_are_sets(network, rule, digits):
    one = coded_set(network, rule, digits.take([7]), "one")
    result = combine(network, rule, [one])
    np.testing.assert_allclose(result.code, encode(network, rule, digits.take([7]))[0], atol=1e-6)
    assert result.nearest_ids.tolist() == ["train/7"]
    many = ImageSet(np.tile(digits.array[:100], (11, 1, 1, 1)))
    assert len(coded_set(network, rule, many, "many").codes) == 1100


def test_what_cannot_be_read_is_left_out(network, rule, digits):
    def torn(size):
        raise OSError("is torn")

    decoders = (lambda size: digits[0], torn, lambda size: digits[1])
    table: dict[str, Any] = {"sizes": np.full((3, 2), 8), "channels": np.ones(3, int), "depths": np.full(3, 8)}
    found = coded_set(network, rule, ImageSet(LazyPixels(decoders), ids=np.array(["a", "b", "c"]), **table), "three")
    assert (found.images.ids.tolist(), len(found.codes)) == (["a", "c"], 2)
    np.testing.assert_allclose(found.codes, encode(network, rule, digits.take([0, 1])), atol=1e-6)
    result = combine(network, rule, [found])
    assert (result.skipped_count, result.skipped[0].id) == (1, "b")
    table = {name: column[:1] for name, column in table.items()}
    with pytest.raises(TooFewImages, match=r"expected at least one readable image in one, got none\. b: is torn"):
        coded_set(network, rule, ImageSet(LazyPixels((torn,)), ids=np.array(["b"]), **table), "one")
    with pytest.raises(ImagesError, match="expected images of 8 x 8"):
        coded_set(network, rule, ImageSet(np.zeros((2, 9, 9))), "larger")


def test_the_json_is_all_but_the_pictures(network, rule, sets):
    result = combine(network, rule, [sets["0"], sets["1"]], [sets["3"]])
    document = json.loads(json.dumps(result.to_json()))
    assert document["terms"] == result.to_table()
    assert document["code"] == pytest.approx(result.code.tolist())
    assert len(document["nearest"]) == SHOWN
    assert document["leaves_data"] is result.leaves_data
