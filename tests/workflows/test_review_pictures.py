"""The pictures of images to judge: photos, masks, layers and outlines, and that of ignored pixels."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sablier.images import ImageSet, Preprocess, read_images
from sablier.images.imageset import Skipped
from sablier.images.packed_mask import packed
from sablier.tasks.detection.regions import RegionRule
from sablier.tasks.detection.result import DetectionResult
from sablier.workflows.review_pictures import ReviewPictures

SIZES = [(8, 8), (100, 50), (30, 40)]


@pytest.fixture
def images():
    """Three images of an array that came in several sizes, with odd names."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1)).astype(np.uint8)
    return ImageSet(pixels, ids=np.array(["../up.png", "a/b.png", "a_b.png"]), sizes=np.array(SIZES))


def found_in(images, anomaly_maps):
    """Return a detection with pictures."""
    count, none = len(images), np.zeros(len(images))
    return DetectionResult(
        images.ids, none, none, np.full(count, "anomaly"), {}, {}, 0.05, "", images=images.array / 255,
        anomaly_maps=anomaly_maps, sizes=images.sizes,
    )  # fmt: skip


def drawn(folder, images, anomaly_maps, rule=RegionRule(), ignored=None, **options):  # noqa: B008  # it is frozen
    side = anomaly_maps.shape[1]
    preprocess = Preprocess(height=side, width=side, channels=1, resize="fit", ignored="" if ignored is None else packed(ignored))
    pictures = ReviewPictures(folder, preprocess, rule, mask_files=True)
    return pictures, pictures.draw(images, found_in(images, anomaly_maps), **options)


@pytest.fixture
def spot():
    """Maps that are high in a square of the first and the second image."""
    maps = np.full((3, 8, 8), 0.9)
    maps[:2, 2:5, 4:6] = [[[1.1]], [[2.5]]]
    return maps


def test_masks_are_white_above_the_mark_level_at_the_size_of_the_photo(tmp_path, images, spot):
    _, each = drawn(tmp_path, images, spot)
    for one, size in zip(each, SIZES, strict=True):
        with Image.open(tmp_path / one.mask) as picture:
            assert (picture.mode, picture.size) == ("L", size[::-1])
            assert set(np.unique(np.asarray(picture))) <= {0, 255}
    with Image.open(tmp_path / each[0].mask) as picture:
        assert np.array_equal(np.asarray(picture), np.where(spot[0] > 1, 255, 0))
    assert not np.asarray(Image.open(tmp_path / each[2].mask)).any()
    assert [len(one.regions) for one in each] == [one.shown["regions"] for one in each] == [1, 1, 0]


def test_the_mark_level_is_that_of_the_detection(tmp_path, images, spot):
    preprocess = Preprocess(height=8, width=8, channels=1, resize="fit")
    pictures = ReviewPictures(tmp_path, preprocess, RegionRule(), mask_files=True)
    each = pictures.draw(images, replace(found_in(images, spot), mark_level=1.1))
    assert [len(one.regions) for one in each] == [0, 1, 0]
    assert not np.asarray(Image.open(tmp_path / each[0].mask)).any()


def test_pictures_of_an_image_have_one_name_whatever_its_id(tmp_path, images, spot):
    _, each = drawn(tmp_path, images, spot)
    assert [one.map for one in each] == ["maps/up.png", "maps/a_b.png", "maps/a_b-2.png"]
    for one, name in zip(each, ("up", "a_b", "a_b-2"), strict=True):
        assert (one.mask, one.shown["overlay"], one.shown["photo"]) == (
            f"masks/{name}.png",
            f"overlays/{name}.png",
            f"photos/{name}.png",
        )
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    assert len(written) == 12


def test_outlines_are_in_pixels_of_the_photo(tmp_path, images, spot):
    _, each = drawn(tmp_path, images, spot)
    assert each[0].shown["outline"] == "M4,2.5 4.5,2 5.5,2 6,2.5 6,4.5 5.5,5 4.5,5 4,4.5Z"
    assert (each[1].shown["height"], each[1].shown["width"]) == (100, 50)
    columns = [float(pair.split(",")[0]) for pair in each[1].shown["outline"].strip("MZ").split()]
    # 100 x 50 became 8 x 4, two columns from the left: columns 4 and 5 are the right half.
    assert min(columns) == pytest.approx(25, abs=7)
    assert max(columns) == 50
    assert each[2].shown["outline"] == ""


def test_small_regions_have_neither_outline_nor_mask(tmp_path, images, spot):
    _, each = drawn(tmp_path, images, spot, RegionRule(min_area=7))
    assert each[0].shown["outline"] == ""
    assert not np.asarray(Image.open(tmp_path / each[0].mask)).any()


def test_the_ground_truth_is_an_outline_where_there_is_one(tmp_path, images, spot):
    def masks(part):
        assert part.ids.tolist() == images.ids.tolist()
        mask = np.zeros((8, 8), bool)
        mask[0, 0] = True
        yield from (mask, Skipped("a/b.png", "no mask"), Skipped("a_b.png", "no mask"))

    _, each = drawn(tmp_path, images, spot, masks=masks)
    assert [one.shown["truth"] for one in each] == ["M0,0.5 0.5,0 1,0.5 0.5,1Z", "", ""]


def test_the_layer_is_transparent_where_nothing_is_drawn_and_has_no_border_of_the_model(tmp_path, images, spot):
    spot[0, 0, 0] = 0.2
    _, each = drawn(tmp_path, images, spot)
    with Image.open(tmp_path / each[0].shown["overlay"]) as picture:
        alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    assert alpha.shape == (8, 8)
    assert alpha[0, 0] == 0
    assert alpha[3, 4] > alpha[7, 7] > 0
    with Image.open(tmp_path / each[1].shown["overlay"]) as picture:
        assert picture.size == (4, 8)  # the photo of 100 x 50, without what the model saw beside it


def test_an_image_that_the_report_does_not_show_has_no_photo(tmp_path, images, spot):
    _, each = drawn(tmp_path, images, spot, shown=False)
    assert [one.shown for one in each] == [None] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps", "masks"]


def test_a_photo_that_is_gone_is_shown_as_the_model_saw_it(tmp_path):
    (tmp_path / "in").mkdir()
    for name in "ab":
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "in" / f"{name}.png")
    images = read_images(tmp_path / "in")
    dense = ImageSet(np.zeros((2, 8, 8, 1), np.uint8), ids=images.ids, sizes=images.sizes)
    (tmp_path / "in" / "a.png").unlink()
    pictures = ReviewPictures(tmp_path / "out", Preprocess(height=8, width=8, channels=1), RegionRule(), mask_files=False)
    one, other = pictures.draw(images, found_in(dense, np.zeros((2, 8, 8))))
    assert (one.shown["photo"], other.shown["photo"]) == ("", "photos/b.png")
    assert [one.map, one.mask] == ["maps/a.png", ""]
    assert [path.name for path in (tmp_path / "out" / "photos").iterdir()] == ["b.png"]


@pytest.mark.parametrize(("sizes", "shape"), [([(16, 16)] * 3, (16, 16)), ([(16, 16), (8, 8)], (8, 8))])
def test_the_mask_of_ignored_pixels_has_the_size_of_the_photos_if_they_have_one(tmp_path, images, spot, sizes, shape):
    ignored = np.zeros((8, 8), bool)
    ignored[2:4, 6:] = True
    pictures, _ = drawn(tmp_path, images, spot, ignored=ignored)
    pictures.write_ignored(sizes)
    with Image.open(tmp_path / "ignored.png") as picture:
        found = np.asarray(picture)
    times = shape[0] // 8
    assert found.shape == shape
    assert np.array_equal(found, np.where(ignored.repeat(times, 0).repeat(times, 1), 255, 0))


def test_where_nothing_is_ignored_no_mask_says_so(tmp_path, images, spot):
    pictures, _ = drawn(tmp_path, images, spot)
    pictures.write_ignored([(8, 8)])
    assert not (tmp_path / "ignored.png").exists()
