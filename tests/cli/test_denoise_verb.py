"""sablier denoise, and what sablier train says of each recipe."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from listing import visible
from PIL import Image

from sablier.modelfile import ModelFile
from sablier.recipes.names import list_recipes

TINY = ["--tier", "tiny", "--set", "epochs=1", "--set", "width=8"]


@pytest.fixture
def model(sablier):
    """The name of a denoiser of digits, in the empty folder."""
    assert sablier("train", "digits", "-o", "m.sablier", "--recipe", "denoiser", *TINY, "--set", "noise_high=10").code == 0
    return "m.sablier"


def folder(count):
    """Make a folder of noisy images."""
    Path("noisy").mkdir()
    rng = np.random.default_rng(0)
    for index in range(count):
        Image.fromarray(rng.integers(0, 255, (9, 7), np.uint8)).save(f"noisy/{index:02}.png")


class TestDenoise:
    def test_the_whole_job(self, sablier, model):
        folder(24)
        done = sablier("denoise", model, "noisy", "-o", "out")
        assert done.code == 0
        assert all(words in done.out for words in ("noise level", "00.png", "9 x 7", "of 255", "19.png"))
        assert "20.png" not in done.out
        assert "... and 4 more, listed in out/levels.csv" in done.out
        assert "24 images denoised." in done.out
        assert "See out/sheet.png" in done.out
        assert done.err == ""
        assert visible("out") == [f"{i:02}.png" for i in range(24)] + ["denoised.json", "levels.csv", "sheet.png"]
        with Image.open("out/sheet.png") as sheet:
            assert min(sheet.size) > 1000

    def test_a_broken_image_is_told_and_stops_only_the_strict(self, sablier, model):
        folder(2)
        Path("noisy/broken.png").write_bytes(b"\x89PNG\r\n")
        done = sablier("denoise", model, "noisy")
        assert done.code == 0
        assert "2 images denoised. skipped broken.png:" in done.out
        assert json.loads(Path("denoised/denoised.json").read_text())["skipped_count"] == 1
        done = sablier("denoise", model, "noisy", "-o", "strict", "--strict")
        assert done.code == 2
        assert "broken.png" in done.err

    @pytest.mark.filterwarnings("default::sablier.errors.ImagesWarning")
    def test_levels_not_trained_on_are_told(self, sablier):
        # Clean digits are far less noisy than anything this net has seen.
        levels = ["--set", "noise_high=10", "--set", "noise_low=9"]
        sablier("train", "digits", "-o", "m.sablier", "--recipe", "denoiser", *TINY, *levels)
        folder(3)
        done = sablier("denoise", "m.sablier", "noisy")
        assert done.code == 0
        assert done.out.count("outside the trained range") == 3
        assert done.err.count("warning: 3 of 3 images have a noise level outside the 9 to 10") == 1

    def test_what_the_user_can_mend(self, sablier, model, digits_file):
        folder(1)
        done = sablier("denoise", digits_file, "noisy")
        assert (done.code, "trained to denoise, got one trained to detect" in done.err) == (2, True)
        done = sablier("denoise", model, "noisy", "-o", "noisy")
        assert (done.code, "folder of the images" in done.err) == (2, True)
        Path("taken").write_text("")
        done = sablier("denoise", model, "noisy", "-o", "taken")
        assert (done.code, "cannot be written" in done.err) == (2, True)
        done = sablier("denoise", model, "nowhere")
        assert (done.code, "no such file" in done.err) == (2, True)
        done = sablier("denoise", "none.sablier", "noisy")
        assert (done.code, "no model file" in done.err) == (2, True)
        assert not Path("denoised").exists()

    def test_shares_of_pixels_have_no_own_numbers(self, sablier):
        corruption = ["--set", "corruption=missing"]
        sablier("train", "digits", "-o", "m.sablier", "--recipe", "denoiser", *TINY, *corruption, "--set", "noise_high=10")
        folder(1)
        done = sablier("denoise", "m.sablier", "noisy")
        assert done.code == 0
        assert "of 255" not in done.out


class TestTrain:
    def test_every_recipe_is_listed(self, sablier):
        text = sablier("recipes").out
        for name in list_recipes():
            assert name in text

    def test_a_denoiser_says_its_error_and_what_comes_next(self, sablier):
        done = sablier("train", "digits", "-o", "m.sablier", "--recipe", "denoiser", *TINY)
        assert done.code == 0
        assert "m.sablier was trained on 1437 images" in done.out
        assert "gaussian noise of level 0.5: 0." in done.out
        assert "Next: sablier denoise m.sablier" in done.out

    @pytest.mark.parametrize("recipe", ["autoencoder", "course-conv"])
    def test_an_autoencoder(self, sablier, recipe):
        settings = ["--tier", "tiny", "--set", "epochs=1"]
        done = sablier("train", "digits", "-o", "m.sablier", "--recipe", recipe, *settings)
        assert done.code == 0
        assert "Mean squared error on held-out images: 0." in done.out
        assert "Next: sablier reconstruct m.sablier" in done.out

    def test_noisy_only_is_a_recipe(self, sablier):
        np.save("noisy.npy", np.random.default_rng(0).normal(size=(60, 8, 8)).astype(np.float32))
        for chosen in ([], ["--recipe", "denoiser"], ["--recipe", "denoiser-noisy-only"]):
            done = sablier("train", "noisy.npy", "-o", "m.sablier", "--noisy-only", *chosen, *TINY)
            assert done.code == 0
            assert ModelFile.load(Path("m.sablier")).provenance.recipe["name"] == "denoiser-noisy-only"
            assert "Mean squared difference from a second noisy copy" in done.out

    def test_noisy_only_with_another_recipe_or_clipped_images(self, sablier):
        done = sablier("train", "digits", "-o", "m.sablier", "--noisy-only", "--recipe", "detector", *TINY)
        assert (done.code, "expected the recipe denoiser with noisy_only, got detector" in done.err) == (2, True)
        done = sablier("train", "digits", "-o", "m.sablier", "--noisy-only", *TINY)
        assert (done.code, "noise that is not clipped" in done.err) == (2, True)
        assert os.listdir() == []
