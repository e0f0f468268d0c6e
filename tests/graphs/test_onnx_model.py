"""`graph_bytes`: a graph of torch as an ONNX model of any number of images, without traces of this machine."""

import builtins
import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import sablier
from sablier.errors import PackageError
from sablier.graphs.onnx_model import OPSET, Input, graph_bytes


class Sums(nn.Module):
    """Returns the sums of the rows of a, and those times b."""

    def forward(self, a, b):
        total = a.sum(dim=1)
        return {"total": total, "times": total[:, None] * b}


INPUTS = {
    "a": Input(torch.arange(12.0).reshape(3, 4), {0: "images", 1: "values"}),
    "b": Input(torch.tensor([2.0, 3.0], dtype=torch.float32), {}),
}


@pytest.fixture(scope="module")
def data():
    return graph_bytes(Sums(), INPUTS)


def test_inputs_and_outputs_have_their_names_and_any_length_where_it_may_vary(data):
    model = onnx.load_from_string(data)
    assert [each.name for each in model.graph.input] == ["a", "b"]
    assert [each.name for each in model.graph.output] == ["total", "times"]
    shapes = [[own.dim_param or own.dim_value for own in each.type.tensor_type.shape.dim] for each in model.graph.input]
    assert shapes == [["images", "values"], [2]]
    assert [own.dim_param for own in model.graph.output[0].type.tensor_type.shape.dim] == ["images"]
    assert [own.version for own in model.opset_import if not own.domain] == [OPSET]
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for images, values in ((1, 1), (2, 7), (50, 4)):
        a = np.random.default_rng(0).random((images, values)).astype(np.float32)
        total, times = session.run(["total", "times"], {"a": a, "b": np.array([1, -1], np.float32)})
        np.testing.assert_allclose(total, a.sum(axis=1), rtol=1e-6)
        np.testing.assert_allclose(times, np.stack([total, -total], axis=1))


def test_a_graph_that_fixes_the_number_of_images_is_refused():
    class Fixed(nn.Module):
        def forward(self, a, b):
            return {"total": a.sum(dim=1) * torch.arange(3.0)}

    with pytest.raises(Exception, match="images"):
        graph_bytes(Fixed(), INPUTS)


def test_nothing_of_this_machine_is_in_the_file(data):
    for trace in (str(Path.home()), str(Path(sablier.__file__).parent), "site-packages", ".py", "stack_trace", "Traceback"):
        assert trace.encode() not in data
    model = onnx.load_from_string(data)
    assert not model.metadata_props
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


def test_the_log_is_as_it_was():
    before = logging.root.manager.disable
    graph_bytes(Sums(), INPUTS)
    assert logging.root.manager.disable == before


def test_an_old_torch_is_refused(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.8.1+cpu")
    with pytest.raises(PackageError, match=r"expected torch 2\.9 or newer to export, got 2\.8\.1\+cpu\. Upgrade it"):
        graph_bytes(Sums(), INPUTS)


@pytest.mark.parametrize("version", ["2.10.0", "3.0.0a0+git"])
def test_a_newer_torch_is_not_refused(monkeypatch, version):
    monkeypatch.setattr(torch, "__version__", version)
    assert graph_bytes(Sums(), INPUTS)


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_a_missing_package_is_named_with_the_command(monkeypatch, missing):
    genuine = builtins.__import__

    def without(name, *rest, **more):
        if name == missing:
            raise ImportError(f"No module named {name!r}")
        return genuine(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PackageError, match=rf"got No module named '{missing}'\. Run: pip install 'sablier\[onnx\]'"):
        graph_bytes(Sums(), INPUTS)
