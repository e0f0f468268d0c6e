"""sablier embed, sablier cluster: what they print, what they write, what they refuse."""

import os

import numpy as np
import pytest
from listing import visible

from sablier.images import read_images


@pytest.fixture(scope="module")
def codes_file(trained):
    """A model file: a narrow autoencoder of the digits."""
    return trained("representation", "epochs=1", "latent=6", "width=8")


def test_embed_prints_the_table_beside_pca(sablier, codes_file):
    done = sablier("embed", codes_file, "digits:test", "-o", "z.csv")
    assert done.code == 0
    assert "360 images, each encoded as 6 numbers." in done.out
    assert "PCA of 6 components, fitted on 240 images." in done.out
    for line in ("reconstruction MSE", "explained variance", "linear probe accuracy", "k-NN accuracy, k = 5"):
        assert line in done.out
    assert os.listdir() == ["z.csv"]


def test_without_labels_nothing_is_read_from_the_codes(sablier, codes_file, tmp_path):
    read = read_images("digits:test").array
    np.save(tmp_path / "bare.npy", read)
    done = sablier("embed", codes_file, "bare.npy")
    assert done.code == 0
    assert "explained variance" in done.out
    assert "linear probe" not in done.out
    done = sablier("embed", codes_file, "bare.npy", "--no-compare")
    assert "PCA" not in done.out
    assert sorted(os.listdir()) == ["bare.npy", "latents.npz"]


def test_cluster_prints_clusters_and_how_stable_they_are(sablier, codes_file):
    source = "digits:test[label=0,1]"
    done = sablier("cluster", codes_file, source, "-k", "2", "-o", "out", "--manifold", "none", "--runs", "2")
    assert done.code == 0
    assert "2 clusters by mixture on the codes" in done.out
    assert "2 runs agree with an adjusted Rand index of" in done.out
    assert "Against the labels: accuracy" in done.out
    assert visible("out") == ["clusters.csv", "clusters.json", "sheet.png"]
    done = sablier("cluster", codes_file, source, "-o", "auto", "--manifold", "none", "--method", "kmeans", "--runs", "1")
    assert done.code == 0
    assert "has the largest mean silhouette of 2 to" in done.out


def test_what_cannot_be_done_is_said(sablier, codes_file, digits_file):
    assert sablier("embed", digits_file, "digits:test[label=3]", "-o", "other.npz").code == 0
    refusals = {
        ("embed", codes_file, "digits", "-o", "z.pickle"): "expected a file of latents to end in .npz, .csv, .parquet, got",
        ("embed", "nowhere.sablier", "digits"): "there is no model file nowhere.sablier",
        ("embed", codes_file, "glyphs:test"): "expected images of 8 x 8",
        ("cluster", codes_file, "digits:test", "-k", "361", "--runs", "1"): "361 clusters take at least as many images, got 360",
        ("cluster", codes_file, "digits:test", "-k", "ten"): "expected a number of clusters or auto, got 'ten'",
        ("cluster", codes_file, "digits:test", "-k", "0"): "expected at least 1 cluster, got 0",
        ("cluster", codes_file, "digits:test", "--manifold", "flat"): "unknown manifold 'flat'",
        ("cluster", codes_file, "digits:test", "--method", "hdbscan", "-k", "3"): "HDBSCAN finds the number of clusters",
        ("cluster", codes_file, "digits:test", "--latents", "other.npz"): "made by another model",
        ("cluster", codes_file, "digits:test", "--latents", "none.npz"): "there is no file of latents none.npz",
    }
    for arguments, message in refusals.items():
        done = sablier(*arguments)
        assert done.code == 2, arguments
        assert message in done.err
    assert os.listdir() == ["other.npz"]
