"""sablier fool: images that show nothing and are told with certainty, and what else sees through them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from sablier.errors import ConfigError, UnknownName
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.classification.fool import fool_classifier
from sablier.tasks.classification.fooling import WAYS


@pytest.fixture(scope="module")
def path(small_classifier):
    """A classifier of the digits that learnt a little."""
    return small_classifier


@pytest.fixture(scope="module")
def classifier(path):
    return Classifier.from_file(ModelFile.load(path))


@pytest.mark.parametrize("way", WAYS)
def test_every_class_is_reached_and_its_bytes_are_judged(classifier, way):
    result = fool_classifier(classifier, [way], sure=0.99)
    assert result.fooled.all()
    assert result.images.shape == (1, 10, 8, 8, 1)
    again = classifier.classify(read_images(result.images[0]))
    assert again.predicted.tolist() == classifier.classes.tolist()
    np.testing.assert_allclose(again.probabilities.max(axis=1), result.probabilities[0])


@pytest.mark.parametrize("way", WAYS)
def test_the_seed_decides_the_images(classifier, way):
    first, again, other = (fool_classifier(classifier, [way], ["3", "7"], generations=5, seed=seed).images for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_search_that_is_cut_short_says_so(classifier):
    result = fool_classifier(classifier, ["direct"], sure=0.999999, generations=1)
    assert result.generations == (1,)
    assert not result.fooled.all()
    assert [row["fooled"] for row in result.to_table()] == result.fooled[0].tolist()


def test_the_whole_command(sablier, path):
    done = sablier("fool", path, "--way", "cppn", "--class", "3", "--class", "5", "--judge", path, "--sure", "0.99", "-o", "out")
    assert done.code == 0
    assert "2 of 2" in done.out
    rows = list(csv.DictReader(Path("out/fool.csv").read_text().splitlines()))
    assert [(row["way"], row["class"], row["judge_class"]) for row in rows] == [("cppn", "3", "3"), ("cppn", "5", "5")]
    assert json.loads(Path("out/fool.json").read_text())["ways"]["cppn"]["classes_fooled"] == 2
    told = Classifier.from_file(ModelFile.load(path)).classify(read_images("out/images/cppn"))
    assert sorted(told.predicted.tolist()) == ["3", "5"]
    assert Path("out/fool.png").stat().st_size > 1000


def test_what_cannot_be_asked_is_said(sablier, classifier, path, tmp_path):
    with pytest.raises(UnknownName, match=r"unknown way 'gradent'\. Did you mean 'gradient'"):
        fool_classifier(classifier, ["gradent"])
    with pytest.raises(UnknownName, match="unknown class 'x'"):
        fool_classifier(classifier, ["direct"], ["x"])
    for sure in (0, 1, 1.5):
        with pytest.raises(ConfigError, match="expected a probability between 0 and 1"):
            fool_classifier(classifier, sure=sure)
    with pytest.raises(ConfigError, match="at least 1 generation"):
        fool_classifier(classifier, generations=0)
    assert sablier("fool", tmp_path / "no.sablier").code == 2
    (tmp_path / "file").write_text("kept")
    done = sablier("fool", path, "-o", tmp_path / "file")
    assert done.code == 2
    assert "file is a file. Choose another folder with -o" in done.err
    assert (tmp_path / "file").read_text() == "kept"
