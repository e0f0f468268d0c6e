"""Codes on a plane: what each method keeps, where it places others, the way back, and what it refuses."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sablier.errors import ConfigError, ImagesError, TooFewImages, UnknownName
from sablier.tasks.latent import planar_autoencoder as planar
from sablier.tasks.latent import projection as module
from sablier.tasks.latent.projection import mixed_codes, project, trustworthiness_of


@pytest.fixture(scope="module")
def heaps():
    """Four heaps of fifteen codes each, of six numbers, far apart, and which heap each code is of."""
    random = np.random.default_rng(0)
    centres = 12 * np.eye(6)[:4]
    which = np.repeat(np.arange(4), 15)
    return centres[which] + random.normal(size=(60, 6)), which


def share_of_near_alike(points, which):
    """Return how often the nearest point is of the same heap."""
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.mean(which[distances.argmin(axis=1)] == which)


@pytest.fixture(scope="module", autouse=True)
def short_training():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planar, "STEPS", 200)
        yield


@pytest.fixture(scope="module")
def maps(heaps, short_training):
    class Maps(dict[str, object]):
        def __missing__(self, method):
            return self.setdefault(method, project(heaps[0], method))

    return Maps()


every_method = pytest.mark.parametrize("method", ["pca", "tsne", pytest.param("umap", marks=pytest.mark.slow), "autoencoder"])


def without(monkeypatch, *names):
    monkeypatch.setattr(module, "find_spec", lambda name: None if name in names else object())


@every_method
def test_heaps_stay_heaps_and_other_codes_fall_on_theirs(heaps, maps, method):
    _, which = heaps
    found = maps[method]
    assert found.points.shape == (60, 2)
    assert share_of_near_alike(found.points, which) > 0.9
    assert found.trustworthiness > 0.8
    random = np.random.default_rng(1)
    new = 12 * np.eye(6)[[0, 1, 2, 3]] + random.normal(size=(4, 6))
    assert found.can_place
    before = found.points.copy()
    placed = found.place(new)
    assert found.place(new) == pytest.approx(placed, abs=1e-6)
    assert np.array_equal(found.points, before)
    centres = np.array([found.points[which == heap].mean(axis=0) for heap in range(4)])
    nearest = ((placed[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert nearest.tolist() == [0, 1, 2, 3]


@every_method
def test_the_way_back_leads_near_the_codes(heaps, maps, method):
    codes, _ = heaps
    found = maps[method]
    back = found.codes_at(found.points)
    assert back.shape == codes.shape
    assert np.mean((back - codes) ** 2) < 0.5 * codes.var()
    assert found.to_table()[3] == {"x": found.points[3, 0], "y": found.points[3, 1]}
    assert found.to_json()["method"] == method


def test_pca_keeps_the_directions_of_most_variance(heaps, maps):
    codes, _ = heaps
    centred = codes - codes.mean(axis=0)
    largest = np.linalg.svd(centred, compute_uv=False)[:2]
    assert np.linalg.norm(maps["pca"].points, axis=0) == pytest.approx(largest)
    assert maps["pca"].place(codes) == pytest.approx(maps["pca"].points)


@pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=pytest.mark.slow), "autoencoder"])
def test_same_seed_same_map(heaps, maps, method):
    assert np.array_equal(project(heaps[0], method).points, maps[method].points)


def test_progress_reaches_the_end(heaps):
    pytest.importorskip("openTSNE")
    seen = []
    project(heaps[0], "tsne", on_progress=lambda progress: seen.append((progress.done, progress.total)))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_auto_takes_the_best_there_is(heaps, monkeypatch):
    codes, _ = heaps
    assert project(codes[:5]).method == "pca"
    assert project(codes[:, :2]).method == "code"
    assert np.array_equal(project(codes[:, :2]).points, codes[:, :2])
    without(monkeypatch, "openTSNE")
    monkeypatch.setattr(module, "MOST_SCIKIT_TSNE", 50)
    found = project(codes)
    assert found.method == "pca"
    assert "pip install 'sablier[map]'" in found.advice
    assert not project(codes, "pca").advice


def test_scikit_learn_stands_in_for_few_images(heaps, monkeypatch):
    without(monkeypatch, "openTSNE")
    codes, which = heaps
    found = project(codes, "tsne")
    assert found.made_by.startswith("scikit-learn")
    assert share_of_near_alike(found.points, which) > 0.9
    with pytest.raises(ConfigError, match="places no new images"):
        found.place(codes)


def test_umap_is_asked_for_a_plane_and_places_others(heaps, monkeypatch):
    """With a stand-in: the real one compiles itself for longer than all other tests take."""
    asked = {}

    class Stand:
        def __init__(self, **options):
            asked.update(options)

        def fit(self, codes):
            self.embedding_ = codes[:, :2].astype(np.float32)
            return self

        def transform(self, codes):
            return codes[:, :2] + 1

    stand: Any = ModuleType("umap")
    stand.UMAP, stand.__version__ = Stand, "0.0"
    monkeypatch.setitem(sys.modules, "umap", stand)
    without(monkeypatch)
    found = project(heaps[0], "umap", seed=4)
    assert (asked["random_state"], asked["n_neighbors"]) == (4, 15)
    assert found.made_by == "umap-learn 0.0"
    assert found.place(heaps[0][:3]) == pytest.approx(heaps[0][:3, :2] + 1)


def test_degenerate_codes_make_a_map_all_the_same():
    assert project(np.ones((20, 3)), "tsne").points.tolist() == [[0.0, 0.0]] * 20
    narrow = project(np.arange(12.0)[:, None], "pca")
    assert np.ptp(narrow.points[:, 0]) == pytest.approx(11)
    assert not narrow.points[:, 1].any()
    assert narrow.codes_at(narrow.points)[:, 0] == pytest.approx(np.arange(12.0))
    pair = project(np.array([[0.0, 1.0, 2.0], [1.0, 1.0, 0.0]]))
    assert np.linalg.norm(pair.points[0] - pair.points[1]) == pytest.approx(5**0.5)
    assert pair.trustworthiness is None


def test_trustworthiness_tells_a_good_map_from_a_shuffled_one(heaps):
    codes, _ = heaps
    plane = codes[:, :2]
    good, count = trustworthiness_of(plane, plane)
    bad, _ = trustworthiness_of(plane, np.random.default_rng(0).permutation(plane))
    assert (good, count) == (1.0, 60)
    assert bad < 0.7


def test_mixed_codes_are_those_of_the_images_where_there_are_some(heaps):
    codes, _ = heaps
    points = np.random.default_rng(0).normal(size=(60, 2))
    assert mixed_codes(points, codes, points) == pytest.approx(codes, abs=1e-3)
    twice = np.repeat(points[:1], 3, axis=0)
    assert np.isfinite(mixed_codes(twice, codes[:3], twice)).all()


def test_what_cannot_be_mapped_is_said(heaps, monkeypatch):
    codes, _ = heaps
    with pytest.raises(TooFewImages, match="at least 2 images to map, got 1"):
        project(codes[:1])
    with pytest.raises(TooFewImages, match=r"at least 8 images to map, got 5\. Use the method pca"):
        project(codes[:5], "tsne")
    with pytest.raises(UnknownName, match="Did you mean 'umap'"):
        project(codes, "umpa")
    with pytest.raises(ImagesError, match="expected finite codes"):
        project(np.full((9, 3), np.nan))
    with pytest.raises(ImagesError, match=r"N,6, got \(2, 5\)"):
        project(codes, "pca").place(codes[:2, :5])
    without(monkeypatch, "umap", "openTSNE")
    monkeypatch.setattr(module, "MOST_SCIKIT_TSNE", 50)
    for method in ("umap", "tsne"):
        with pytest.raises(ConfigError, match=r"pip install 'sablier\[map\]'"):
            project(codes, method)
