"""Drawn faces: their attributes, their labels, and their defects."""

import numpy as np
import pytest

from sablier.errors import ImagesError
from sablier.images import read_images
from sablier.images.faces import COMBINATIONS, FEATURES, Pose, Traits, draw_face, faces


def test_faces_are_seeded_and_described() -> None:
    images = faces(200, seed=3)
    assert images.shape == (48, 48, 1)
    assert set(images.labels) == {traits.label for traits in COMBINATIONS}
    assert len(set(images.labels)) == 16
    np.testing.assert_array_equal(faces(20, seed=3).array, images.array[:20])
    assert not np.array_equal(faces(20, seed=4).array, images.array[:20])
    assert len(np.unique(images.array, axis=0)) == 200
    assert not images.masks.any()
    for column, word in {"glasses": "glasses", "smile": "smile"}.items():
        told = np.array([word in label.split("-") for label in images.labels])
        np.testing.assert_array_equal(images.attributes[column], told)


def test_each_attribute_changes_its_own_part_of_the_face() -> None:
    pose = Pose(0, 0, 1, 1.2, 5.8, 10.5, 110, 200, 40, 60)
    plain = draw_face(Traits("round", "short", glasses=False, smile=False), pose).astype(int)
    rows = {}
    for name, traits in {
        "glasses": Traits("round", "short", glasses=True, smile=False),
        "smile": Traits("round", "short", glasses=False, smile=True),
        "hair": Traits("round", "long", glasses=False, smile=False),
        "shape": Traits("angular", "short", glasses=False, smile=False),
    }.items():
        changed = np.abs(draw_face(traits, pose) - plain) > 25
        assert changed.sum() > 15, name
        rows[name] = np.argwhere(changed)[:, 0].mean()
    assert rows["glasses"] < rows["smile"]
    for feature in FEATURES:
        assert (draw_face(COMBINATIONS[0], pose, feature) != draw_face(COMBINATIONS[0], pose)).sum() >= 8, feature


def test_defects_of_faces_are_where_their_masks_say() -> None:
    clean, broken = faces(60, seed=5), faces(60, seed=5, defects=0.5)
    defective = broken.attributes["defect"] != "none"
    assert defective.sum() == 30
    assert set(broken.attributes["defect"]) == {"none", "scratch", "blot", "missing"}
    np.testing.assert_array_equal(clean.array[~defective], broken.array[~defective])
    changed = np.abs(clean.array[..., 0].astype(int) - broken.array[..., 0]) > 25
    np.testing.assert_array_equal(broken.masks, changed)
    assert (broken.masks.sum((1, 2)) >= 8).tolist() == defective.tolist()
    with pytest.raises(ImagesError, match="share of defects"):
        faces(5, defects=2)


def test_selections_of_faces_by_label_and_by_attribute() -> None:
    by_label = read_images("faces:test[label=round-long-glasses-smile]")
    by_attribute = read_images("faces:test[shape=round;hair=long;glasses=True;smile=True]")
    assert by_label.ids.tolist() == by_attribute.ids.tolist()
    assert len(by_label) > 30
    assert len(read_images("faces:test[defect!=none]")) == 100
