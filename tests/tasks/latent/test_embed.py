"""Embedding: codes chunk by chunk, and what they are worth beside PCA's."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sablier.errors import TooFewImages
from sablier.images import ImageSet, read_images
from sablier.images.preprocess import Preprocess
from sablier.models import create_model
from sablier.tasks.latent import embed as module
from sablier.tasks.latent.embed import Embedder, compare_with_pca, linear_probe, nearest_neighbours
from sablier.tasks.latent.latents import fingerprint
from sablier.tasks.latent.reconstruct import encode
from sablier.transforms.batches import Batches

RULE = Preprocess(height=8, width=8, channels=1)


@pytest.fixture(scope="module")
def digits():
    return read_images("digits:test")


@pytest.fixture(scope="module")
def model(digits):
    """A bottleneck that has not learnt: its linear path is PCA of these images."""
    net = create_model("bottleneck", (8, 8, 1), latent=6, width=8).eval()
    net.initialise(Batches(digits, RULE).take(slice(None)).x, 0)
    return net


@pytest.mark.parametrize("chunk", [7, 360])
def test_chunks_give_the_codes_of_the_whole(model, digits, chunk):
    embedder = Embedder(model, RULE)
    counts = []
    for part in digits.chunks(chunk):
        embedder.add(part)
        counts.append(embedder.count)
    result = embedder.result()
    assert counts[-1] == 360
    assert result.latents.ids.tolist() == digits.ids.tolist()
    assert result.latents.labels.tolist() == digits.labels.tolist()
    assert np.allclose(result.latents.codes, encode(model, RULE, digits), atol=1e-5)
    assert result.latents.model == fingerprint(model, RULE)
    assert result.to_table()[5]["id"] == digits.ids[5]
    assert json.loads(json.dumps(result.to_json()))["comparison"]["numbers"] == 6


def test_the_sample_is_bounded_and_even(model, digits, monkeypatch):
    monkeypatch.setattr(module, "MOST_COMPARED", 40)
    embedder, most = Embedder(model, RULE), 0
    for part in digits.chunks(10):
        embedder.add(part)
        most = max(most, sum(map(len, embedder.sample.kept)))
    kept = embedder.sample.images()
    assert most <= 2 * 40 + 10
    assert len(kept) == 40
    places = np.searchsorted(np.sort(digits.ids), kept.ids)
    assert len(np.unique(places)) == 40
    positions = [digits.ids.tolist().index(name) for name in kept.ids]
    assert positions == sorted(positions)
    assert 100 < np.mean(positions) < 260


def test_an_untrained_bottleneck_is_worth_what_pca_is(model, digits):
    compared = compare_with_pca(model, RULE, digits)
    pca, ours = compared.rows
    assert (pca.method, ours.method) == ("PCA", "model")
    assert (compared.trained_on, compared.scored_on) == (240, 120)
    assert ours.mse == pytest.approx(pca.mse, rel=0.1)
    assert 0.4 < ours.explained < 0.8
    assert ours.linear_probe > 0.75
    assert ours.knn5 > 0.8


def test_the_error_is_of_images_that_were_not_fitted(model, digits):
    """Pixels of noise: PCA draws the images it knows better than new ones."""
    noise = ImageSet(np.random.default_rng(0).integers(0, 256, (30, 8, 8), np.uint8))
    pca = compare_with_pca(model, RULE, noise).rows[0]
    assert pca.explained < 0.3
    assert pca.linear_probe is None


def test_without_labels_or_with_one_nobody_reads(model, digits):
    for images in (replace(digits, labels=None), digits.where(label="3")):
        rows = compare_with_pca(model, RULE, images).rows
        assert all(row.linear_probe is None and row.knn5 is None for row in rows)
        assert all(row.mse is not None for row in rows)


def test_few_images_have_no_comparison(model, digits):
    embedder = Embedder(model, RULE)
    embedder.add(digits.take([0]))
    result = embedder.result()
    assert len(result) == 1
    assert result.comparison is None
    assert compare_with_pca(model, RULE, digits.take(range(9))) is None
    with pytest.raises(TooFewImages, match="at least one readable image"):
        Embedder(model, RULE).result()


def test_readers_find_what_is_there_and_nothing_else():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 300).astype(str)
    codes = random.normal(size=(300, 2)) + 8 * np.eye(3, 2)[labels.astype(int)]
    halves = slice(0, 150), slice(150, 300)
    for reader in (linear_probe, nearest_neighbours):
        assert reader(codes[halves[0]], labels[halves[0]], codes[halves[1]], labels[halves[1]]) > 0.98
        shuffled = random.permutation(labels)
        assert reader(codes[halves[0]], shuffled[halves[0]], codes[halves[1]], shuffled[halves[1]]) < 0.5
    scale = np.array([1.0, 1e4])
    stretched = linear_probe(codes[:150] * scale, labels[:150], codes[150:] * scale, labels[150:])
    assert stretched > 0.98
