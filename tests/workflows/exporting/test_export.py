"""`export` of a detector: the file answers as the model does, and nothing is written where it does not."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

import sablier
from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError, ParityError
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.exported_format import read_metadata
from sablier.workflows.exported_files import open_exported, read_exported
from sablier.workflows.exporting.export import COMPARING, READING, TRACING, export
from sablier.workflows.exporting.parity import ALPHAS

pytest.importorskip("sablier_runtime", reason="sablier_runtime is not installed")


@pytest.fixture(scope="module")
def native(small_detector):
    return Detector.from_file(ModelFile.load(small_detector))


@pytest.fixture(scope="module")
def exported(small_onnx):
    return open_exported(small_onnx, threads=1)


@pytest.fixture(scope="module")
def graph(small_onnx):
    """The bytes of the graph, without the metadata behind it."""
    data = small_onnx.read_bytes()
    return data[: int({each.key: each.value for each in onnx.load_from_string(data).metadata_props}["sablier_length"])]


@pytest.fixture
def traced(monkeypatch, graph):
    """Take the traced graph, changed by a function, in place of tracing, which takes seconds."""

    def take(change=lambda model: None):
        model = onnx.load_from_string(graph)
        change(model)
        monkeypatch.setattr("sablier.workflows.exporting.export.graph_bytes", lambda *_: model.SerializeToString())

    return take


def scaled(name, factor):
    """Return a change of a graph: a constant times a factor."""

    def change(model):
        values = next(each for each in model.graph.initializer if each.name == name)
        old = numpy_helper.to_array(values)
        values.CopyFrom(numpy_helper.from_array((old * factor).astype(old.dtype), name))

    return change


def test_scores_p_values_maps_and_what_a_report_tells_are_those_of_the_model(native, exported, digit_folder):
    images = read_images(digit_folder)
    ours, theirs = native.detect(images, pictures=True), exported.detect(images, pictures=True)
    assert ours.ids.tolist() == theirs.ids.tolist()
    spread = native.calibration.folds[0].std()
    np.testing.assert_allclose(theirs.scores, ours.scores, atol=1e-4 * spread)
    np.testing.assert_array_equal(theirs.p_values, ours.p_values)
    np.testing.assert_array_equal(theirs.members, ours.members)
    np.testing.assert_allclose(theirs.anomaly_maps, ours.anomaly_maps, atol=1e-3)
    np.testing.assert_allclose(theirs.reconstructions, ours.reconstructions, atol=1e-4)
    np.testing.assert_array_equal(theirs.images, ours.images)
    for name, p_values in ours.baseline_p_values.items():
        np.testing.assert_array_equal(theirs.baseline_p_values[name], p_values)
    assert theirs.promise == ours.promise
    assert len(np.unique(ours.p_values)) > 5
    assert exported.network_facts() == native.network_facts()
    assert exported.member_kinds == native.member_kinds == ("restoration",)


@pytest.mark.parametrize(
    "rates",
    [
        *({"alpha": alpha} for alpha in (0.001, 0.01, 0.05, 0.1, 0.37)),
        *({"fdr": fdr} for fdr in (0.05, 0.3)),
        {"alpha": 0.2, "reject_alpha": 0.02},
    ],
    ids=str,
)
def test_rates_are_chosen_after_the_export(native, exported, digit_folder, rates):
    images = read_images(digit_folder)
    ours, theirs = native.detect(images, **rates), exported.detect(images, **rates)
    assert theirs.verdicts.tolist() == ours.verdicts.tolist()
    assert (theirs.alpha, theirs.promise) == (ours.alpha, ours.promise)
    assert set(ours.verdicts) != {"normal"}


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05, 0.37])
def test_the_graph_itself_gives_score_p_value_and_verdict_at_any_alpha(native, exported, digit_folder, alpha):
    dense = read_images(digit_folder).dense(native.preprocess)
    expected = native.detect(dense, alpha)
    found = exported.graph.run(["score", "p_value", "flagged"], {"pixels": dense.array, "alpha": np.array([alpha])})
    np.testing.assert_allclose(found["score"], expected.scores, atol=1e-4)
    np.testing.assert_allclose(found["p_value"], expected.p_values, atol=1e-12)
    np.testing.assert_array_equal(found["flagged"], expected.verdicts == "anomaly")
    assert found["flagged"].any() is np.bool_(alpha > 0.005)


def test_the_graph_takes_any_number_of_images(exported, digit_folder):
    pixels = read_images(digit_folder).dense(exported.preprocess).array
    names = list(exported.graph.outputs)
    whole = exported.graph.run(names, {"pixels": pixels, "alpha": np.array([0.05])})
    for step in (1, 2, 7):
        parts = [
            exported.graph.run(names, {"pixels": pixels[start : start + step], "alpha": np.array([0.05])})
            for start in range(0, len(pixels), step)
        ]
        for name in names:
            np.testing.assert_allclose(np.concatenate([each[name] for each in parts]), whole[name], rtol=1e-4, atol=1e-5)


def test_what_the_file_says_of_itself(small_onnx, small_detector, exported):
    file = ModelFile.load(small_detector)
    record, arrays = read_metadata(small_onnx.read_bytes(), "part.onnx")
    assert (record["sablier"], record["task"], record["precision"]) == (sablier.__version__, "detect", "float32")
    assert record["scorers"] == 1
    assert [member["kind"] for member in record["members"]] == ["restoration"]
    assert record["content"]["provenance"] == file.metadata.provenance.model_dump(mode="json")
    assert set(record["content"]["parts"]) == {"calibration", "known-images"}
    np.testing.assert_array_equal(arrays["calibration/model/0"], file.parts["calibration"].tensors["model/0"])
    model = onnx.load(small_onnx)
    assert [each.name for each in model.graph.input] == ["pixels", "alpha"]
    for each in model.graph.output:
        assert each.type.tensor_type.shape.dim[0].dim_param == "images"


def test_the_result_and_the_steps(traced, small_detector, digit_folder, tmp_path):
    traced()
    steps = []
    result = export(small_detector, tmp_path / "part.onnx", images=digit_folder, on_step=lambda *step: steps.append(step))
    assert steps == [(READING, 0, 3), (TRACING, 1, 3), (COMPARING, 2, 3), ("", 3, 3)]
    assert result.path == tmp_path / "part.onnx"
    assert result.size == result.path.stat().st_size
    assert result.faster is None
    assert (result.parity.images, result.parity.decided) == (32, 32 * len([each for each in ALPHAS if each >= 0.01]))
    assert result.parity.verdicts == result.parity.near == ()
    assert all(0 <= each.largest <= each.allowed for each in result.parity.differences)
    assert {"scores", "contributions of the member restoration", "anomaly maps"} < {
        each.what for each in result.parity.differences
    }
    assert result.parity.words().startswith("Compared on 32 images: scores within ")
    assert result.parity.words().endswith("; all 96 verdicts are the same.")


def test_the_models_are_compared_on_files_as_they_are_read(traced, small_detector, tmp_path, monkeypatch):
    traced()
    photos = tmp_path / "files"
    photos.mkdir()
    random = np.random.default_rng(0)
    for index in range(3):  # in colour, where the model takes grey images
        Image.fromarray(random.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(photos / f"{index}.png")
    (photos / "torn.png").write_bytes((photos / "0.png").read_bytes()[:50])
    assert export(small_detector, tmp_path / "part.onnx", images=photos).parity.images == 3
    for index in range(3):
        (photos / f"{index}.png").unlink()
    with pytest.raises(ImagesError, match=r"can be read"):
        export(small_detector, tmp_path / "other.onnx", images=photos)
    assert not (tmp_path / "other.onnx").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (scaled("scorers.0.fusion.values.weights", 1.01), "contributions of the member restoration by up to"),
        (scaled("scorers.0.usual.0", 1.01), "anomaly maps by up to"),
        (scaled("scorers.0.baselines.values.mean", 1.01), "scores of the baseline pca by up to"),
        (scaled("p_values.weights.0", 2.0), "ranks of p-values that the graph returns by up to"),
    ],
)
def test_a_wrong_graph_is_refused_by_name_and_an_earlier_file_stays(
    traced, small_detector, digit_folder, tmp_path, change, said, small_onnx
):
    traced(change)
    for name, content in (("new.onnx", None), ("old.onnx", small_onnx.read_bytes())):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ParityError, match="Nothing was written") as caught:
            export(small_detector, path, images=digit_folder)
        assert said in str(caught.value)
        assert "one-member.sablier on 32 images" in str(caught.value)
        assert (path.read_bytes() if path.exists() else None) == content
        left = [each.name for each in tmp_path.iterdir() if "onnx" in each.name]
        assert left == ([] if content is None else ["old.onnx"])


def test_a_wrong_verdict_alone_is_refused(traced, small_detector, digit_folder, tmp_path):
    def turn(model):
        node = next(each for each in model.graph.node if "flagged" in each.output)
        node.output[0] = "right"
        model.graph.node.append(onnx.helper.make_node("Not", ["right"], ["flagged"]))

    traced(turn)
    with pytest.raises(ParityError, match=r"got other verdicts of [a-z]+-\d\d.png, .* and 29 more\. Nothing was written"):
        export(small_detector, tmp_path / "part.onnx", images=digit_folder)
    assert not (tmp_path / "part.onnx").exists()


@pytest.mark.slow
def test_a_member_that_is_traced_wrongly_is_named(small_detector, digit_folder, tmp_path, monkeypatch):
    import torch

    from sablier.tasks.detection.members.restoration import Restoration

    genuine = Restoration.score

    def score(self, x, pictures=True):
        found = genuine(self, x, pictures)
        return replace(found, statistics=found.statistics + 0.01) if torch.compiler.is_exporting() else found

    monkeypatch.setattr(Restoration, "score", score)
    with pytest.raises(ParityError, match="contributions of the member restoration by up to"):
        export(small_detector, tmp_path / "part.onnx", images=digit_folder)
    assert not (tmp_path / "part.onnx").exists()


def test_int8_is_refused_where_verdicts_change(traced, small_detector, digit_folder, tmp_path, monkeypatch):
    traced()

    def coarse(data, examples):
        assert len(examples) == 32
        model = onnx.load_from_string(data)
        scaled("scorers.0.fusion.values.weights", 0.3)(model)
        return model.SerializeToString()

    monkeypatch.setattr("sablier.workflows.exporting.export.quantized", coarse)
    with pytest.raises(ParityError, match=r"got other verdicts of .*8 bits are too few for it: leave --int8 out") as caught:
        export(small_detector, tmp_path / "part.onnx", images=digit_folder, int8=True)
    assert "scores by" not in str(caught.value)
    assert not (tmp_path / "part.onnx").exists()


@pytest.mark.slow
def test_a_detector_in_8_bits_whose_verdicts_stay(traced, small_detector, tmp_path):
    traced()
    result = export(small_detector, tmp_path / "part.onnx", images="digits:test", int8=True)
    assert result.faster > 0
    assert read_exported(tmp_path / "part.onnx").record["precision"] == "int8"
    assert result.size == (tmp_path / "part.onnx").stat().st_size
    largest = {each.what: each.largest / each.allowed for each in result.parity.differences}
    assert largest["scores"] > 1
    assert largest["scores of the baseline knn"] < 1
    images = read_images("digits:test")
    ours, theirs = Detector.from_file(ModelFile.load(small_detector)), open_exported(tmp_path / "part.onnx")
    assert np.mean(ours.detect(images).verdicts != theirs.detect(images).verdicts) <= 0.05


@pytest.mark.parametrize("name", ["part.pt", "part", "part.sablier", "onnx"])
def test_a_name_with_another_suffix(small_detector, tmp_path, name):
    with pytest.raises(OutputError, match=r"expected a name that ends in \.onnx, got .* Type: -o .*\.onnx"):
        export(small_detector, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_outputs_that_are_not_written_over(traced, small_detector, digit_folder, tmp_path):
    traced()
    (tmp_path / "notes.onnx").write_text("my notes")
    (tmp_path / "folder.onnx").mkdir()
    for name in ("notes.onnx", "folder.onnx"):
        with pytest.raises(OutputError, match=name):
            export(small_detector, tmp_path / name, images=digit_folder)
    assert (tmp_path / "notes.onnx").read_text() == "my notes"
    with pytest.raises(OutputError):
        export(small_detector, digit_folder / "part.onnx", images=digit_folder)


def test_training_images_that_are_gone(small_detector, traced, digit_folder, tmp_path):
    file = ModelFile.load(small_detector)
    moved = ModelFile(
        file.task,
        file.preprocess,
        file.parts,
        {},
        file.metadata.provenance.model_copy(update={"source": str(tmp_path / "gone")}),
    )
    moved.save(tmp_path / "moved.sablier")
    traced()
    with pytest.raises(ImagesError, match=r"those that trained it cannot be read any more: .*gone.* with --images FOLDER"):
        export(tmp_path / "moved.sablier", tmp_path / "part.onnx")
    with pytest.raises(ImagesError, match="nowhere") as caught:
        export(tmp_path / "moved.sablier", tmp_path / "part.onnx", images=tmp_path / "nowhere")
    assert "trained it" not in str(caught.value)
    assert export(tmp_path / "moved.sablier", tmp_path / "part.onnx", images=digit_folder).parity.images == 32


@pytest.mark.parametrize(("task", "reason"), [("compress", "entropy coder"), ("generate", "draws random images")])
def test_tasks_that_are_not_exported(small_autoencoder, tmp_path, task, reason):
    file = ModelFile.load(small_autoencoder)
    ModelFile(task, file.preprocess, {}, {}, file.metadata.provenance).save(tmp_path / "part.sablier")
    with pytest.raises(ModelFileError, match=f"a model trained to {task} is not exported: .*{reason}.* Use sablier"):
        export(tmp_path / "part.sablier", tmp_path / "part.onnx")
    assert not (tmp_path / "part.onnx").exists()


def test_a_backbone_that_no_model_takes(small_autoencoder, small_detector, tmp_path):
    with pytest.raises(ConfigError, match="expected a backbone for a detector only, got one for a model trained to reconstruct"):
        export(small_autoencoder, tmp_path / "part.onnx", backbone=tmp_path / "net.pt2")


def test_a_model_that_was_exported_before(small_onnx, tmp_path):
    with pytest.raises(ModelFileError, match=r"expected a \.sablier model file, got .*, an exported model"):
        export(small_onnx, tmp_path / "again.onnx")
