"""A folder in the layout of MVTec AD is read as it lies: what trains, what is judged, and its masks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ImagesError
from sablier.images import read_images
from sablier.images.imageset import Skipped
from sablier.images.mvtec import layout_of, training_source

MASK = np.pad(np.full((4, 4), 255, np.uint8), 2)


def write(path: Path, pixels=MASK) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def category(tmp_path) -> Path:
    """Two good images to train on, one to judge, and four kinds of defects whose masks are kept in four ways."""
    place = tmp_path / "tile"
    for name in ("train/good/0.png", "train/good/1.png", "test/good/0.png"):
        write(place / name)
    for kind in ("crack", "dent", "blot", "hole"):
        write(place / f"test/{kind}/0.png")
    write(place / "ground_truth/crack/0_mask.png")
    write(place / "ground_truth/crack/0.png", 0 * MASK)  # the one named _mask is the mask
    write(place / "ground_truth/dent/0.bmp")
    write(place / "ground_truth/blot/0_mask.png", MASK[:6])
    return place


def masks_of(category, **options):
    layout = layout_of(category)
    _, bad = layout.read_tests()
    return dict(zip(bad.ids.tolist(), layout.masks(bad, **options), strict=True))


def test_training_learns_from_the_good_images_alone(category):
    assert len(read_images(training_source(category))) == 2
    assert len(read_images(training_source(str(category)))) == 2


def test_good_and_bad_are_told_apart_by_their_folders(category):
    good, bad = layout_of(category).read_tests()
    assert good.ids.tolist() == ["good/0.png"]
    assert sorted(bad.labels.tolist()) == ["blot", "crack", "dent", "hole"]


def test_a_kind_is_the_outermost_folder(category):
    write(category / "test/crack/monday/7.png")
    write(category / "ground_truth/crack/monday/7_mask.png")
    _, bad = layout_of(category).read_tests()
    assert bad.labels[bad.ids == "crack/monday/7.png"] == ["crack"]
    assert masks_of(category)["crack/monday/7.png"].sum() == 16


def test_masks_are_found_by_either_name(category):
    found = masks_of(category)
    for id in ("crack/0.png", "dent/0.png"):
        assert np.array_equal(found[id], MASK > 0)


def test_a_mask_that_cannot_be_used_is_said(category):
    found = masks_of(category)
    for id, said in {
        "hole/0.png": f"expected its mask as {category / 'ground_truth/hole/0_mask.png'}, found none",
        "blot/0.png": "expected a mask of 8 x 8, as its image, got 6 x 8",
    }.items():
        assert isinstance(found[id], Skipped)
        assert said in found[id].reason
    with pytest.raises(ImagesError, match="of 8 x 8, as its image"):
        masks_of(category, strict=True)


def test_unreadable_images_are_told_once_with_their_kind(category):
    for kind in ("good", "crack"):
        (category / "test" / kind / "torn.png").write_bytes(b"")
    good, bad = layout_of(category).read_tests()
    assert [item.id for item in good.skipped] == ["good/torn.png"]
    assert [item.id for item in bad.skipped] == ["crack/torn.png"]


@pytest.mark.parametrize(
    ("removed", "message"), [("good", "expected images in good/"), ("crack dent blot hole", "a folder for each kind of defect")]
)
def test_both_kinds_are_needed_to_judge(category, removed, message):
    for kind in removed.split():
        (category / "test" / kind / "0.png").unlink()
    with pytest.raises(ImagesError, match=message):
        layout_of(category).read_tests()


def test_an_image_in_no_folder_is_neither_good_nor_bad(category):
    write(category / "test" / "stray.png")
    with pytest.raises(ImagesError, match=r"a folder named after its defect, got stray\.png"):
        layout_of(category).read_tests()


def test_other_sources_are_left_as_they_are(category, tmp_path):
    pixels = np.zeros((3, 8, 8), np.uint8)
    assert training_source(pixels) is pixels
    for source in ("digits", "mnist:test[label=5]", category / "train", str(category / "test" / "crack"), "nowhere"):
        assert training_source(source) is source
    (tmp_path / "digits").symlink_to(category)
    assert layout_of("digits") is None  # the named set comes first, as everywhere


def test_a_category_without_good_images_to_learn_from(category):
    (category / "train").rename(category / "elsewhere")
    with pytest.raises(ImagesError, match="to train on in train/good/, found only test/"):
        training_source(category)


@pytest.mark.parametrize(("name", "training", "good", "bad"), [("toothbrush", 48, 12, 30), ("magnetic_tile", 715, 237, 388)])
def test_the_industrial_sets(public_data, name, training, good, bad):
    layout = layout_of(public_data / "industrial" / name)
    if layout is None:
        pytest.skip(f"no {name} under SABLIER_DATA")
    assert len(read_images(layout.training)) == training
    assert tuple(map(len, layout.read_tests())) == (good, bad)
    _, images = layout.read_tests()
    assert all(
        not isinstance(mask, Skipped) and mask.any() for mask in layout.masks(images.take(np.arange(0, bad, 29)), strict=True)
    )
