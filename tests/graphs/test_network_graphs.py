"""The graphs of classifiers, autoencoders, denoisers and detectors, run by torch: what the models compute."""

import numpy as np
import pytest
import torch

from sablier.graphs.detector_graph import DetectorGraph
from sablier.graphs.network_graphs import AutoencoderGraph, ClassifierGraph, DenoiserGraph
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.models import create_model
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.detection.judge import score_columns
from sablier.tasks.detection.result import BASELINES
from sablier.tasks.latent.reconstruct import TASK, decode, encode
from sablier.workflows.training.network import network_of


@pytest.fixture(scope="module")
def digits():
    return read_images("digits:test").take(np.arange(0, 360, 9))


@torch.no_grad()
def run(graph, *inputs):
    return {name: value.numpy() for name, value in graph.eval()(*map(torch.from_numpy, inputs)).items()}


@pytest.mark.parametrize("alpha", [0.001, 0.02, 0.1, 0.5])
def test_a_detector_of_every_member_of_small_images(digits_detector, digits, alpha):
    detector, dense = digits_detector, digits.dense(digits_detector.preprocess)
    expected, found = detector.scored(dense, True), run(DetectorGraph(detector), dense.array, np.array([alpha]))
    calibration = detector.calibration
    assert calibration.crossed
    np.testing.assert_allclose(found["fold_scores"], expected.scores, atol=1e-5)
    np.testing.assert_allclose(found["score"], expected.scores.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(found["contributions"], expected.contributions, atol=1e-5)
    np.testing.assert_allclose(found["map"], expected.anomaly_maps, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["reconstruction"], expected.reconstructions, atol=1e-5)
    for place, name in enumerate(BASELINES):
        np.testing.assert_allclose(found["baseline_scores"][:, :, place], expected.baselines[name], rtol=1e-4)
    p_values = calibration.p_values(score_columns(calibration, expected.scores))
    np.testing.assert_allclose(found["p_value"], p_values, atol=1e-12)
    np.testing.assert_array_equal(found["flagged"], calibration.verdicts(p_values, alpha) == "anomaly")
    assert "appearance" not in found


def test_a_classifier(small_classifier, digits):
    classifier = Classifier.from_file(ModelFile.load(small_classifier))
    expected = classifier.classify(digits)
    found = run(ClassifierGraph(classifier), digits.dense(classifier.preprocess).array)
    np.testing.assert_allclose(found["probabilities"], expected.probabilities, atol=1e-5)
    np.testing.assert_allclose(found["p_value"], expected.p_values, atol=1e-12)
    np.testing.assert_array_equal(found["unlike"], expected.unlike)


def test_an_autoencoder(small_autoencoder, digits):
    file = ModelFile.load(small_autoencoder)
    network = network_of(file, TASK)
    found = run(AutoencoderGraph(network, file.preprocess), digits.dense(file.preprocess).array)
    codes = encode(network, file.preprocess, digits.dense(file.preprocess))
    np.testing.assert_allclose(found["code"], codes, atol=1e-5)
    np.testing.assert_allclose(found["reconstruction"], decode(network, file.preprocess, codes), atol=1e-5)


def test_a_denoiser_of_any_size():
    network = create_model("unet", (16, 16, 3), width=4).eval()
    values = np.random.default_rng(0).random((2, 24, 40, 3)).astype(np.float32)
    found = run(DenoiserGraph(network), values)
    with torch.no_grad():
        clean, level = network.denoise(torch.from_numpy(values).permute(0, 3, 1, 2))
    np.testing.assert_array_equal(found["clean"], clean.permute(0, 2, 3, 1))
    np.testing.assert_array_equal(found["level"], level)
    assert found["clean"].shape == (2, 24, 40, 3)
