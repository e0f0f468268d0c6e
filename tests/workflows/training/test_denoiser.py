"""Training a denoiser: patches of one photo stay on one side, and a stopped run goes on to the same bits."""

import numpy as np
import pytest

from sablier.errors import ConfigError, Interrupted, ModelFileError
from sablier.images import ImageSet
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.info import describe_model
from sablier.workflows.training.denoiser import train_denoiser
from sablier.workflows.training.network import train_model
from sablier.workflows.training.train import train

TINY = ["epochs=3", "width=8", "size=16", "megapixels=0.05"]


@pytest.fixture
def photos(tmp_path):
    path = tmp_path / "photos.npy"
    np.save(path, np.random.default_rng(0).integers(0, 255, (20, 80, 90), np.uint8))
    return path


def test_held_out_patches_are_of_other_photos(photos, monkeypatch):
    seen = {}
    whole = train_model

    def spy(images, *arguments, validation=None, **options):
        seen["training"], seen["held out"] = ({id.split("#")[0] for id in part.ids} for part in (images, validation))
        return whole(images, *arguments, validation=validation, **options)

    monkeypatch.setattr("sablier.workflows.training.network_file.train_model", spy)
    train_denoiser(ImageSet(np.load(photos)), make_recipe("denoiser", "tiny", TINY))
    assert len(seen["held out"]) == 2
    assert not seen["held out"] & seen["training"]


def test_a_stopped_run_resumes_to_the_bit(photos, tmp_path):
    recipe = make_recipe("denoiser", "tiny", TINY)
    whole = train(photos, tmp_path / "whole.sablier", recipe)

    def stop(stage, progress):
        if progress.row and progress.row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="resume"):
        train(photos, tmp_path / "stopped.sablier", recipe, on_progress=stop)
    with pytest.raises(ModelFileError, match="another run"):
        train(photos, tmp_path / "stopped.sablier", make_recipe("denoiser", "tiny", [*TINY, "size=24"]), resume=True)
    resumed = train(photos, tmp_path / "stopped.sablier", recipe, resume=True)
    for name, tensor in whole.parts["net"].tensors.items():
        np.testing.assert_array_equal(resumed.parts["net"].tensors[name], tensor)


def test_info_says_what_it_takes(photos, tmp_path):
    train(photos, tmp_path / "m.sablier", make_recipe("denoiser", "tiny", TINY))
    facts, layers, promises = describe_model(tmp_path / "m.sablier")
    assert facts["images"] == "any size, grey; trained at 16 x 16"
    assert "images or patches from" in facts["trained on"]
    assert layers
    assert promises == []


def test_a_denoiser_does_not_detect(photos, tmp_path):
    train(photos, tmp_path / "m.sablier", make_recipe("denoiser", "tiny", TINY))
    with pytest.raises(ModelFileError, match="denoise"):
        Detector.from_file(ModelFile.load(tmp_path / "m.sablier"))


def test_noisy_images_of_whole_numbers_are_refused(photos):
    with pytest.raises(ConfigError, match="expected floats, got uint8"):
        train_denoiser(ImageSet(np.load(photos)), make_recipe("denoiser-noisy-only", "tiny", TINY))


def test_black_and_white_of_noisy_images_are_those_beneath():
    rng = np.random.default_rng(0)
    clean = np.repeat(np.repeat(rng.integers(0, 2, (200, 3, 3)), 8, axis=1), 8, axis=2)
    noisy = (clean + 0.3 * rng.standard_normal(clean.shape)).astype(np.float32)
    rule = train_denoiser(ImageSet(noisy), make_recipe("denoiser-noisy-only", "tiny", ["epochs=1", "width=8"])).preprocess
    assert rule.black == pytest.approx(0, abs=0.25)
    assert rule.white == pytest.approx(1, abs=0.25)


def test_a_model_that_cannot_is_refused(photos):
    with pytest.raises(ConfigError, match="model unet cannot do what this takes: it lacks decode, encode, hidden"):
        train(
            photos, photos.with_name("m.sablier"), make_recipe(settings=["model=unet", "epochs=1", "photo_members=restoration"])
        )
