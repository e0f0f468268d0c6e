from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from threes import Threes

from sablier.errors import ConfigError
from sablier.images.imageset import ImageSet
from sablier.report.anomaly_maps import file_names, write_maps

HOSTILE = ["../../etc/passwd", "a/b.png", "a_b.png", "A/B.png", "con", "", "...", "é/ö?*:|<>.jpg", "x" * 500, "nul.png", "-rf"]


def test_file_names_are_safe_and_different() -> None:
    names = file_names(HOSTILE)
    assert len({name.lower() for name in names}) == len(HOSTILE)
    for name in names:
        assert name == Path(name).name
        assert name[0] not in ".-"
        assert name.isascii()
        assert 0 < len(name) <= 130
        assert not set(name) & set('/\\:*?"<>|')
        assert name.lower() not in ("con", "nul")


def test_each_image_gets_a_picture_that_can_be_seen(threes: Threes, tmp_path: Path) -> None:
    images = ImageSet(threes.bad.array[:3], ids=np.array(["../up.png", "a/b.png", "a_b.png"]))
    paths = write_maps(threes.detector.detect(images, pictures=True), tmp_path / "maps")
    assert sorted(paths) == sorted((tmp_path / "maps").iterdir())
    assert len(paths) == 3
    for path in paths:
        with Image.open(path) as picture:
            assert picture.height >= 256
            assert picture.width >= 2 * 256


def test_good_images_stay_cold_on_the_same_scale(threes: Threes, tmp_path: Path) -> None:
    def coloured(images: ImageSet, folder: str) -> float:
        paths = write_maps(threes.detector.detect(images, pictures=True), tmp_path / folder)
        return float(np.mean([np.ptp(np.asarray(Image.open(path)).astype(int), axis=2).max(initial=0) > 120 for path in paths]))

    assert coloured(threes.good, "good") < 0.3
    assert coloured(threes.bad, "bad") > 0.6


def test_a_result_without_pictures_is_refused(threes: Threes, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pictures=True"):
        write_maps(threes.detector.detect(threes.good), tmp_path)
