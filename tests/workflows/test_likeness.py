"""Every verb that takes a model and images says in one line where these are none that the model knows; --strict refuses."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ImagesError, ImagesWarning
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.workflows.attack import attack
from sablier.workflows.calibrate import calibrate
from sablier.workflows.classify import classify
from sablier.workflows.cluster import cluster
from sablier.workflows.combine import combine
from sablier.workflows.compare import compare
from sablier.workflows.compress import compress
from sablier.workflows.denoise import denoise
from sablier.workflows.detect import detect
from sablier.workflows.embed import embed
from sablier.workflows.evaluate import evaluate
from sablier.workflows.interpolate import interpolate
from sablier.workflows.map import map_images
from sablier.workflows.mistakes import mistakes
from sablier.workflows.reconstruct import reconstruct
from sablier.workflows.robustness import robustness
from sablier.workflows.sample import sample
from sablier.workflows.training.train import MAKERS
from sablier.workflows.watch import watch

SETTINGS = {
    "detector": ["members=closed-form", "folds=2"],
    "autoencoder": ["steps=2", "width=8", "latent=3"],
    "denoiser": ["epochs=1", "width=8", "size=8"],
    "codec": ["steps=2", "width=8", "latent=4", "context.width=8", "context.reach=2", "context.look=1"],
    "classifier": ["steps=2", "width=4"],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    folder, digits = tmp_path_factory.mktemp("models"), read_images("digits").take(np.arange(150))
    found = {}
    for name, settings in SETTINGS.items():
        recipe = make_recipe(name, "tiny", settings)
        found[name] = folder / f"{name}.sablier"
        MAKERS[recipe.task](digits, recipe).save(found[name])
    return found


@pytest.fixture(scope="module")
def negatives(tmp_path_factory) -> Path:
    """Digits black on white, as 8 x 8 as those the models know."""
    path, digits = tmp_path_factory.mktemp("negatives") / "negatives.npz", read_images("digits:test").take(np.arange(40))
    np.savez(path, images=255 - digits.array, labels=digits.labels)
    return path


VERBS = {
    "detect": lambda m, s, out, **kw: detect(m["detector"], s, **kw),
    "calibrate": lambda m, s, out, **kw: calibrate(m["detector"], s, out / "new.sablier", **kw),
    "evaluate": lambda m, s, out, **kw: evaluate(m["detector"], s, s, **kw),
    "compare": lambda m, s, out, **kw: compare([m["detector"]] * 2, good=s, bad=s, **kw),
    "compare classes": lambda m, s, out, **kw: compare([m["classifier"]] * 2, s, **kw),
    "classify": lambda m, s, out, **kw: classify(m["classifier"], s, **kw),
    "mistakes": lambda m, s, out, **kw: mistakes(m["classifier"], s, folds=0, **kw),
    "attack": lambda m, s, out, **kw: attack(m["classifier"], s, method="fgsm", count=4, **kw),
    "robustness": lambda m, s, out, **kw: robustness(
        m["classifier"], s, kinds=("brightness",), severities=(1,), attacks=(), count=4, **kw
    ),
    "reconstruct": lambda m, s, out, **kw: reconstruct(m["autoencoder"], s, out / "again", **kw),
    "embed": lambda m, s, out, **kw: embed(m["autoencoder"], s, compare=False, **kw),
    "cluster": lambda m, s, out, **kw: cluster(m["autoencoder"], s, out / "clusters", 2, runs=1, **kw),
    "map": lambda m, s, out, **kw: map_images(m["autoencoder"], s, out / "map.html", method="pca", **kw),
    "combine": lambda m, s, out, **kw: combine(m["autoencoder"], [s], **kw),
    "interpolate": lambda m, s, out, **kw: interpolate(m["autoencoder"], s, s, **kw),
    "sample": lambda m, s, out, **kw: sample(m["autoencoder"], out / "like.png", 2, like=s, **kw),
    "compress": lambda m, s, out, **kw: compress(m["codec"], s, out / "x.sabz", check=False, **kw),
}


@pytest.mark.parametrize("verb", [pytest.param(verb, marks=pytest.mark.slow) if verb == "cluster" else verb for verb in VERBS])
def test_every_verb_says_so_and_strict_refuses(verb, models, negatives, tmp_path):
    with pytest.warns(
        ImagesWarning, match=r"do not resemble the images that the model was trained on: they are of a brightness of"
    ) as caught:
        VERBS[verb](models, negatives, tmp_path)
    line = str(next(each.message for each in caught if "do not resemble" in str(each.message)))
    assert "\n" not in line
    assert "--strict refuses" in line
    (tmp_path / "strict").mkdir()
    with pytest.raises(ImagesError, match="do not resemble the images that the model was trained on"):
        VERBS[verb](models, negatives, tmp_path / "strict", strict=True)
    assert not [
        path for path in (tmp_path / "strict").rglob("*") if path.is_file() and not path.name.endswith((".part", ".lock"))
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_images_that_the_model_knows_pass_in_silence(verb, models, tmp_path):
    digits = read_images("digits:test").take(np.arange(40))
    source = tmp_path / "digits.npz"
    np.savez(source, images=digits.array, labels=digits.labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImagesWarning)
        VERBS[verb](models, source, tmp_path, strict=True)


def test_a_denoiser_of_digits_says_that_photos_are_none(models, tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    with pytest.warns(ImagesWarning, match="they are 120 pixels on the longer side, not 8; in colour, not grey"):
        denoise(models["denoiser"], tmp_path / "photo.png")
    with pytest.raises(ImagesError, match="in colour, not grey"):
        denoise(models["denoiser"], tmp_path / "photo.png", strict=True)


def test_watch_compares_the_first_images(models, negatives, tmp_path):
    arriving = tmp_path / "arriving"
    arriving.mkdir()
    for index, pixels in enumerate(read_images(negatives).array[:9]):
        Image.fromarray(pixels[..., 0]).save(arriving / f"{index}.png")

    def run(out: str, **options: Any):
        return watch(models["detector"], arriving, tmp_path / out, once=True, every_seconds=0.01, **options)

    with pytest.raises(ImagesError, match="do not resemble"):
        run("strict", strict=True)
    with pytest.warns(ImagesWarning, match="do not resemble"):
        assert run("out").judged == 9


def test_a_model_that_kept_no_looks_says_nothing(models, negatives, tmp_path):
    file = ModelFile.load(models["detector"])
    old = file.provenance.model_copy(update={"looks": None})
    path = tmp_path / "old.sablier"
    ModelFile(file.task, file.preprocess, file.parts, file.histories, old).save(path)
    assert detect(path, negatives, strict=True).count == 40


@pytest.mark.filterwarnings("always::sablier.errors.ImagesWarning")
def test_the_command_line_prints_one_line_and_ends_with_2_where_it_is_strict(sablier, models, negatives):
    done = sablier("detect", models["detector"], negatives, "-o", "out")
    assert done.code == 0
    assert done.err.count("do not resemble the images that the model was trained on") == 1
    done = sablier("detect", models["detector"], negatives, "-o", "out2", "--strict")
    assert done.code == 2
    assert "Train a model on such images" in done.err
