"""Clusters: found where there are some, numbered from the largest, measured against labels only afterwards."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import make_moons

from sablier.errors import ConfigError, TooFewImages, UnknownName
from sablier.tasks.latent import manifold as module
from sablier.tasks.latent.cluster import alike, cluster_latents, matched_accuracy, with_truth
from sablier.tasks.latent.latents import Latents
from sablier.tasks.latent.manifold import flattened


def heaps(sizes, dimensions=4, labelled=True, seed=0):
    """Return codes in heaps far from each other, in random order."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = 6 * np.eye(len(sizes), dimensions)
    codes = centres[labels] + random.normal(0, 0.4, (len(labels), dimensions))
    return Latents(np.arange(len(labels)), codes, labels if labelled else None)


@pytest.mark.parametrize("method", ["mixture", "kmeans"])
@pytest.mark.parametrize("k", [4, None])
def test_heaps_are_found(method, k):
    result = cluster_latents(heaps([20, 50, 40, 30]), k, method=method, manifold="none")
    assert result.sizes == [50, 40, 30, 20]
    assert (result.accuracy, result.nmi, result.ari, result.stability) == pytest.approx((1, 1, 1, 1))
    assert result.manifold == "none"
    if k is None:
        assert max(result.silhouettes, key=result.silhouettes.get) == 4


def test_hdbscan_leaves_out_what_belongs_nowhere():
    latents = heaps([60, 60], labelled=False)
    far = Latents(np.arange(122), np.r_[latents.codes, [[50] * 4, [-50] * 4]])
    result = cluster_latents(far, method="hdbscan", manifold="none")
    assert result.count == 2
    assert set(result.clusters[-2:]) == {-1}
    assert result.to_json()["nowhere"] >= 2
    assert result.stability is None  # nothing is drawn: one run is all runs
    assert result.accuracy is None


def test_labels_do_not_move_clusters():
    latents = heaps([30, 30, 30])
    wrong = Latents(latents.ids, latents.codes, np.random.default_rng(1).integers(0, 3, 90))
    found, other = (cluster_latents(each, 3, manifold="none") for each in (latents, wrong))
    assert np.array_equal(found.clusters, other.clusters)
    assert found.accuracy == 1
    assert other.accuracy < 0.6
    assert other.ari == pytest.approx(0, abs=0.1)


def test_clusters_that_are_not_there_are_not_stable():
    even = Latents(np.arange(300), np.random.default_rng(0).normal(size=(300, 6)))
    assert cluster_latents(even, 7, method="kmeans", manifold="none").stability < 0.8


@pytest.mark.parametrize("method", ["mixture", "kmeans"])
def test_typical_members_are_inside_and_borderline_ones_between(method):
    line = np.r_[np.linspace(-1, 1, 41), np.linspace(2, 4, 41)][:, None]
    result = cluster_latents(Latents(np.arange(82), line), 2, method=method, manifold="none", runs=1)
    left = int(result.clusters[0])
    assert abs(line[result.typical(left, 1)[0], 0]) <= 0.2
    assert line[result.borderline(left, 1)[0], 0] == 1
    assert line[result.borderline(1 - left, 1)[0], 0] == 2
    assert np.all((result.confidence >= 0) & (result.confidence <= 1))


def test_a_row_an_image():
    result = cluster_latents(heaps([5, 10]), 2, manifold="none", runs=1)
    rows = result.to_table()
    assert list(rows[0]) == ["id", "label", "cluster", "rank", "confidence"]
    for cluster, size in enumerate([10, 5]):
        assert sorted(row["rank"] for row in rows if row["cluster"] == cluster) == list(range(1, size + 1))
    document = json.loads(json.dumps(result.to_json()))
    assert [each["images"] for each in document["clusters"]] == [10, 5]
    assert document["clusters"][0]["labels"] == {"1": 1.0}
    assert str(result.ids[result.typical(0, 1)[0]]) == document["clusters"][0]["typical"][0]


def test_accuracy_matches_one_to_one():
    assert matched_accuracy(np.array([1, 1, 0, 0]), np.array(["a", "a", "b", "b"])) == 1
    # Two clusters of one label: only one of them may stand for it.
    assert matched_accuracy(np.array([0, 0, 1, 2]), np.array(["a", "a", "a", "b"])) == 0.75
    assert matched_accuracy(np.full(3, -1), np.array(["a", "a", "b"])) == 0


def test_labels_can_come_later():
    result = cluster_latents(heaps([20, 30], labelled=False), 2, manifold="none", runs=1)
    assert result.accuracy is None
    assert with_truth(result, heaps([20, 30]).labels).accuracy == 1


def test_the_same_seed_gives_the_same_clusters():
    latents = Latents(np.arange(200), np.random.default_rng(0).normal(size=(200, 12)))
    one, other, another = (cluster_latents(latents, 4, manifold="spectral", runs=1, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.clusters, other.clusters)
    assert another.seeds == (4,)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"k": 91}, TooFewImages, "91 clusters take at least as many images, got 90"),
        ({"k": 0}, ConfigError, "at least 1 cluster, got 0"),
        ({"runs": 0}, ConfigError, "at least 1 run"),
        ({"method": "kmean"}, UnknownName, "Did you mean 'kmeans'"),
        ({"manifold": "umab"}, UnknownName, "Did you mean 'umap'"),
        ({"method": "hdbscan", "k": 3}, ConfigError, "HDBSCAN finds the number of clusters by itself"),
    ],
)
def test_wishes_that_cannot_be_met(arguments, error, message):
    with pytest.raises(error, match=message):
        cluster_latents(heaps([30, 30, 30]), **({"manifold": "none"} | arguments))


def test_one_image_is_no_set():
    with pytest.raises(TooFewImages, match="a set of at least 3 images to find clusters in, got 1"):
        cluster_latents(heaps([1]))


@pytest.mark.parametrize("k", [1, None])
@pytest.mark.parametrize("method", ["mixture", "kmeans"])
def test_images_that_are_all_the_same_are_one_cluster(method, k):
    result = cluster_latents(Latents(np.arange(12), np.ones((12, 3))), k, method=method, manifold="none", runs=1)
    assert result.sizes == [12]
    with pytest.raises(TooFewImages, match="5 clusters take at least as many images, got 12, of which 1 differ"):
        cluster_latents(Latents(np.arange(12), np.ones((12, 3))), 5, method=method, manifold="none", runs=1)


@pytest.mark.parametrize("manifold", [pytest.param("auto", marks=pytest.mark.slow), "none"])
@pytest.mark.parametrize("method", ["mixture", "kmeans", "hdbscan"])
def test_what_is_the_same_is_in_one_cluster(method, manifold):
    random = np.random.default_rng(0)
    codes = random.normal(size=(60, 6))
    copies = np.repeat(codes[:10], 30, axis=0) * (1 + 1e-8 * random.normal(size=(300, 6)))  # as another batch rounds them
    latents = Latents(np.arange(360), np.concatenate([codes, copies]))
    result = cluster_latents(latents, None if method == "hdbscan" else 5, method=method, manifold=manifold, runs=2)
    for original in range(10):
        same = [original, *range(60 + 30 * original, 90 + 30 * original)]
        assert len(np.unique(result.clusters[same])) == 1
        assert len(np.unique(result.confidence[same])) == 1


def test_codes_that_differ_by_more_than_rounding_are_not_alike():
    codes = np.random.default_rng(0).normal(size=(500, 3))
    assert len(np.unique(alike(codes))) == 500
    codes[7] = codes[9]
    assert np.array_equal(np.flatnonzero(alike(codes) == alike(codes)[7]), [7, 9])


# manifolds


def test_crescents_in_each_other_are_parted_on_a_manifold():
    codes, labels = make_moons(400, noise=0.04, random_state=0)
    latents = Latents(np.arange(400), codes, labels)
    assert cluster_latents(latents, 2, manifold="none", runs=1).accuracy < 0.95
    assert cluster_latents(latents, 2, manifold="spectral", runs=1).accuracy == 1


def test_auto_takes_what_is_installed(monkeypatch):
    assert module.chosen("auto", 10) == "none"
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert module.chosen("auto", 100) == "spectral"
    with pytest.raises(ConfigError, match=r"umap is not installed.*sablier\[map\]"):
        flattened(np.zeros((100, 3)), "umap")
    with pytest.raises(TooFewImages, match="at least 30 images for the manifold spectral, got 12"):
        flattened(np.zeros((12, 3)), "spectral")


def test_tsne_keeps_heaps_apart():
    pytest.importorskip("openTSNE")
    result = cluster_latents(heaps([30, 40]), 2, manifold="tsne", runs=1)
    assert result.accuracy == 1


@pytest.mark.slow
def test_umap_keeps_heaps_apart():
    pytest.importorskip("umap")
    result = cluster_latents(heaps([30, 40]), 2, manifold="umap", runs=1)
    assert (result.manifold, result.accuracy) == ("umap", 1)


def test_umap_is_asked_for_as_in_n2d(monkeypatch):
    """A stand-in: the package compiles itself for ten seconds."""
    asked = []

    class Umap:
        def __init__(self, **settings):
            asked.append(settings)

        def fit_transform(self, codes):
            return codes[:, :2]

    monkeypatch.setattr(module, "find_spec", lambda name: name)
    monkeypatch.setattr(module, "import_module", lambda name: SimpleNamespace(UMAP=Umap))
    result = cluster_latents(heaps([30, 40], 12), 2, runs=2, seed=5)
    assert (result.manifold, result.accuracy) == ("umap", 1)
    assert [each["random_state"] for each in asked] == [5, 6]
    assert (asked[0]["n_neighbors"], asked[0]["n_components"], asked[0]["min_dist"]) == (20, 10, 0)
