from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from threes import Threes

from sablier.errors import ConfigError
from sablier.images.imageset import ImageSet
from sablier.report.anomaly_maps import write_maps
from sablier.report.masks import write_masks


def test_masks_are_white_where_the_map_is_that_of_no_good_image(threes: Threes, tmp_path: Path) -> None:
    result = threes.detector.detect(threes.bad, pictures=True)
    assert result.anomaly_maps is not None
    for path, anomaly_map in zip(write_masks(result, tmp_path), result.anomaly_maps, strict=True):
        with Image.open(path) as picture:
            assert picture.mode == "L"
            assert np.array_equal(np.asarray(picture), np.where(anomaly_map >= 1, 255, 0))


def test_good_images_have_black_masks(threes: Threes, tmp_path: Path) -> None:
    def marked(images: ImageSet, folder: str) -> float:
        paths = write_masks(threes.detector.detect(images, pictures=True), tmp_path / folder)
        return float(np.mean([np.asarray(Image.open(path)).any() for path in paths]))

    assert marked(threes.good, "good") < 0.3
    assert marked(threes.bad, "bad") > 0.6


def test_masks_have_the_names_of_anomaly_maps_and_the_size_of_the_images(threes: Threes, tmp_path: Path) -> None:
    images = ImageSet(threes.bad.array[:3], ids=np.array(["../up.png", "a/b.png", "a_b.png"]))
    result = threes.detector.detect(images, pictures=True)
    sizes = np.array([[100, 50], [8, 8], [30, 40]])
    masks, anomaly_maps = write_masks(result, tmp_path / "masks", sizes), write_maps(result, tmp_path / "maps")
    assert [path.name for path in masks] == [path.name for path in anomaly_maps]
    for path, (height, width) in zip(masks, sizes.tolist(), strict=True):
        with Image.open(path) as picture:
            assert picture.size == (width, height)
            assert set(np.unique(np.asarray(picture))) <= {0, 255}


def test_a_result_without_pictures_is_refused(threes: Threes, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pictures=True"):
        write_masks(threes.detector.detect(threes.good), tmp_path)
