"""Images of every size and type come back clean, tiles leave no seam, and levels are told."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from sablier.errors import ImagesError
from sablier.images import ImageSet, Preprocess, read_images
from sablier.images.imageset import LazyPixels
from sablier.models import create_model
from sablier.models.base import Model
from sablier.recipes.make import make_recipe
from sablier.report.plot import plot
from sablier.tasks import denoise
from sablier.tasks.denoise import NoiseRemover, receptive_reach
from sablier.workflows.denoise import noise_remover
from sablier.workflows.training.denoiser import train_denoiser

GAUSSIAN = {"corruption": "gaussian", "noise_low": 0.0, "noise_high": 0.5}


def untrained(channels=1, objective=GAUSSIAN, name="unet", **rule):
    """A remover with random weights, none of them zero."""
    options = {"width": 8, "blocks": 1} if name == "unet" else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model(name, (8, 8, channels), **options).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
    return NoiseRemover(model, Preprocess(height=8, width=8, channels=channels, **rule), objective)


@pytest.fixture(scope="module")
def trained():
    """A denoiser of digits, in a few seconds."""
    recipe = make_recipe("denoiser", "tiny", ["epochs=6", "width=16", "noise_high=0.5"])
    return noise_remover(train_denoiser(read_images("digits"), recipe))


def noisy_digits(level, count=60):
    clean = read_images("digits:test").array[:count]
    noise = np.random.default_rng(0).normal(size=clean.shape) * level * 255
    return clean, np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


class Blur(Model):
    """A model that takes any size and cannot tell the level."""

    capabilities = frozenset({"reconstruct", "any_size"})

    def reconstruct(self, x):
        return torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class Everywhere(Blur):
    """A model whose every pixel depends on every other."""

    def reconstruct(self, x):
        return x - x.mean(dim=(1, 2, 3), keepdim=True)


class TestWhatComesBack:
    def test_noise_goes_and_its_level_is_told(self, trained):
        for level in (0.2, 0.4):
            clean, noisy = noisy_digits(level)
            result = trained.denoise(ImageSet(noisy))
            error = np.mean((np.stack(result.cleaned) - clean.astype(float)) ** 2)
            assert error < 0.8 * np.mean((noisy - clean.astype(float)) ** 2)
            assert np.median(result.levels) == pytest.approx(level, rel=0.5)
        np.testing.assert_allclose(result.own_levels, 255 * result.levels)
        assert result.in_trained_range.mean() > 0.9

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize(
        "pixels",
        [
            np.full((1, 1, 1, 1), 7, np.uint8),
            np.full((2, 2, 3, 3), 0, np.uint8),
            np.full((1, 9, 17, 1), 65535, np.uint16),
            np.full((1, 5, 5, 3), 0.5, np.float32),
            np.random.default_rng(0).normal(size=(3, 30, 31, 1)).astype(np.float32),
        ],
    )
    def test_any_size_type_and_channels(self, channels, pixels):
        result = untrained(channels).denoise(ImageSet(pixels))
        assert len(result) == len(pixels)
        for image, came in zip(result.cleaned, pixels, strict=True):
            assert (image.shape, image.dtype) == (came.shape, came.dtype)
            assert np.isfinite(image).all()
        assert np.isfinite(result.levels).all()
        assert np.all(result.levels >= 0)

    def test_mixed_sizes_keep_their_order(self):
        remover = untrained()
        rng = np.random.default_rng(0)
        parts = [
            ImageSet(rng.integers(0, 255, (2, side, 9), np.uint8), ids=np.array([f"{side}a", f"{side}b"])) for side in (5, 7)
        ]
        mixed = ImageSet.concatenate(parts).take([0, 2, 1, 3])
        result = remover.denoise(mixed)
        assert result.ids.tolist() == ["5a", "7a", "5b", "7b"]
        for index, image in enumerate(result.cleaned):
            alone = remover.denoise(mixed.take([index]))
            np.testing.assert_array_equal(alone.cleaned[0], image)
            assert alone.levels[0] == pytest.approx(result.levels[index], rel=1e-4)

    def test_a_grey_model_takes_the_channels_of_colour_one_by_one(self):
        remover = untrained()
        x = np.random.default_rng(0).random((2, 12, 13, 3)).astype(np.float32)
        clean, levels = remover.remove(x)
        each = [remover.remove(x[..., [channel]]) for channel in range(3)]
        np.testing.assert_allclose(clean, np.concatenate([image for image, _ in each], axis=3), atol=1e-6)
        np.testing.assert_allclose(levels, np.sqrt(np.mean([level**2 for _, level in each], axis=0)), rtol=1e-5)

    def test_a_colour_model_takes_grey_as_three_equal_channels(self):
        remover = untrained(3)
        x = np.random.default_rng(0).random((2, 12, 13, 1)).astype(np.float32)
        expected = remover.remove(np.repeat(x, 3, axis=3))
        clean, levels = remover.remove(x)
        np.testing.assert_allclose(clean, expected[0].mean(axis=3, keepdims=True))
        np.testing.assert_array_equal(levels, expected[1])

    def test_black_and_white_are_the_models_own_where_the_type_is(self):
        remover = untrained(dtype="uint16", white=4095.0)
        assert remover.value_range(np.dtype(np.uint16)) == (0, 4095)
        assert remover.value_range(np.dtype(np.uint8)) == (0, 255)
        assert remover.value_range(np.dtype(np.float32)) == (0, 1)
        assert untrained().value_range(np.dtype(np.uint16)) == (0, 65535)
        floats = untrained(dtype="float32", black=-100.0, white=300.0)
        pixels = np.random.default_rng(0).uniform(-150, 350, (1, 20, 20, 1)).astype(np.float32)
        result = floats.denoise(ImageSet(pixels))
        expected, levels = floats.remove((pixels + 100) / 400)
        np.testing.assert_allclose(result.cleaned[0], expected[0] * 400 - 100, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(result.own_levels, 400 * levels)

    def test_whole_numbers_are_rounded_and_clipped_and_floats_are_not(self):
        remover = untrained()
        pixels = np.random.default_rng(0).integers(0, 2, (1, 16, 16, 1)).astype(np.uint8) * np.uint8(255)
        clean, _ = remover.remove(pixels / np.float32(255))
        assert clean.max() > 1
        np.testing.assert_array_equal(remover.denoise(ImageSet(pixels)).cleaned[0], np.rint(clean[0] * 255).clip(0, 255))
        floats = remover.denoise(ImageSet(pixels / np.float32(255))).cleaned[0]
        assert floats.max() > 1

    def test_no_images(self):
        result = untrained().denoise(ImageSet(np.zeros((0, 8, 8), np.uint8)))
        assert (len(result), result.to_table(), result.out_of_range) == (0, [], 0)

    def test_an_unreadable_image_is_left_out_and_listed(self):
        def torn(size):
            raise OSError("it is torn")

        lazy = LazyPixels((lambda size: np.zeros((5, 6, 1), np.uint8), torn))
        images = ImageSet(
            lazy, sizes=np.full((2, 2), 5), channels=np.ones(2), depths=np.full(2, 8), ids=np.array(["good", "bad"])
        )
        result = untrained().denoise(images)
        assert result.ids.tolist() == ["good"]
        assert [(item.id, item.reason) for item in result.skipped] == [("bad", "it is torn")]

    def test_a_model_of_one_size_says_which(self):
        remover = untrained(name="course_conv")
        assert remover.denoise(ImageSet(np.zeros((2, 8, 8), np.uint8))).cleaned[0].shape == (8, 8, 1)
        with pytest.raises(ImagesError, match="course_conv takes images of 8 x 8 only, got 8 x 9"):
            remover.denoise(ImageSet(np.zeros((2, 8, 9), np.uint8)))


class TestTiles:
    @pytest.mark.parametrize("blocks", [1, 2])
    @pytest.mark.parametrize("shape", [(301, 267), (64, 200), (3, 211), (130, 128)])
    def test_tiles_give_what_the_whole_gives(self, monkeypatch, blocks, shape):
        torch.manual_seed(blocks)
        model: Any = create_model("unet", (8, 8, 1), width=8, blocks=blocks).eval()
        torch.nn.init.normal_(model.leave.weight, std=0.05)
        for block in (module for module in model.modules() if type(module).__name__ == "Block"):
            torch.nn.init.normal_(block.second.weight, std=0.05)
        remover = NoiseRemover(model, Preprocess(height=8, width=8, channels=1), GAUSSIAN)
        x = np.random.default_rng(0).random((2, *shape, 1)).astype(np.float32)
        whole, levels = remover.remove(x)
        assert np.abs(whole - x).max() > 0.05
        monkeypatch.setattr(denoise, "TILE", 64)
        tiled, by_tiles = remover.remove(x)
        assert np.abs(tiled - whole).max() <= 1e-4
        np.testing.assert_allclose(by_tiles, levels, rtol=0.1)

    def test_the_reach_is_how_far_a_pixel_is_felt(self):
        assert receptive_reach(Blur((8, 8, 1))) == 1
        assert receptive_reach(Everywhere((8, 8, 1))) is None
        model = untrained().model
        reach = receptive_reach(model)
        x = torch.rand(1, 1, 160, 160, generator=torch.Generator().manual_seed(0))
        for centre in (80, 83, 87):
            other = x.clone()
            other[0, 0, centre, centre] += 100
            with torch.no_grad():
                felt = (model.reconstruct(x) != model.reconstruct(other))[0, 0].nonzero() - centre
            assert reach - 8 <= felt.abs().max() <= reach

    def test_a_model_that_sees_everything_gets_the_image_whole(self, monkeypatch):
        remover = NoiseRemover(Everywhere((8, 8, 1)), Preprocess(height=8, width=8, channels=1), {})
        monkeypatch.setattr(denoise, "TILE", 16)
        x = np.random.default_rng(0).random((1, 50, 40, 1)).astype(np.float32)
        np.testing.assert_allclose(remover.remove(x)[0], x - x.mean(), atol=1e-6)


class TestLevels:
    def test_without_a_level_of_its_own_it_is_what_was_removed(self):
        remover = NoiseRemover(Blur((8, 8, 1)), Preprocess(height=8, width=8, channels=1), GAUSSIAN)
        x = np.random.default_rng(0).random((3, 20, 20, 1)).astype(np.float32)
        clean, levels = remover.remove(x)
        np.testing.assert_allclose(levels, np.sqrt(np.mean((x - clean) ** 2, axis=(1, 2, 3))), rtol=1e-5)
        assert remover.trained_range == (0, 0.5)

    @pytest.mark.parametrize("corruption", ["salt-and-pepper", "missing", "mixed"])
    def test_shares_of_pixels_have_no_level_in_own_numbers(self, corruption):
        objective = {**GAUSSIAN, "corruption": corruption}
        result = untrained(objective=objective).denoise(ImageSet(np.zeros((2, 8, 8), np.uint8)))
        assert np.isnan(result.own_levels).all()
        assert result.to_table()[0]["own_level"] is None
        assert result.in_trained_range.all()
        blur = NoiseRemover(Blur((8, 8, 1)), Preprocess(height=8, width=8, channels=1), objective)
        assert blur.trained_range is None
        assert blur.level_is_a_spread

    def test_levels_beyond_the_training_are_told(self, trained):
        result = trained.denoise(ImageSet(noisy_digits(3.0)[1]))
        above = result.levels > 0.55
        assert above.any()
        np.testing.assert_array_equal(result.in_trained_range, ~above)
        assert result.out_of_range == above.sum()
        low = NoiseRemover(trained.model, trained.preprocess, {**GAUSSIAN, "noise_low": 0.4})
        assert low.denoise(ImageSet(np.zeros((3, 8, 8), np.uint8))).out_of_range == 3

    def test_after_noisy_images_alone_the_range_is_not_known(self):
        result = untrained(objective={"noise_low": 0.3, "noise_high": 1.0}).denoise(ImageSet(np.zeros((2, 8, 8), np.uint8)))
        assert result.in_trained_range is None
        assert (result.out_of_range, result.to_table()[0]["in_trained_range"]) == (0, None)


def test_the_result_as_json_and_as_a_picture(trained):
    result = trained.denoise(ImageSet(noisy_digits(0.2, 14)[1]))
    document = json.loads(json.dumps(result.to_json()))
    assert (document["count"], len(document["images"])) == (14, 14)
    assert list(document["images"][0]) == ["id", "height", "width", "level", "own_level", "black", "white", "in_trained_range"]
    figure = plot(result)
    assert len(figure.axes[0].images) == 36
    assert "noise 0." in figure.axes[0].texts[0].get_text()
