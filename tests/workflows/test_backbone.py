"""Detectors with a backbone of the user's own: named by their model file, never loaded by it, and as good as their promise."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from watching import once

import sablier
from backbones import Patches, TokensAlone, pretended, write_pt2
from sablier.backbones import BackboneFile
from sablier.calibration import Calibration
from sablier.errors import BackboneError, ConfigError, ModelFileError
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile, pack, unpack
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.scorer import score_together
from sablier.workflows.info import describe_model
from sablier.workflows.training.detector import train_detector

SIDE = 16
QUICK = ["folds=2"]


def speckled(count: int, seed: int, blot: bool = False) -> ImageSet:
    """N,16,16,3 images of a ramp with grain; with a blot at rows 8 to 12 and columns 4 to 8."""
    random = np.random.default_rng(seed)
    pixels = np.linspace(60, 180, SIDE)[:, None, None] + random.normal(0, 12, (count, SIDE, SIDE, 3))
    if blot:
        pixels[:, 8:12, 4:8] += 70 * (-1) ** np.arange(4)[:, None, None]
    return ImageSet(pixels.clip(0, 255).astype(np.uint8))


def recipe(*settings: str):
    return make_recipe("detector", "tiny", [*QUICK, *settings])


@pytest.fixture(scope="session")
def named(made_once) -> Path:
    """A backbone with token outputs alone."""
    return made_once("tokens.pt2", lambda path: write_pt2(path, TokensAlone(before=5)))


@pytest.fixture(scope="session")
def other(made_once) -> Path:
    return made_once("other.pt2", lambda path: write_pt2(path, TokensAlone(seed=1)))


@pytest.fixture(scope="session")
def model(made_once, named) -> Path:
    """A detector trained with it. Copy it before writing to it."""
    return made_once("speckled.sablier", lambda path: sablier.train(speckled(40, 0), path, recipe(), backbone=named))


@pytest.fixture
def programs_forbidden(monkeypatch):
    """No program is loaded, whoever asks."""

    def loaded(data):
        raise AssertionError("a program was loaded")

    monkeypatch.setattr(torch.export, "load", loaded)


def test_a_backbone_finds_a_blot_where_it_lies(model, named):
    detector = Detector.from_file(ModelFile.load(model), named)
    bad = detector.detect(speckled(8, 1, blot=True), pictures=True)
    assert bad.scores.min() > detector.detect(speckled(8, 2)).scores.max()
    row, column = np.unravel_index(bad.anomaly_maps.mean(axis=0).argmax(), (SIDE, SIDE))
    assert 8 <= row < 12
    assert 4 <= column < 8


def test_the_model_file_names_it_and_does_not_hold_it(model, named):
    file = ModelFile.load(model)
    part = file.parts["shared/backbone/network"]
    assert part.tensors == {}
    assert part.config["file"] == "tokens.pt2"
    assert part.config["sha256"] == BackboneFile.read(named).sha256
    assert [(each["name"], each["shape"]) for each in part.config["outputs"]] == [("tokens", [21, 12])]
    assert file.provenance.recipe["members"] == ["backbone"]


def test_saved_and_loaded_it_scores_to_the_same_bits_whatever_the_file_is_called_now(model, named, tmp_path):
    (tmp_path / "renamed.pt2").write_bytes(named.read_bytes())
    scores = [
        Detector.from_file(ModelFile.load(model), path).detect(speckled(6, 3)).scores
        for path in (named, tmp_path / "renamed.pt2")
    ]
    trained = train_detector(speckled(40, 0), recipe(), backbone=BackboneFile.read(named))
    scores.append(Detector.from_file(trained, named).detect(speckled(6, 3)).scores)
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])


@pytest.mark.usefixtures("programs_forbidden")
def test_a_model_file_alone_never_loads_the_program(model, named, tmp_path, monkeypatch):
    monkeypatch.chdir(named.parent)  # where the file lies that the model names
    file = ModelFile.load(model)
    detector = Detector.from_file(file)
    assert isinstance(detector.calibration, Calibration)
    assert detector.parts().keys() >= {"shared/backbone/network"}
    facts, layers, promises = describe_model(model)
    assert facts["backbone"] == "tokens.pt2, not in this file: name it with --backbone"
    assert facts["its SHA-256"] == BackboneFile.read(named).sha256
    assert facts["its outputs"] == "tokens, 21 x 12"
    assert (layers, len(promises)) == ([], 3)
    with pytest.raises(
        BackboneError, match=r"backbone \(feature network\) of its author, tokens\.pt2, .*--backbone FILE .*its SHA-256 is"
    ):
        score_together(detector.scorers, speckled(2, 4).dense(detector.preprocess))
    with pytest.raises(BackboneError, match="scores with a backbone"):
        sablier.AnomalyDetector.load(model)


@pytest.mark.usefixtures("programs_forbidden")
def test_another_file_is_refused_before_it_is_loaded(model, other, tmp_path):
    words = r"trained with, tokens\.pt2 with SHA-256 [0-9a-f]{64}, got .*other\.pt2 with [0-9a-f]{64}; it was not loaded"
    with pytest.raises(BackboneError, match=words):
        Detector.from_file(ModelFile.load(model), other)
    with pytest.raises(BackboneError, match=words):
        sablier.detect(model, speckled(2, 5), tmp_path / "out", backbone=other)


@pytest.mark.usefixtures("programs_forbidden")
def test_every_verb_that_scores_refuses_a_model_whose_backbone_is_not_named(model, digits_file, named, tmp_path):
    fresh, watched = speckled(30, 6), tmp_path / "in"
    watched.mkdir()
    out = tmp_path / "out"
    verbs: dict[str, Callable[..., Any]] = {
        "detect": lambda of, **by: sablier.detect(of, fresh, out, **by),
        "evaluate": lambda of, **by: sablier.evaluate(of, fresh, fresh, **by),
        "calibrate": lambda of, **by: sablier.calibrate(of, fresh, tmp_path / "renewed.sablier", **by),
        "watch": lambda of, **by: sablier.watch(of, watched, out, once=True, **by),
        "compare": lambda of, **by: sablier.compare([of], good=fresh, bad=fresh, backbones=list(by.values())),
    }
    for name, verb in verbs.items():
        with pytest.raises(BackboneError, match="Name that file with --backbone FILE"):
            verb(model)
        words = "none of these models was trained with" if name == "compare" else "needs no backbone: it holds .* out"
        with pytest.raises(BackboneError, match=words):
            verb(digits_file, backbone=named)
    assert not out.exists()
    assert not (tmp_path / "renewed.sablier").exists()


def test_every_verb_that_scores_takes_it(model, named, tmp_path):
    fresh, bad = speckled(30, 6), speckled(30, 7, blot=True)
    assert sablier.detect(model, bad, tmp_path / "out", backbone=named).flagged > 20
    assert "of the named network" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert sablier.evaluate(model, fresh, bad, tmp_path / "page.html", backbone=named).rows[0].auroc > 0.9
    renewed = tmp_path / "renewed.sablier"
    assert sablier.calibrate(model, fresh, renewed, backbone=named).parts["shared/backbone/network"].config["file"] == named.name
    assert sablier.detect(renewed, bad, backbone=named).flagged > 20
    found = sablier.compare([model, renewed], good=fresh, bad=bad, backbones=[named])
    assert min(row["auroc"] for row in found.to_table()[:2]) > 0.9
    (tmp_path / "in").mkdir()
    for number, pixels in enumerate(bad.array[:3]):
        Image.fromarray(pixels).save(tmp_path / "in" / f"{number}.png")
    assert once(renewed, tmp_path / "in", tmp_path / "watched", backbone=named).flagged == 3


def test_a_map_scores_with_it_beside_a_network_that_encodes(named, tmp_path):
    settings = ["members=restoration,backbone", "epochs=1", "width=4", "latent=3"]
    path = tmp_path / "both.sablier"
    sablier.train(speckled(40, 0), path, recipe(*settings), backbone=named)
    assert ModelFile.load(path).parts["fold-0/fusion"].config["members"] == ["restoration", "backbone"]
    with pytest.raises(BackboneError, match="Name that file"):
        sablier.map_images(path, speckled(12, 1), tmp_path / "map.html", "pca")
    found = sablier.map_images(path, speckled(12, 1), tmp_path / "map.html", "pca", backbone=named)
    assert len(found.columns["score"]) == 12
    assert sablier.embed(path, speckled(4, 1)) is not None  # which scores nothing
    with pytest.raises(BackboneError, match="needs no backbone"):
        sablier.map_images(autoencoder(tmp_path), speckled(12, 1), tmp_path / "map.html", "pca", backbone=named)


def autoencoder(folder: Path) -> Path:
    path = folder / "autoencoder.sablier"
    sablier.train(speckled(40, 0), path, make_recipe("autoencoder", "tiny", ["epochs=1", "width=4", "latent=3"]))
    return path


def test_training_says_at_once_what_cannot_be(named, tmp_path):
    out = tmp_path / "never.sablier"
    with pytest.raises(ConfigError, match="recipe of a detector for a backbone, got 'autoencoder'"):
        sablier.train(tmp_path / "no images", out, make_recipe("autoencoder"), backbone=named)
    (tmp_path / "broken.pt2").write_bytes(named.read_bytes()[:-100])
    with pytest.raises(BackboneError, match=r"broken\.pt2 cannot be loaded as torch\.export"):
        sablier.train(tmp_path / "no images", out, backbone=tmp_path / "broken.pt2")
    with pytest.raises(
        ConfigError, match=r"member backbone scores with a backbone \(feature network\) of yours.*--backbone FILE"
    ):
        sablier.train(speckled(40, 0), out, recipe("members=backbone"))
    words = r"no member would use the backbone tokens\.pt2: the members for images of 16 x 16 are closed-form"
    with pytest.raises(ConfigError, match=words):
        sablier.train(speckled(40, 0), out, recipe("photo_members=backbone"), backbone=named)
    large = ImageSet(np.repeat(np.repeat(speckled(40, 0).array, 2, axis=1), 2, axis=2))
    with pytest.raises(BackboneError, match=r"images of 32 x 32, .* got one for 16 x 16"):
        sablier.train(large, out, recipe(), backbone=named)
    assert not out.exists()


def test_an_estimator_takes_it_and_its_file_brings_none(named, tmp_path, monkeypatch):
    X, bad = speckled(40, 0).array, speckled(4, 1, blot=True).array
    fitted = sablier.AnomalyDetector(tier="tiny", settings={"folds": 2}, backbone=named).fit(X)
    assert fitted.predict(bad).tolist() == [-1] * 4
    path = tmp_path / "estimator.sablier"
    fitted.save(path)
    assert b"tokens.pt2" in path.read_bytes()
    assert str(named.parent).encode() not in path.read_bytes()
    loaded = sablier.AnomalyDetector.load(path, backbone=named)
    assert np.array_equal(loaded.anomaly_score(bad), fitted.anomaly_score(bad))
    # A file that names one among its parameters brings none either.
    text, tensors = unpack("model", path)
    words = json.loads(text)
    words["parts"]["estimator"]["config"]["parameters"]["backbone"] = str(named)
    path.write_bytes(pack("model", json.dumps(words), tensors))
    with pytest.raises(BackboneError, match="Name that file"):
        sablier.AnomalyDetector.load(path)


def test_a_model_file_whose_words_do_not_fit_is_refused(model, named, tmp_path):
    path = tmp_path / "changed.sablier"
    text, tensors = unpack("model", model)

    def use(change):
        words = json.loads(text)
        change(words["parts"])
        path.write_bytes(pack("model", json.dumps(words), tensors))
        Detector.from_file(ModelFile.load(path), named).detect(speckled(2, 1))

    def outputs(**changes):
        return lambda parts: parts["shared/backbone/network"]["config"]["outputs"][0].update(changes)

    with pytest.raises(ModelFileError, match=r"shared/backbone/network: expected .*scale"):
        use(outputs(scale=0.0))
    with pytest.raises(BackboneError, match=r"expected output grids of shape N,D,h,w or N,tokens,D"):
        use(outputs(name="grids"))
    with pytest.raises(ModelFileError, match="lacks a part of a detector: no network of the member backbone"):
        Detector.from_file(_without_network(text, tensors, path))


def _without_network(text, tensors, path):
    words = json.loads(text)
    del words["parts"]["shared/backbone/network"]
    path.write_bytes(pack("model", json.dumps(words), tensors))
    return ModelFile.load(path)


def test_the_promise_holds(named):
    """At 10 % about 10 % of good images are flagged, over many trainings: 12 of 121 ranks, exactly, on average."""
    alpha, runs, fresh = 0.1, 40, 200
    settings = ["folds_below=100", "calibration_share=0.5", "repeats=no"]
    backbone = BackboneFile.read(named)
    rates = []
    for seed in range(runs):
        images = speckled(240, 1000 + seed)
        file = train_detector(images, recipe(*settings, f"seed={seed}"), backbone=backbone)
        detector = Detector.from_file(file, named)
        assert detector.calibration.count == 120
        rates.append(float(np.mean(detector.detect(speckled(fresh, 5000 + seed), alpha).p_values <= alpha)))
    expected = 12 / 121
    # The rate of one calibration is drawn from Beta(12, 109), the share of 200 images from a binomial of it.
    deviation = (expected * (1 - expected) * (1 / 122 + 1 / fresh) / runs) ** 0.5
    assert abs(np.mean(rates) - expected) < 4 * deviation


def test_images_are_seen_in_parallel_as_one_after_the_other(model, named):
    detector = Detector.from_file(ModelFile.load(model), named)
    images = speckled(64, 8)
    one = detector.detect(images).scores
    torch.set_num_threads(4)
    try:
        assert np.allclose(detector.detect(images).scores, one, atol=1e-3)
    finally:
        torch.set_num_threads(1)


def test_a_pretended_network_of_two_outputs_makes_two_views():
    file = train_detector(speckled(40, 0), recipe(), backbone=pretended(Patches()))
    assert {name for name in file.parts if name.startswith("fold-0/backbone/")} == {
        *(f"fold-0/backbone/{kind}-{number}" for kind in ("view", "moments") for number in range(2)),
    }
