"""Folders as they are found: names that are no text, links, links in circles, links that lead nowhere."""

import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ImagesError
from sablier.files.names import as_name
from sablier.images import read_images
from sablier.images.imageset import Skipped
from sablier.images.mvtec import MvtecLayout
from sablier.images.sources import place_of

LATIN_1 = os.fsdecode("caf\xe9.png".encode("latin-1"))
ODD = [LATIN_1, "a\nb.png", "esc\x1b[2J.png", "back\\slash.png", "=1+1.png"]
IDS = ["caf\\udce9.png", "a\\nb.png", "esc\\x1b[2J.png", "back\\\\slash.png", "=1+1.png"]


def save(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(path)
    except OSError as error:
        pytest.skip(f"this file system takes no such name: {error}")
    return path


# names that are no text


def test_ids_are_text_and_lead_back_to_the_file(tmp_path):
    for value, name in enumerate(ODD):
        save(tmp_path / name, value)
    images = read_images(tmp_path)
    assert sorted(images.ids) == sorted(IDS)
    for name, image in zip(images.ids.tolist(), images, strict=True):
        name.encode()
        assert image[0, 0, 0] == ODD.index(as_name(name))
        assert (tmp_path / as_name(name)).is_file()


def test_folders_make_labels_and_sources_that_are_text(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    save(folder / os.fsdecode(b"na\xefve") / "1.png")
    images = read_images(folder)
    assert images.labels.tolist() == ["na\\udcefve"]
    assert images.source == str(tmp_path / "caf\\udce9")
    one = read_images(folder / os.fsdecode(b"na\xefve") / "1.png")
    assert (one.ids.tolist(), one.source) == (["1.png"], str(tmp_path / "caf\\udce9" / "na\\udcefve" / "1.png"))


def test_archives_make_the_same_ids(tmp_path):
    image = save(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(image, "x/esc\x1b[2J.png")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(image, LATIN_1)
    assert read_images(tmp_path / "a.zip").ids.tolist() == ["x/esc\\x1b[2J.png"]
    assert read_images(tmp_path / "a.tar").ids.tolist() == ["caf\\udce9.png"]


def test_members_of_equal_names_are_numbered_apart_from_all_others(tmp_path):
    image = save(tmp_path / "a.png")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("x.png", "x.png#2.png", "x.png", "x.png"):
            archive.add(image, name)
    ids = read_images(tmp_path / "a.tar").ids.tolist()
    assert ids == ["x.png", "x.png#2.png", "x.png#2", "x.png#3"]


def test_masks_are_found_by_ids(tmp_path):
    save(tmp_path / "test" / "good" / "1.png")
    save(tmp_path / "test" / "scratch" / LATIN_1)
    save(tmp_path / "ground_truth" / "scratch" / LATIN_1.replace(".png", "_mask.png"), 255)
    layout = MvtecLayout(tmp_path)
    _, bad = layout.read_tests()
    (mask,) = layout.masks(bad)
    assert not isinstance(mask, Skipped)
    assert mask.all()


@pytest.mark.parametrize("name", ["a" * 5000, "a/" * 3000, "\0"])
def test_a_name_that_no_file_can_have_is_a_file_that_is_not_there(name):
    with pytest.raises(ImagesError, match="no such file or folder"):
        read_images(name)
    assert place_of(name) is None


# links


def test_links_to_folders_are_followed(tmp_path):
    save(tmp_path / "elsewhere" / "deep" / "1.png")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "elsewhere")
    images = read_images(tmp_path / "photos")
    assert images.ids.tolist() == ["linked/deep/1.png"]
    assert images.labels.tolist() == ["deep"]
    assert images.skipped == ()


def test_each_folder_is_read_once_under_its_own_name(tmp_path):
    save(tmp_path / "z" / "1.png")
    (tmp_path / "a").symlink_to(tmp_path / "z")
    images = read_images(tmp_path)
    assert images.ids.tolist() == ["z/1.png"]
    (skipped,) = images.skipped
    assert (skipped.id, skipped.reason.split(".")[0]) == (
        "a", "expected a file or a folder, but it is a link to a folder that is read as z",
    )  # fmt: skip


def test_links_in_circles_end(tmp_path):
    save(tmp_path / "x" / "1.png")
    (tmp_path / "x" / "up").symlink_to(tmp_path)
    (tmp_path / "x" / "self").symlink_to("self")
    for number in range(12):  # each links to all: as many paths as there are orders
        (tmp_path / f"y{number}").mkdir()
        for other in range(12):
            (tmp_path / f"y{number}" / f"to{other}").symlink_to(tmp_path / f"y{other}")
    images = read_images(tmp_path)
    assert images.ids.tolist() == ["x/1.png"]
    reasons = {item.id: item.reason for item in images.skipped}
    assert "read as the whole" in reasons["x/up"]
    assert "leads nowhere" in reasons["x/self"]
    assert len(reasons) == 2 + 144


def test_links_that_lead_nowhere_are_listed(tmp_path):
    save(tmp_path / "1.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "batch").symlink_to("/media/usb/batch")
    images = read_images(tmp_path)
    assert images.ids.tolist() == ["1.png"]
    assert images.labels is None
    assert [item.id for item in images.skipped] == ["batch", "gone.png"]
    assert "a link to '/media/usb/batch', which is not there" in images.skipped[0].reason
    with pytest.raises(ImagesError, match=r"which is not there.*strict"):
        read_images(tmp_path, strict=True)


def test_a_folder_of_nothing_but_dead_links_says_so(tmp_path):
    (tmp_path / "batch").symlink_to("/media/usb/batch")
    with pytest.raises(ImagesError, match="which is not there"):
        read_images(tmp_path)


def test_pipes_are_passed_over(tmp_path):
    save(tmp_path / "1.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert read_images(tmp_path).ids.tolist() == ["1.png"]
