"""Files that are no exported detectors, or damaged ones: each is refused with what came and what to do."""

import re

import numpy as np
import onnx
import pytest
from brightness import Brightness
from onnx import TensorProto, helper, numpy_helper

import sablier_runtime
from sablier.tasks.detection.exported_format import with_metadata
from sablier_runtime import ModelFileError, SablierError


@pytest.fixture(scope="module")
def judge():
    return Brightness()


@pytest.fixture(scope="module")
def data(judge):
    return judge.data()


@pytest.fixture
def refused(tmp_path):
    """Return the message with which bytes are refused."""

    def message(data):
        (tmp_path / "part.onnx").write_bytes(data)
        with pytest.raises(ModelFileError) as caught:
            sablier_runtime.load(tmp_path / "part.onnx")
        assert isinstance(caught.value, SablierError)
        assert "part.onnx" in str(caught.value)
        return str(caught.value)

    return message


def test_a_file_that_is_no_onnx_file(refused, tmp_path):
    assert "got an empty file" in refused(b"")
    for data in (b"no model", bytes(range(256)), b"\x89PNG\r\n\x1a\n" + bytes(100)):
        assert "which is no ONNX file, or only a part of one" in refused(data)
    with pytest.raises(ModelFileError, match=r"there is no file .*nowhere\.onnx\. Export a .* with: sablier export"):
        sablier_runtime.load(tmp_path / "nowhere.onnx")
    with pytest.raises(ModelFileError, match="cannot be read: Is a directory"):
        sablier_runtime.load(tmp_path)


def test_an_onnx_file_of_something_else(refused, judge):
    assert "has no metadata of sablier. Export a model with: sablier export" in refused(judge.graph().SerializeToString())


def test_truncated_files(refused, data):
    for length in (1, 10, len(data) // 2, len(data) - 1):
        assert re.search("only a part of one|no metadata of sablier", refused(data[:length])), length
    assert "its metadata are incomplete" in refused(data[: data.rindex(b"sablier_sha256") - 4])


def test_every_altered_byte_is_noticed(refused, data):
    random = np.random.default_rng(0)
    for place in random.choice(len(data), 60, replace=False).tolist():
        altered = bytearray(data)
        altered[place] ^= 1 << int(random.integers(8))
        assert refused(bytes(altered))


def test_an_altered_weight_and_an_altered_record_break_the_checksum(refused, data):
    weight = np.array(-4.0).tobytes()
    assert data.count(weight) == 1
    assert "altered since it was exported: its checksum does not match" in refused(data.replace(weight, np.array(-9.0).tobytes()))
    assert "checksum does not match" in refused(data.replace(b'"scorers": 3', b'"scorers": 2'))
    assert "checksum does not match" in refused(data.replace(b'"format": 1', b'"format": 0'))


def test_what_is_added_to_a_file_is_noticed(refused, data, judge):
    other = Brightness(slopes=np.array([1.0, 2.0, 3.0]))
    assert "its metadata are incomplete" in refused(data + judge.graph().SerializeToString())
    assert "its metadata are incomplete" in refused(data + other.data())
    entry = onnx.ModelProto(metadata_props=[onnx.StringStringEntryProto(key="author", value="someone")])
    assert "its metadata are incomplete" in refused(data + entry.SerializeToString())


def test_a_newer_format_and_another_task(refused, judge):
    newer = judge.data(format=2)
    assert "format 1 at most, got format 2" in refused(newer)
    assert "Upgrade sablier or sablier-runtime" in refused(newer)
    assert "got 0.5" in refused(judge.data(format=0.5))
    assert "expected an exported model that detects, got one to classify" in refused(judge.data(task="classify"))


@pytest.mark.parametrize("missing", ["content", "members", "scorers"])
def test_a_record_that_lacks_something(refused, judge, missing):
    record = judge.record()
    del record[missing]
    data = with_metadata(judge.graph().SerializeToString(), record, judge.arrays())
    assert f"lacks a part: KeyError('{missing}')" in refused(data)


def test_a_record_with_wrong_values(refused, judge):
    content = judge.record()["content"]
    for rule in ({"height": 0}, {"channels": 2}, {"dtype": "int8"}, {"white": -1.0}, {"ignored": "?"}, {"more": 1}):
        assert "lacks a part" in refused(judge.data(content={**content, "preprocess": {**content["preprocess"], **rule}}))
    assert "2 scorers and 3 sets of calibration scores" in refused(judge.data(scorers=2))
    assert "lacks a part" in refused(judge.data(members=[]))
    assert "lacks a part" in refused(judge.data(content={**content, "provenance": {"looks": {"shortest": 1}}}))


def test_arrays_that_are_missing_or_not_finite(refused, judge):
    graph, arrays = judge.graph().SerializeToString(), judge.arrays()
    for name in ("calibration/model/0", "calibration/frame/low", "known-images/hashes"):
        less = {key: value for key, value in arrays.items() if key != name}
        assert "lacks a part: KeyError" in refused(with_metadata(graph, judge.record(), less))
    infinite = {**arrays, "calibration/model/0": np.full(40, np.nan)}
    assert "expected finite calibration scores" in refused(with_metadata(graph, judge.record(), infinite))
    pickled = {**arrays, "calibration/model/0": np.array([{}], object)}
    assert "arrays that cannot be read: Object arrays cannot be loaded" in refused(with_metadata(graph, judge.record(), pickled))


def test_inputs_and_outputs_that_are_missing_or_others(refused, judge):
    for name in ("map", "p_value", "fold_scores", "baseline_scores"):
        graph = judge.graph()
        graph.graph.output.remove(next(each for each in graph.graph.output if each.name == name))
        assert f"expected the output {name} of type float" in refused(judge.data(graph))
    graph = judge.graph()
    graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 9
    assert "expected the input pixels of type uint8 and shape ?,8,8,1, got uint8 and ?,9,8,1" in refused(judge.data(graph))
    graph = judge.graph()
    graph.graph.output.append(helper.make_tensor_value_info("grey", TensorProto.FLOAT, ["N", 8, 8]))
    graph.graph.output[-1].name = "reconstruction"
    graph.graph.node.append(helper.make_node("Identity", ["grey"], ["reconstruction"]))
    assert "expected the output reconstruction of type float32 and shape ?,8,8,1, got float32 and ?,8,8" in refused(
        judge.data(graph)
    )


def test_weights_in_another_file(refused, judge, tmp_path):
    graph = judge.graph()
    onnx.external_data_helper.convert_model_to_external_data(graph, location="part.bin", size_threshold=0)
    onnx.save(graph, tmp_path / "split.onnx")
    split = judge.data(onnx.load(tmp_path / "split.onnx", load_external_data=False))
    assert "expected one file with its weights" in refused(split)
    assert "Export the detector again" in refused(split)


def test_an_onnxruntime_that_is_too_old(refused, judge):
    for change in ({"ir_version": 99}, {"opset_import": [helper.make_opsetid("", 99)]}):
        graph = judge.graph()
        changed = onnx.ModelProto(graph=graph.graph, **{"ir_version": 10, "opset_import": graph.opset_import, **change})
        message = refused(judge.data(changed))
        assert "expected an onnxruntime that knows the operators" in message
        assert message.endswith("Upgrade it with: pip install --upgrade onnxruntime")


def test_a_graph_that_onnxruntime_cannot_run(refused, judge, tmp_path):
    graph = judge.graph()
    graph.graph.node[0].op_type = "Unheard"
    assert "cannot run" in refused(judge.data(graph))
    graph = judge.graph()
    slopes = next(each for each in graph.graph.initializer if each.name == "slopes")
    slopes.CopyFrom(numpy_helper.from_array(np.full((1, 3), np.nan), "slopes"))
    (tmp_path / "nan.onnx").write_bytes(judge.data(graph))
    with pytest.raises(ModelFileError, match="scores that are infinite or not a number"):
        sablier_runtime.load(tmp_path / "nan.onnx").detect(judge.good.array)
