"""reconstruct: from a model file and a source to tables, pictures and a sheet; and what pictures are called."""

import csv
import json
import os
import re
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from listing import visible
from PIL import Image

from sablier.errors import ImagesError, ModelFileError, OutputError, TooFewImages
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.scorer import score_together
from sablier.workflows.naming import picture_path
from sablier.workflows.reconstruct import drawing_network, reconstruct
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.network import network_of


@pytest.fixture(scope="module")
def digits_autoencoder(small_autoencoder):
    """A model file: a narrow autoencoder of the digits."""
    return small_autoencoder


@pytest.fixture
def photos(tmp_path):
    """Photos of several sizes in two folders, and one that cannot be read."""
    place, random = tmp_path / "photos", np.random.default_rng(0)
    for index, (height, width) in enumerate([(80, 100), (100, 80), (70, 90), (90, 90)] * 3):
        folder = place / ("day" if index % 2 else "night")
        folder.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(random.integers(0, 255, (5, 5, 3), np.uint8)).resize((width, height))
        picture.save(folder / f"{index:02}.png")
    (place / "night" / "torn.png").write_bytes((place / "night" / "00.png").read_bytes()[:300])
    return place


def rows(folder):
    with (folder / "errors.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_pictures_and_sheet(digits_autoencoder, tmp_path):
    seen: list[Any] = []
    summary = reconstruct(digits_autoencoder, "digits:test", tmp_path / "out", on_progress=seen.append)
    assert (summary.network, seen) == ("", [360])
    assert visible(tmp_path / "out") == ["errors.csv", "errors.json", "reconstructions", "sheet.png"]
    document, table = json.loads((tmp_path / "out" / "errors.json").read_text()), rows(tmp_path / "out")
    assert [*table[0]] == ["id", "label", "mse", "psnr"]
    assert [{**row, "mse": float(row["mse"]), "psnr": float(row["psnr"])} for row in table] == document.pop("errors")
    assert document == summary.to_json() | {"network": ""}
    errors = [float(row["mse"]) for row in table]
    assert (document["images"], document["numbers"], document["values"]) == (360, 6, 64)
    assert document["mean_mse"] == pytest.approx(np.mean(errors))
    assert document["median_mse"] == pytest.approx(np.median(errors))
    assert document["worst_mse"] == max(errors)
    assert len(os.listdir(tmp_path / "out" / "reconstructions" / "test")) == 360


def test_the_pictures_are_what_the_errors_are_of(digits_autoencoder, tmp_path):
    reconstruct(digits_autoencoder, "digits:test", tmp_path / "out")
    originals = read_images("digits:test")
    for row in rows(tmp_path / "out")[:20]:
        with Image.open(tmp_path / "out" / "reconstructions" / f"{row['id']}.png") as picture:
            assert picture.mode == "L"
            again = np.asarray(picture) / 255
        image = originals[int(row["id"].partition("/")[2])][..., 0] / 255
        assert np.mean((again - image) ** 2) == pytest.approx(float(row["mse"]), abs=1e-3)


def test_photos_come_back_at_their_own_size(photos, tmp_path):
    model = tmp_path / "photos.sablier"
    recipe = make_recipe("autoencoder", "tiny", ["epochs=1", "latent=3", "width=8", "size=64"])
    train_autoencoder(read_images(photos), recipe).save(model)
    summary = reconstruct(model, photos, tmp_path / "out")
    assert summary.count == 12
    assert [item.id for item in summary.skipped] == ["night/torn.png"]
    assert json.loads((tmp_path / "out" / "errors.json").read_text())["skipped"][0]["id"] == "night/torn.png"
    for row in rows(tmp_path / "out"):
        with Image.open(photos / row["id"]) as image, Image.open(tmp_path / "out" / "reconstructions" / row["id"]) as picture:
            assert (picture.size, picture.mode) == (image.size, "RGB")
    with pytest.raises(ImagesError, match=r"torn\.png"):
        reconstruct(model, photos, tmp_path / "strict", strict=True)


def test_of_a_detector_with_folds_the_first_network_draws(digits_file, tmp_path):
    summary = reconstruct(digits_file, "digits:test[label=3]", tmp_path / "out")
    assert summary.network == "the first of 2 cross-conformal folds"
    assert json.loads((tmp_path / "out" / "errors.json").read_text())["network"] == summary.network
    scorer = Detector.from_file(ModelFile.load(digits_file)).scorers[0]
    drawn = score_together([scorer], read_images("digits:test[label=3]"), pictures=True)[0].reconstructions
    images = read_images("digits:test[label=3]").array / 255
    assert summary.mean_mse == pytest.approx(np.mean((drawn - images) ** 2), rel=1e-4)


def test_the_network_of_an_autoencoder_draws(digits_autoencoder):
    file = ModelFile.load(digits_autoencoder)
    assert type(drawing_network(file)[0]) is type(network_of(file, "reconstruct"))


def test_pca_of_a_baseline_stands_beside_it(digits_autoencoder, tmp_path):
    summary = reconstruct(digits_autoencoder, "digits:test", tmp_path / "out", baseline="digits")
    assert 0.005 < summary.pca_mse < 0.05
    assert json.loads((tmp_path / "out" / "errors.json").read_text())["pca_mse"] == summary.pca_mse
    few = read_images("digits").take(range(5))
    with pytest.raises(TooFewImages, match="at least 6 images to fit PCA"):
        reconstruct(digits_autoencoder, "digits:test", tmp_path / "few", baseline=few)
    assert not (tmp_path / "few").exists()


def test_what_cannot_be_done_is_said(digits_autoencoder, tmp_path):
    file = ModelFile.load(digits_autoencoder)
    other = ModelFile("denoise", file.preprocess, file.parts, file.histories, file.provenance)
    with pytest.raises(ModelFileError, match="expected a model that reconstructs or detects, got one trained to denoise"):
        drawing_network(other)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "a.png").write_bytes(b"")
    with pytest.raises(ImagesError, match=r"a\.png"):
        reconstruct(digits_autoencoder, tmp_path / "torn", tmp_path / "out")
    with pytest.raises(ImagesError, match="no such file"):
        reconstruct(digits_autoencoder, tmp_path / "nowhere", tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Choose another folder"):
        reconstruct(digits_autoencoder, "digits:test", tmp_path / "file")


@pytest.mark.parametrize("output", [".", "photos", "photos/out"])
def test_originals_are_never_written_over(digits_autoencoder, tmp_path, output):
    source = tmp_path / ("reconstructions" if output == "." else "photos")
    source.mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(source / "a.png")
    with pytest.raises(OutputError, match="Choose one apart"):
        reconstruct(digits_autoencoder, source, tmp_path / output)
    assert os.listdir(source) == ["a.png"]


# names


@given(st.text(max_size=400))
def test_a_picture_never_leaves_its_folder(id):
    path = picture_path(Path("out"), id)
    assert path.parts[0] == "out"
    assert ".." not in path.parts
    assert path.name.endswith(".png")
    assert all(len(part.encode()) < 200 and part == part.strip() for part in path.parts)


@given(st.sets(st.text(string.ascii_letters + "._-/\\ :", max_size=12).map("{}.png".format), max_size=30))
def test_different_images_have_different_pictures(ids):
    assert len({picture_path(Path("out"), id) for id in ids}) == len(ids)


def test_pictures_are_called_like_their_images():
    ids = ["a.png", "bad/ä 1.png", "train/7", "a.jpg", "a.PNG", "b.png#2"]
    names = ["a.png", "bad/ä 1.png", "train/7.png", "a.jpg.png", "a.PNG.png", "b.png#2.png"]
    assert [picture_path(Path("out"), id).relative_to("out").as_posix() for id in ids] == names
    assert picture_path(Path("out"), "a.png", ".npy") == Path("out/a.png.npy")
    for strange in ("../a.png", "/a.png", "C:\\a.png", "con.png", "a..png", " .png", ""):
        assert re.search("-[0-9a-f]{8}\\.png$", picture_path(Path("out"), strange).name)
