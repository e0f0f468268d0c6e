"""map_images: from a model file and a source to one page, and what it says of itself."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError, TooFewImages, UnknownName
from sablier.files.cells import csv_text
from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile
from sablier.models.bottleneck import Bottleneck
from sablier.recipes.make import make_recipe
from sablier.tasks.latent import projection as project_module
from sablier.tasks.latent.reconstruct import encode
from sablier.workflows import map as workflow
from sablier.workflows import map_look
from sablier.workflows.map import map_images
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.denoiser import train_denoiser
from sablier.workflows.training.network import network_of


@pytest.fixture(scope="module")
def digits_autoencoder(small_autoencoder):
    """A model file: a narrow autoencoder of the digits."""
    return small_autoencoder


@pytest.fixture
def some():
    return read_images("digits:test").take(range(50))


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    return json.loads(found[1])


def test_the_page_shows_the_images_and_their_neighbours_by_code(digits_autoencoder, some, tmp_path):
    seen = []
    result = map_images(
        digits_autoencoder,
        some,
        tmp_path / "map.html",
        "pca",
        on_progress=lambda stage, progress: seen.append((stage, progress.done)),
    )
    assert seen == [("encoding", 50)]
    assert (len(result), result.left_out, result.redraws, result.skipped) == (50, 0, True, ())
    assert [*result.columns] == ["label", "error"]
    data = data_of(tmp_path / "map.html")
    assert data["ids"] == some.ids.tolist()
    assert [column["name"] for column in data["columns"]] == ["label", "error"]
    assert set(data["sheets"]) == {"images", "again", "grid"}
    file = ModelFile.load(digits_autoencoder)
    codes = encode(network_of(file, "reconstruct"), file.preprocess, some)
    distances = np.linalg.norm(codes[0] - codes, axis=1)
    places, near = workflow._nearest(codes)
    assert places[0].tolist() == np.argsort(distances)[1:9].tolist()
    assert near[0] == pytest.approx(np.sort(distances)[1:9], abs=1e-3)
    row = result.to_table()[4]
    assert row.keys() == {"id", "x", "y", "label", "error"}
    assert json.loads(json.dumps(result.to_json()))["trustworthiness"] == result.projection.trustworthiness


def test_a_detector_colours_by_score_and_only_a_detector(digits_file, digits_autoencoder, some, tmp_path):
    result = map_images(digits_file, some, tmp_path / "map.html", "pca", colour="score")
    assert [*result.columns] == ["score", "label", "error"]
    assert result.network == "the first of 2 cross-conformal folds"
    threes = np.array(some.labels) == "3"
    assert result.columns["score"][threes].mean() < result.columns["score"][~threes].mean()
    with pytest.raises(ConfigError, match="only a detector scores images"):
        map_images(digits_autoencoder, some, tmp_path / "no.html", "pca", colour="score")


def test_a_table_of_clusters_and_columns_of_the_source_colour(digits_autoencoder, some, tmp_path):
    table = tmp_path / "clusters.csv"
    ids = np.char.add("=", some.ids)  # as `cluster` writes a name that a spreadsheet would run
    rows = [[name, -1 if place == 2 else place % 3, 0.5] for place, name in enumerate(ids[:40].tolist())]
    table.write_text(csv_text([["id", "cluster", "confidence"], *rows]), newline="")
    camera = {"camera": np.array(["left", "right"] * 25), "serial": np.arange(50), "weight": np.linspace(0, 1, 50)}
    images = ImageSet(some.array, ids=ids, attributes=camera)
    result = map_images(digits_autoencoder, images, tmp_path / "map.html", "pca", clusters=table, colour="camera")
    assert [*result.columns] == ["camera", "cluster", "error", "serial", "weight"]
    assert result.columns["cluster"][[0, 1, 2, 3, 45]].tolist() == ["0", "1", "none", "0", "none"]
    kinds = {column["name"]: column["kind"] for column in data_of(tmp_path / "map.html")["columns"]}
    assert kinds == {"camera": "category", "cluster": "category", "error": "number", "serial": "number", "weight": "number"}
    with pytest.raises(ImagesError, match="is of other images"):
        map_images(digits_autoencoder, read_images("digits").take(range(20)), tmp_path / "a.html", "pca", clusters=table)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ImagesError, match="columns id and cluster"):
        map_images(digits_autoencoder, some, tmp_path / "a.html", "pca", clusters=tmp_path / "other.csv")


def test_a_model_that_only_encodes_gives_a_map_without_drawings(digits_autoencoder, some, tmp_path, monkeypatch):
    monkeypatch.setattr(Bottleneck, "capabilities", frozenset({"encode"}))
    result = map_images(digits_autoencoder, some, tmp_path / "map.html", "pca")
    assert not result.redraws
    assert [*result.columns] == ["label"]
    assert set(data_of(tmp_path / "map.html")["sheets"]) == {"images"}
    assert "has no decoder" in (tmp_path / "map.html").read_text(encoding="utf-8")


def test_more_images_than_a_page_shows_are_drawn_evenly(digits_autoencoder, some, tmp_path, monkeypatch):
    monkeypatch.setattr(map_look, "MOST_IMAGES", 10)
    result = map_images(digits_autoencoder, some, tmp_path / "map.html", "pca")
    assert (len(result), result.left_out) == (10, 40)
    assert result.ids[[0, -1]].tolist() == some.ids[[0, -1]].tolist()
    assert "40 more images were left out: an even sample is shown" in (tmp_path / "map.html").read_text(encoding="utf-8")


def test_new_images_are_placed_and_move_nothing(digits_autoencoder, some, tmp_path, monkeypatch):
    alone = map_images(digits_autoencoder, some, tmp_path / "map.html", "pca")
    new = ImageSet(read_images("digits").array[:5])
    result = map_images(digits_autoencoder, some, tmp_path / "map.html", "pca", new=new)
    assert (len(result), len(result.projection)) == (55, 50)
    assert np.array_equal(result.points[:50], alone.points)
    assert [*result.columns] == ["place", "label", "error"]
    assert result.columns["place"][49:51].tolist() == ["on the map", "new"]
    assert result.columns["label"][50:].tolist() == ["none"] * 5
    file = ModelFile.load(digits_autoencoder)
    codes = encode(network_of(file, "reconstruct"), file.preprocess, new)
    assert result.points[50:] == pytest.approx(alone.projection.place(codes))
    assert "5 new images placed on the map of 50 others" in (tmp_path / "map.html").read_text(encoding="utf-8")
    monkeypatch.setattr(project_module, "find_spec", lambda name: None)
    assert map_images(digits_autoencoder, some, tmp_path / "map.html", new=new).projection.method == "pca"
    with pytest.raises(ConfigError, match="places no new images"):
        map_images(digits_autoencoder, some, tmp_path / "map.html", "tsne", new=new)


def test_photos_are_reduced_and_unreadable_ones_left_out(tmp_path):
    place, random = tmp_path / "photos", np.random.default_rng(0)
    place.mkdir()
    for index in range(6):
        picture = Image.fromarray(random.integers(0, 255, (5, 5, 3), np.uint8)).resize((120, 90))
        picture.save(place / f"{index}.png")
    (place / "torn.png").write_bytes((place / "0.png").read_bytes()[:300])
    model = tmp_path / "photos.sablier"
    recipe = make_recipe("autoencoder", "tiny", ["epochs=1", "latent=2", "width=8", "size=96"])
    train_autoencoder(read_images(place), recipe).save(model)
    result = map_images(model, place, tmp_path / "map.html")
    assert result.projection.method == "code"
    assert [item.id for item in result.skipped] == ["torn.png"]
    text = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "could not be read: 1" in text
    assert "reduced to 64 pixels" in text
    assert "drawn evenly" not in text


def test_bad_input_is_refused_before_anything_is_written(digits_autoencoder, some, tmp_path):
    denoiser = tmp_path / "d.sablier"
    train_denoiser(some, make_recipe("denoiser", "tiny", ["epochs=1", "width=8", "size=8"])).save(denoiser)
    page = tmp_path / "map.html"
    with pytest.raises(TooFewImages, match="at least 2 images to map, got 1"):
        map_images(digits_autoencoder, some.take([0]), page)
    with pytest.raises(ModelFileError, match="expected a model that encodes"):
        map_images(denoiser, some, page)
    with pytest.raises(ConfigError, match=r"ends in \.html, got .*map\.png"):
        map_images(digits_autoencoder, some, tmp_path / "map.png")
    with pytest.raises(UnknownName, match="Did you mean 'tsne'"):
        map_images(digits_autoencoder, some, page, "tsnee")
    with pytest.raises(UnknownName, match="Did you mean 'label'"):
        map_images(digits_autoencoder, some, page, "pca", colour="lable")
    with pytest.raises(ConfigError, match="sablier cluster MODEL IMAGES"):
        map_images(digits_autoencoder, some, page, "pca", colour="cluster")
    with pytest.raises(ImagesError, match="expected images of 8 x 8"):
        map_images(digits_autoencoder, np.zeros((4, 9, 9), np.uint8), page)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        map_images(digits_autoencoder, some, tmp_path / "folder.html")
    assert not page.exists()
