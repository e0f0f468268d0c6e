"""embed and cluster: from a model file and a source to codes, tables and a sheet of pictures."""

import csv
import json
import os
from typing import Any

import numpy as np
import pytest
from listing import visible
from PIL import Image

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError, TooFewImages, UnknownName
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.latent.latents import Latents
from sablier.tasks.latent.reconstruct import encode
from sablier.workflows.cluster import cluster
from sablier.workflows.embed import embed, encoding_network
from sablier.workflows.training.denoiser import train_denoiser


@pytest.fixture(scope="module")
def codes_file(trained):
    """A model file: a narrow autoencoder of the digits."""
    return trained("representation", "epochs=1", "latent=6", "width=8")


@pytest.fixture
def folder(tmp_path):
    """Forty digits as files, in two folders, and one that cannot be read."""
    place = tmp_path / "images"
    for index, (image, label) in enumerate(zip(*[iter_digits(), labels_of_digits()], strict=True)):
        (place / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / label / f"{index:02}.png")
    (place / "0" / "torn.png").write_bytes(b"")
    return place


def some_digits():
    return read_images("digits:test[label=0,1]").take(range(40))


def iter_digits():
    return some_digits().array[..., 0]


def labels_of_digits():
    return some_digits().labels.tolist()


def test_codes_are_those_of_the_network(codes_file, tmp_path):
    seen: list[Any] = []
    result = embed(codes_file, "digits:test", tmp_path / "z.npz", on_progress=seen.append)
    kept, file = Latents.load(tmp_path / "z.npz", result.latents.model), ModelFile.load(codes_file)
    images = read_images("digits:test")
    assert seen == [360]
    assert np.allclose(kept.codes, encode(encoding_network(file)[0], file.preprocess, images), atol=1e-5)
    assert kept.labels.tolist() == images.labels.tolist()
    assert result.comparison.numbers == 6
    assert os.listdir(tmp_path) == ["z.npz"]


def test_nothing_is_written_or_compared_unless_asked_for(codes_file, tmp_path):
    result = embed(codes_file, "digits:test", compare=False)
    assert len(result) == 360
    assert result.comparison is None
    assert os.listdir(tmp_path) == []


def test_a_detector_encodes_too(digits_file, tmp_path):
    result = embed(digits_file, "digits:test[label=3]", tmp_path / "z.csv", compare=False)
    assert result.network == "the first of 2 cross-conformal folds"
    assert len(Latents.load(tmp_path / "z.csv")) == len(read_images("digits:test[label=3]"))


def test_what_cannot_be_read_is_listed(codes_file, folder, tmp_path):
    result = embed(codes_file, folder, tmp_path / "z.npz")
    assert len(result) == 40
    assert [item.id for item in result.skipped] == ["0/torn.png"]
    assert result.to_json()["skipped_count"] == 1
    with pytest.raises(ImagesError, match=r"torn\.png"):
        embed(codes_file, folder, tmp_path / "strict.npz", strict=True)
    assert not (tmp_path / "strict.npz").exists()


@pytest.mark.filterwarnings("ignore:these images do not resemble")
def test_what_cannot_be_embedded_is_said(codes_file, tmp_path):
    with pytest.raises(ConfigError, match=r"got 'z\.txt'"):
        embed(codes_file, "nowhere", tmp_path / "z.txt")
    (tmp_path / "d.npz").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        embed(codes_file, "nowhere", tmp_path / "d.npz")
    with pytest.raises(ImagesError, match="expected images of 8 x 8"):
        embed(codes_file, "glyphs:test", tmp_path / "z.npz")
    np.savez(tmp_path / "own.npz", images=np.zeros((3, 8, 8), np.uint8))
    before = (tmp_path / "own.npz").read_bytes()
    with pytest.raises(OutputError, match="is or lies among the images"):
        embed(codes_file, str(tmp_path / "own.npz"), tmp_path / "own.npz")
    assert (tmp_path / "own.npz").read_bytes() == before


def test_a_model_without_an_encoder_is_refused(tmp_path):
    settings = ["epochs=1", "width=8", "size=8"]
    file = train_denoiser(read_images("digits").take(range(20)), make_recipe("denoiser", "tiny", settings))
    with pytest.raises(ModelFileError, match="encodes images, got one trained to denoise, which has no latents"):
        encoding_network(file)


def rows(folder):
    with (folder / "clusters.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_clusters_are_written_with_a_sheet(codes_file, folder, tmp_path):
    result = cluster(codes_file, folder, tmp_path / "out", 2, manifold="none")
    assert visible(tmp_path / "out") == ["clusters.csv", "clusters.json", "sheet.png"]
    assert result.accuracy > 0.9
    table = rows(tmp_path / "out")
    assert [row["id"] for row in table] == result.ids.tolist()
    assert [int(row["cluster"]) for row in table] == result.clusters.tolist()
    document = json.loads((tmp_path / "out" / "clusters.json").read_text())
    assert document == json.loads(json.dumps(result.to_json()))
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert min(sheet.size) > 100


def test_kept_codes_give_the_same_clusters(codes_file, folder, tmp_path):
    embed(codes_file, folder, tmp_path / "z.csv", compare=False)
    fresh = cluster(codes_file, folder, tmp_path / "one", 3, manifold="none", runs=1)
    kept = cluster(codes_file, folder, tmp_path / "two", 3, manifold="none", runs=1, latents=tmp_path / "z.csv")
    assert np.array_equal(fresh.clusters, kept.clusters)
    with pytest.raises(ImagesError, match="is among the latents, but not in digits"):
        cluster(codes_file, "digits", tmp_path / "three", 3, manifold="none", runs=1, latents=tmp_path / "z.csv")


def test_latents_of_another_model_are_refused(codes_file, digits_file, tmp_path):
    embed(digits_file, "digits:test", tmp_path / "z.npz", compare=False)
    with pytest.raises(ImagesError, match="made by another model"):
        cluster(codes_file, "digits:test", tmp_path / "out", latents=tmp_path / "z.npz")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_parted_is_said(codes_file, folder, tmp_path):
    with pytest.raises(TooFewImages, match="361 clusters take at least as many images, got 360"):
        cluster(codes_file, "digits:test", tmp_path / "out", 361)
    with pytest.raises(UnknownName, match="unknown method 'mixtur'"):
        cluster(codes_file, "nowhere", tmp_path / "out", method="mixtur")
    with pytest.raises(TooFewImages, match="a set of at least 3 images"):
        cluster(codes_file, sorted((folder / "1").iterdir())[0], tmp_path / "out")
    with pytest.raises(OutputError, match="Choose one apart"):
        cluster(codes_file, folder, folder / "clusters")
    assert not (tmp_path / "out").exists()
