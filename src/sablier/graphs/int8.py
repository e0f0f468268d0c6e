"""An ONNX model whose convolutions and matrix products compute in whole numbers of 8 bits.

Post-training static quantisation (Jacob et al. 2018, arXiv 1712.05877): the range of each activation is measured on images;
weights have a range for each output channel. The first layer, which takes the pixels, and all that is no layer stay in single
precision.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sablier.errors import ModelFileError
from sablier.graphs.onnx_model import silent
from sablier.typing import Array

OPERATORS = ("Conv", "Gemm")  # of networks; other products compute distances, which 8 bits cannot hold
FEWEST_LAYERS = 2
ERRORS = 3  # of onnxruntime's log levels


def quantized(data: bytes, examples: Sequence[Mapping[str, Array]]) -> bytes:
    """Return a model in 8 bits.

    Args:
        data: an ONNX model.
        examples: inputs of the graph on which the ranges of activations are measured.

    Raises:
        ModelFileError: if it has no network of several layers.
    """
    import onnx
    from onnxruntime import quantization

    class Examples(quantization.CalibrationDataReader):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            self.left: Iterator[Mapping[str, Any]] = iter(examples)

        def get_next(self) -> Mapping[str, Any] | None:
            return next(self.left, None)

    with silent(), tempfile.TemporaryDirectory() as folder:
        model = onnx.load_from_string(_folded(data, Path(folder) / "folded.onnx"))
        layers = [node.name for node in model.graph.node if node.op_type in OPERATORS]
        if len(layers) < FEWEST_LAYERS:
            raise ModelFileError(
                f"expected a network of at least {FEWEST_LAYERS} layers for 8 bits, got {len(layers)}. Leave --int8 out."
            )
        path = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            model,
            str(path),
            Examples(),
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=layers[:1],
        )
        return path.read_bytes()


def _folded(data: bytes, path: Path) -> bytes:
    """Return a model whose constants are computed, and whose normalisations are folded into the layers before them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = ERRORS
    onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return path.read_bytes()
