"""sablier map: what it prints, what it writes, what it refuses."""

import os

import pytest

from sablier.tasks.latent import projection as project_module


@pytest.fixture(scope="module")
def digits_autoencoder(small_autoencoder):
    """A model file: a narrow autoencoder of the digits."""
    return small_autoencoder


def test_map_writes_one_page_and_says_how_good_it_is(sablier, digits_autoencoder):
    done = sablier("map", digits_autoencoder, "digits:test", "-o", "map.html", "--method", "pca", "--colour", "error")
    assert done.code == 0
    assert "360 images on a map by PCA." in done.out
    assert "Trustworthiness 0." in done.out
    assert "Open map.html in a browser." in done.out
    assert os.listdir() == ["map.html"]


def test_without_the_extra_it_says_how_to_get_better(sablier, digits_autoencoder, monkeypatch):
    monkeypatch.setattr(project_module, "find_spec", lambda name: None)
    monkeypatch.setattr(project_module, "MOST_SCIKIT_TSNE", 100)
    done = sablier("map", digits_autoencoder, "digits:test")
    assert done.code == 0
    assert "by PCA" in done.out
    assert "pip install 'sablier[map]'" in done.out
    done = sablier("map", digits_autoencoder, "digits:test", "--method", "umap")
    assert done.code == 2
    assert "umap is not installed" in done.err
    assert "pip install 'sablier[map]'" in done.err


def test_what_cannot_be_done_is_said(sablier, digits_autoencoder):
    refusals = {
        ("nowhere.sablier", "digits"): "there is no model file nowhere.sablier",
        (digits_autoencoder, "nowhere"): "no such file or folder",
        (digits_autoencoder, "digits", "-o", "map.csv"): "expected an output that ends in .html",
        (digits_autoencoder, "digits", "--method", "tsn"): "Did you mean 'tsne'",
        (digits_autoencoder, "digits", "--method", "pca", "--colour", "score"): "only a detector scores images",
        (digits_autoencoder, "digits", "--method", "pca", "--clusters", "no.csv"): "no.csv: expected a table of clusters",
    }
    for arguments, message in refusals.items():
        done = sablier("map", *arguments)
        assert done.code == 2, arguments
        assert message in done.err
    assert os.listdir() == []
