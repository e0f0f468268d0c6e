"""`export` of classifiers, autoencoders and denoisers: the outputs of their graphs are those of the models."""

import numpy as np
import onnx
import pytest
from PIL import Image

from sablier.errors import ModelFileError, ParityError
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.denoise import TILE
from sablier.tasks.latent.reconstruct import TASK, decode, encode
from sablier.workflows.denoise import noise_remover
from sablier.workflows.exported_files import open_exported, read_exported
from sablier.workflows.exporting.export import export
from sablier.workflows.training.network import network_of

pytest.importorskip("sablier_runtime", reason="sablier_runtime is not installed")


def exported(model, path, **options):
    """Export a model: the result, and the file, read again."""
    result = export(model, path, **options)
    assert path.stat().st_size == result.size
    return result, read_exported(path, threads=1)


def test_a_classifier(small_classifier, digit_folder, tmp_path):
    result, found = exported(small_classifier, tmp_path / "part.onnx", images=digit_folder)
    classifier = Classifier.from_file(ModelFile.load(small_classifier))
    images = read_images(digit_folder)
    expected = classifier.classify(images)
    pixels = images.dense(classifier.preprocess).array
    outputs = found.graph.run(["probabilities", "p_value", "unlike"], {"pixels": pixels})
    np.testing.assert_allclose(outputs["probabilities"], expected.probabilities, atol=1e-4)
    np.testing.assert_array_equal(outputs["probabilities"].argmax(axis=1), expected.probabilities.argmax(axis=1))
    np.testing.assert_allclose(outputs["p_value"], expected.p_values, atol=1e-12)
    np.testing.assert_array_equal(outputs["unlike"], expected.unlike)
    assert found.record["classes"] == [str(digit) for digit in range(10)]
    assert found.record["task"] == "classify"
    assert (result.parity.images, result.parity.decided, result.faster) == (32, 32, None)
    assert [each.what for each in result.parity.differences][:2] == ["probabilities", "ranks of p-values"]
    with pytest.raises(ModelFileError, match=r"part\.onnx: expected an exported model that detects, got one to classify"):
        open_exported(tmp_path / "part.onnx")


@pytest.mark.slow
def test_wrong_flags_of_a_classifier_are_refused(small_classifier, digit_folder, tmp_path, monkeypatch):
    from sablier.graphs.onnx_model import graph_bytes

    def turned(graph, inputs):
        model = onnx.load_from_string(graph_bytes(graph, inputs))
        next(node for node in model.graph.node if "unlike" in node.output).output[0] = "right"
        model.graph.node.append(onnx.helper.make_node("Not", ["right"], ["unlike"]))
        return model.SerializeToString()

    monkeypatch.setattr("sablier.workflows.exporting.export.graph_bytes", turned)
    with pytest.raises(ParityError, match=r"got other flags of images unlike all classes by up to 1 \(allowed 0\)\. Nothing"):
        export(small_classifier, tmp_path / "part.onnx", images=digit_folder)
    assert not (tmp_path / "part.onnx").exists()


@pytest.mark.slow
def test_a_classifier_in_8_bits(small_classifier, digit_folder, tmp_path, capfd):
    result, found = exported(small_classifier, tmp_path / "part.onnx", images="digits:test", int8=True)
    assert capfd.readouterr().err == ""
    assert found.record["precision"] == "int8"
    assert result.faster > 0
    images = read_images("digits:test")
    classifier = Classifier.from_file(ModelFile.load(small_classifier))
    before = classifier.classify(images).probabilities
    after = found.graph.run(["probabilities"], {"pixels": images.array})["probabilities"]
    assert np.abs(before - after).max() > 1e-4
    assert np.mean(before.argmax(axis=1) != after.argmax(axis=1)) <= 0.02


def test_an_autoencoder(small_autoencoder, digit_folder, tmp_path):
    result, found = exported(small_autoencoder, tmp_path / "part.onnx")  # compared on the images that trained it
    file = ModelFile.load(small_autoencoder)
    images = read_images(digit_folder).dense(file.preprocess)
    network = network_of(file, TASK)
    outputs = found.graph.run(["code", "reconstruction"], {"pixels": images.array})
    codes = encode(network, file.preprocess, images)
    np.testing.assert_allclose(outputs["code"], codes, atol=1e-4 * codes.std())
    np.testing.assert_allclose(outputs["reconstruction"], decode(network, file.preprocess, codes), atol=1e-4)
    assert outputs["reconstruction"].shape == images.array.shape
    assert (result.parity.images, result.parity.decided) == (32, 0)
    assert [each.what for each in result.parity.differences] == ["codes", "reconstructions"]
    assert result.parity.words().startswith("Compared on 32 images: codes within ")
    assert found.record["content"]["preprocess"] == file.preprocess.model_dump()
    assert set(found.record["content"]["parts"]) == {"known-images"}


def test_a_denoiser_of_files_of_any_size(trained, tmp_path):
    model = trained("denoiser", "epochs=1", "width=8", "noise_high=10")
    random = np.random.default_rng(0)
    (tmp_path / "noisy").mkdir()
    for index, sides in enumerate([(24, 40), (37, 51), (64, 16)]):
        Image.fromarray(random.integers(0, 255, sides, dtype=np.uint8)).save(tmp_path / "noisy" / f"{index}.png")
    result, found = exported(model, tmp_path / "part.onnx", images=tmp_path / "noisy")
    assert result.parity.images == 3
    assert [each.what for each in result.parity.differences] == ["pixels", "noise levels"]
    remover = noise_remover(ModelFile.load(model))
    for sides in ((33, 57), (64, 64), (8, 120)):
        values = random.random((2, *sides, 1)).astype(np.float32)
        clean, levels = remover.remove(values)
        outputs = found.graph.run(["clean", "level"], {"values": values})
        assert outputs["clean"].shape == values.shape
        np.testing.assert_allclose(outputs["clean"], clean, atol=1e-4)
        np.testing.assert_allclose(outputs["level"], levels, atol=1e-4)
        assert max(sides) <= TILE


def test_a_network_that_only_removes_noise_of_one_size_is_refused(small_autoencoder, tmp_path):
    file = ModelFile.load(small_autoencoder)
    ModelFile("denoise", file.preprocess, {"net": file.parts["net"]}, {}, file.metadata.provenance).save(
        tmp_path / "part.sablier"
    )
    with pytest.raises(ModelFileError):
        export(tmp_path / "part.sablier", tmp_path / "part.onnx")
