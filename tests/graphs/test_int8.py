"""`quantized`: layers in 8 bits between a first one in single precision and what is no layer."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from sablier.errors import ModelFileError
from sablier.graphs.int8 import quantized
from sablier.graphs.onnx_model import Input, graph_bytes


class Network(nn.Module):
    """Convolutions, then a product of matrices that is no layer."""

    def __init__(self, layers):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.layers = nn.ModuleList(nn.Conv2d(1 if k == 0 else 8, 8, 3, padding=1) for k in range(layers))
        for each in self.parameters():
            each.data = 0.3 * torch.randn(each.shape, generator=generator)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        pooled = x.mean(dim=(2, 3))
        return {"means": pooled, "products": pooled @ torch.eye(8)}


def exported(layers):
    return graph_bytes(Network(layers).eval(), {"x": Input(torch.rand(3, 1, 10, 10), {0: "images"})})


@pytest.fixture(scope="module")
def examples():
    return [{"x": np.random.default_rng(k).random((1, 1, 10, 10)).astype(np.float32)} for k in range(8)]


def test_all_layers_but_the_first_are_in_8_bits(examples):
    data = exported(3)
    small = quantized(data, examples)
    graph = onnx.load_from_string(small).graph
    scaled = {name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    layers = [node for node in graph.node if node.op_type == "Conv"]
    assert [node.input[0] in scaled and node.input[1] in scaled for node in layers] == [False, True, True]
    weights = {each.name: each.data_type for each in graph.initializer}
    quick = [node.input[0] for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in weights]
    assert onnx.TensorProto.INT8 in {weights[name] for name in quick}
    session, other = (onnxruntime.InferenceSession(each, providers=["CPUExecutionProvider"]) for each in (data, small))
    new = {"x": np.random.default_rng(99).random((20, 1, 10, 10)).astype(np.float32)}
    before, after = (each.run(["means", "products"], new) for each in (session, other))
    assert 0 < np.abs(before[0] - after[0]).max() < 0.05 * before[0].max()
    np.testing.assert_allclose(after[1], after[0], rtol=1e-6)


def test_a_network_of_one_layer_is_refused(examples):
    with pytest.raises(ModelFileError, match=r"expected a network of at least 2 layers for 8 bits, got 1\. Leave --int8 out"):
        quantized(exported(1), examples)
