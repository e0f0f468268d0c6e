"""The detector without a network: it tells digits apart, shows where, and stands any size and number of images."""

import numpy as np
import pytest
import torch
from plain_closed_form import plain_statistics
from scipy.ndimage import gaussian_filter

from sablier.baselines import thumbnail_shape, thumbnails
from sablier.errors import TooFewImages
from sablier.images import load_dataset
from sablier.images.preprocess import Preprocess
from sablier.metrics import auroc
from sablier.tasks.detection.closed_form import (
    IMAGES_PER_CHUNK,
    MOST_KEPT,
    SMALLEST_DISTANCE,
    ClosedForm,
    Neighbourhood,
    oriented_gradients,
)
from sablier.tasks.detection.resizing import BOX, resized

RULE = Preprocess(height=8, width=8, channels=1)


def as_the_rule_of(pixels: np.ndarray) -> Preprocess:
    return Preprocess(height=pixels.shape[1], width=pixels.shape[2], channels=pixels.shape[3])


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(255)).permute(0, 3, 1, 2)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def threes() -> np.ndarray:
    digits = load_dataset("digits")
    return digits.array[digits.labels == "3"]


@pytest.fixture(scope="module")
def others() -> np.ndarray:
    digits = load_dataset("digits")
    return digits.array[digits.labels != "3"]


@pytest.fixture(scope="module")
def fitted(threes: np.ndarray) -> ClosedForm:
    return ClosedForm.fit(threes[:90], RULE)


def test_every_statistic_tells_threes_from_other_digits(threes, others, fitted):
    good, bad = fitted.statistics(threes[90:], RULE), fitted.statistics(others, RULE)
    assert good.dtype == np.float64
    for statistic in range(good.shape[1]):
        assert auroc(good[:, statistic], bad[:, statistic]) > 0.95


def test_a_training_image_is_not_explained_by_itself(threes, others, fitted):
    known, new, other = (np.median(fitted.statistics(each, RULE), axis=0) for each in (threes[:90], threes[90:], others))
    assert np.all(known > np.log(SMALLEST_DISTANCE) + 3)
    assert np.all(np.abs(new - known) < 0.5 * (other - known))


def test_what_lies_between_good_images_is_better_than_what_lies_beyond():
    # A picture that fades: all good images lie on a line.
    picture = noise(1, 12, 12, 1).astype(np.float32) / 255
    rule = Preprocess(height=12, width=12, channels=1, dtype="float32", white=1.0)
    fitted = ClosedForm.fit(picture * np.linspace(0.3, 0.7, 40, dtype=np.float32)[:, None, None, None], rule)
    between, beyond, other = fitted.statistics(np.concatenate([picture * 0.51, picture, picture[:, ::-1] * 0.51]), rule)
    assert np.all(between < beyond)
    assert np.all(beyond < other)


def test_the_error_is_hot_where_the_defect_is(threes, fitted):
    broken = threes[90:100].copy()
    broken[:, 5:7, 0:2] = 255
    anomaly_map = fitted.score(tensor(broken), pictures=True)[1].numpy()
    inside = np.zeros((8, 8), bool)
    inside[5:7, 0:2] = True
    assert np.all(anomaly_map[:, inside].mean(axis=1) > 5 * anomaly_map[:, ~inside].mean(axis=1))


def test_the_look_agrees_with_itself_and_the_mixture_with_the_image(threes, fitted):
    statistics, anomaly_map, mixture = (each.numpy() for each in fitted.score(tensor(threes[90:]), pictures=True))
    assert np.array_equal(statistics, fitted.statistics(threes[90:], RULE))
    assert 0 <= mixture.min() <= mixture.max() <= 1
    mean_error = ((threes[90:] / 255 - threes[:90].mean(axis=0) / 255) ** 2).mean()
    assert ((threes[90:] / 255 - mixture) ** 2).mean() < 0.5 * mean_error
    assert anomaly_map.mean() < 0.5 * mean_error


def test_statistics_survive_the_model_file(threes, others, fitted):
    tensors = fitted.tensors()
    assert {value.dtype for value in tensors.values()} == {np.dtype(np.float32)}
    again = ClosedForm.from_tensors(tensors)
    assert np.array_equal(again.statistics(others[:50], RULE), fitted.statistics(others[:50], RULE))


def test_the_same_seed_keeps_the_same_images_and_not_too_many():
    pixels = noise(MOST_KEPT + 500, 4, 4, 1)
    first, second, other = (ClosedForm.fit(pixels, as_the_rule_of(pixels), seed) for seed in (1, 1, 2))
    assert first.pixels.kept.shape[0] == first.gradients.kept.shape[0] == MOST_KEPT
    assert np.array_equal(first.pixels.kept, second.pixels.kept)
    assert not np.array_equal(first.pixels.kept, other.pixels.kept)


def test_an_image_is_scored_alike_alone_and_among_many(others, fitted):
    many = fitted.statistics(others[: IMAGES_PER_CHUNK + 2], RULE)
    alone = np.concatenate([fitted.statistics(others[index : index + 1], RULE) for index in (0, IMAGES_PER_CHUNK)])
    assert many[[0, IMAGES_PER_CHUNK]] == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize(
    "shape",
    [(8, 8, 8, 1), (1, 8, 8, 1), (2, 8, 8, 3), (30, 12, 20, 3), (12, 40, 90, 1), (9, 100, 33, 3), (5, 1, 1, 1), (5, 2, 64, 1)],
)
def test_any_size_and_number_of_images_will_do(shape):
    pixels = noise(*shape)
    rule = as_the_rule_of(pixels)
    fitted = ClosedForm.fit(pixels, rule)
    both = tensor(np.concatenate([pixels[:1], 255 - pixels[:1]]))
    statistics, anomaly_map, mixture = (each.numpy() for each in fitted.score(both, pictures=True))
    assert np.all(np.isfinite(statistics))
    assert anomaly_map.shape == (2, *shape[1:3])
    assert mixture.shape == (2, *shape[1:])
    assert np.all(np.isfinite(anomaly_map))
    assert np.all(np.isfinite(mixture))
    assert fitted.statistics(pixels[:0], rule).shape == (0, statistics.shape[1])


def test_large_colour_images_are_drawn_as_they_are():
    random = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 80, dtype=np.float32)
    good = np.stack(
        [np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], shade), axis=2) for shade in random.uniform(0, 90, 40)]
    )
    good = good.astype(np.uint8)
    rule = as_the_rule_of(good)
    _, _, mixture = ClosedForm.fit(good[:30], rule).score(tensor(good[30:]), pictures=True)
    assert np.abs(mixture.numpy() - good[30:] / 255.0).mean() < 0.02


@pytest.mark.parametrize("shade", [0, 128])
def test_constant_images_are_normal_where_all_are_and_others_are_not(shade):
    pixels = np.full((20, 16, 16, 1), shade, np.uint8)
    fitted = ClosedForm.fit(pixels, as_the_rule_of(pixels))
    same, other = fitted.statistics(np.concatenate([pixels[:1], noise(1, 16, 16, 1)]), as_the_rule_of(pixels))
    assert np.all(np.isfinite(same))
    assert np.all(other > same + 1)


def test_no_image_is_too_few():
    with pytest.raises(TooFewImages, match="at least 1 training image"):
        ClosedForm.fit(noise(0, 8, 8, 1), RULE)


def test_gradients_know_the_direction_of_an_edge_and_no_brightness():
    step = torch.zeros(1, 1, 28, 28)
    step[:, :, :, 14:] = 0.5
    found = oriented_gradients(step).view(8, 7, 7)  # direction, row, column
    assert found.sum(dim=(0, 1)).argmax() == 3
    assert found.sum(dim=(1, 2)).argmax() == 0  # brighter to the right
    turned = oriented_gradients(step.transpose(2, 3)).view(8, 7, 7)
    assert turned.sum(dim=(1, 2)).argmax() == 2  # brighter further down, a quarter turn on
    assert oriented_gradients(step + 0.25).view(8, 7, 7)[0] == pytest.approx(found[0].numpy(), abs=0.02)


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 20, 3), (50, 90, 3)])
def test_statistics_are_those_of_a_plain_computation(shape):
    random = np.random.default_rng(1)
    shades = gaussian_filter(random.normal(0, 1, (130, *shape)), (0, 2, 2, 0))
    pixels = (128 + 300 * shades).clip(0, 255).astype(np.uint8)
    fitted = ClosedForm.fit(pixels[:120], as_the_rule_of(pixels))
    found = fitted.statistics(pixels[115:], as_the_rule_of(pixels))  # five of them are training images
    expected = [plain_statistics(fitted, image.astype(np.float32) / np.float32(255)) for image in pixels[115:]]
    assert found == pytest.approx(np.array(expected), abs=1e-5)


def test_digits_have_the_statistics_of_a_plain_computation(others, fitted):
    expected = [plain_statistics(fitted, image.astype(np.float32) / np.float32(255)) for image in others[:60]]
    assert fitted.statistics(others[:60], RULE) == pytest.approx(np.array(expected), abs=1e-5)


def test_thumbnails_are_those_of_the_baselines():
    pixels = noise(3, 57, 90, 3)
    rule = as_the_rule_of(pixels)
    height, width, _ = thumbnail_shape(rule)
    found = resized(tensor(pixels), height, width, BOX).permute(0, 2, 3, 1).flatten(1)
    assert found.numpy() == pytest.approx(thumbnails(pixels, rule), abs=1e-6)


def test_double_precision_decides_which_of_almost_equally_near_images_count():
    """In single precision the order of such images differs with the number of images that are scored at once."""
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, 40)
    kept = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    space = Neighbourhood(np.zeros(2, np.float32), np.eye(2, dtype=np.float32), kept)
    image = torch.tensor([[1e-9, 2e-9]], dtype=torch.float64)
    exact = ((kept.astype(np.float64) - image.numpy()) ** 2).sum(axis=1)
    near, offsets = space._nearest(image, 38)
    assert np.array_equal(near[0].numpy(), kept[np.argsort(exact)[:38]])
    assert torch.equal(offsets[0], near[0].double() - image[0])
