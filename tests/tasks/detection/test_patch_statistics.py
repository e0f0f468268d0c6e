"""Patches that no good image has at that place score high; good images stay low."""

import numpy as np
import pytest
import torch

from sablier.errors import TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.tasks.detection import patch_statistics
from sablier.tasks.detection.anomaly_map import gaussian_blur
from sablier.tasks.detection.filters import Filters
from sablier.tasks.detection.patch_statistics import PatchStatistics, enough_of


def parts(count, channels=1, side=64, seed=0):
    """Return N,H,W,C uint8 images of a coarse texture on the left and a fine one on the right, each part with its own grain."""
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.integers(60, 200, (count, side // 4, side // 4)), np.ones((4, 4)))
    fine = rng.integers(60, 200, (count, side, side))
    return np.where(np.arange(side) < side // 2, coarse, fine).astype(np.uint8)[..., None].repeat(channels, axis=3)


def rule(pixels):
    return Preprocess.for_images(ImageSet(pixels), max(pixels.shape[1:3]))


def tensor(pixels):
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def fit(pixels, preprocess):
    return PatchStatistics.fit(Filters.fit(pixels, preprocess), pixels, preprocess)


@pytest.fixture(scope="module")
def fitted():
    good = parts(30)
    return fit(good, rule(good))


def test_a_worn_patch_is_found_where_it_lies(fitted):
    good = parts(12, seed=1)
    bad = good.copy()
    bad[:, 24:40, 40:56] = 130  # no pixel value is unusual
    highest, anomaly_map = fitted.statistics(tensor(bad))
    assert anomaly_map.shape == (12, 64, 64)
    assert (anomaly_map[:, 28:36, 44:52].mean(dim=(1, 2)) > anomaly_map[:, :, :32].mean(dim=(1, 2))).all()
    assert highest.shape == (12, 1)
    assert highest.min() > fitted.statistics(tensor(good))[0].max()


def test_the_nearest_patch_is_the_one_a_plain_search_finds(fitted):
    x = tensor(parts(2, seed=2))
    z = (fitted.descriptor.describe(x).numpy() - fitted.centre[:, None, None]) / fitted.spread[:, None, None]
    plain = np.full((2, 16, 16), np.inf)
    for row in range(16):
        for column in range(16):
            around = fitted.kept[:, :, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].astype(np.float32)
            apart = (around[None] - z[:, None, :, row, column, None, None]) ** 2
            plain[:, row, column] = apart.sum(axis=2).min(axis=(1, 2, 3))
    blurred = gaussian_blur(torch.from_numpy(np.log(plain)).float(), patch_statistics.BLUR)
    assert torch.allclose(fitted._distances(x), blurred, atol=1e-3)


def test_an_image_it_was_fitted_on_is_as_strange_as_a_new_one(fitted):
    known, new = fitted.anomaly_map(tensor(parts(30)[:3])), fitted.anomaly_map(tensor(parts(3, seed=3)))
    assert known.mean().item() == pytest.approx(new.mean().item(), abs=0.3)


def test_what_it_keeps_gives_the_same_map(fitted):
    x = tensor(parts(3, seed=4))
    assert torch.equal(PatchStatistics(fitted.descriptor, **fitted.tensors()).anomaly_map(x), fitted.anomaly_map(x))


def test_an_image_gets_the_same_map_alone_and_among_others(fitted):
    x = tensor(parts(11, seed=5))
    assert torch.allclose(fitted.anomaly_map(x)[9:10], fitted.anomaly_map(x[9:10]), atol=1e-4)


def test_memory_is_bounded_however_many_images_there_are(monkeypatch):
    good = parts(40, side=16)
    monkeypatch.setattr(patch_statistics, "MOST_VALUES", 10 * 4 * 4 * 36)
    some = enough_of(good, Filters.values(16, 16))
    assert len(some) == 10
    assert fit(some, rule(good)).kept.shape == (10, 36, 4, 4)


def test_anything_that_describes_places_will_do():
    class Means:
        def describe(self, x):
            return torch.nn.functional.avg_pool2d(x, 8)

    good = np.random.default_rng(0).integers(100, 120, (12, 32, 40, 1)).astype(np.uint8)
    bad = good[:2].copy()
    bad[:, 8:16, 16:24] = 200
    anomaly_map = PatchStatistics.fit(Means(), good, rule(good)).anomaly_map(tensor(bad))
    assert anomaly_map.shape == (2, 32, 40)
    assert anomaly_map.flatten(1).argmax(dim=1).tolist() == pytest.approx([12 * 40 + 20] * 2, abs=4 * 40)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 1), (33, 50, 3)])
def test_any_size_and_colour(shape):
    good = np.random.default_rng(0).integers(0, 256, (4, *shape)).astype(np.uint8)
    anomaly_map = fit(good, rule(good)).anomaly_map(tensor(good))
    assert anomaly_map.shape == (4, *shape[:2])
    assert torch.isfinite(anomaly_map).all()


def test_images_that_are_all_the_same_are_finite():
    good = np.full((5, 32, 32, 1), 128, np.uint8)
    anomaly_map = fit(good, rule(good)).anomaly_map(tensor(np.r_[good, parts(1, side=32)]))
    assert torch.isfinite(anomaly_map).all()
    assert anomaly_map[5].mean() > anomaly_map[:5].max()


def test_without_images_it_says_so(fitted):
    with pytest.raises(TooFewImages, match="at least one good image"):
        PatchStatistics.fit(fitted.descriptor, np.zeros((0, 8, 8, 1), np.uint8), rule(parts(2)))


def test_each_cell_is_compared_with_the_good_ones_around_it(monkeypatch):
    monkeypatch.setattr("sablier.tasks.detection.patch_statistics.gaussian_blur", lambda anomaly_map, sigma: anomaly_map)
    good = np.random.default_rng(0).integers(0, 256, (4, 16, 20, 1), dtype=np.uint8)
    fitted = fit(good, Preprocess(height=16, width=20, channels=1))
    x = torch.rand(2, 1, 16, 20, generator=torch.Generator().manual_seed(0))
    described = fitted.descriptor.describe(x).numpy()
    z = ((described - fitted.centre[:, None, None]) / fitted.spread[:, None, None]).transpose(0, 2, 3, 1)
    kept = fitted.kept.astype(np.float32).transpose(2, 3, 0, 1)
    count, height, width, _ = z.shape
    expected = np.empty((count, height, width))
    for image, row, column in np.ndindex(count, height, width):
        around = kept[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].reshape(-1, z.shape[3])
        expected[image, row, column] = np.log(((around - z[image, row, column]) ** 2).sum(axis=1).min())
    assert fitted._distances(x).numpy() == pytest.approx(expected, abs=1e-4)
