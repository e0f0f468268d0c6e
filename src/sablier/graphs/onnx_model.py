"""A graph of torch as an ONNX model, by the exporter of torch (dynamo).

What the exporter notes of the source code, paths of the machine among it, is removed.
"""

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sablier.errors import PackageError

OPSET = 20
INSTALL = "pip install 'sablier[onnx]'"
OLDEST_TORCH = 2, 9  # whose exporter was tried
MOST_IMAGES = 1 << 20  # in a batch


@dataclass(frozen=True)
class Input:
    """An input of a graph.

    Args:
        example: with two images.
        axes: the names of axes whose length may vary, by their number.
    """

    example: Tensor
    axes: Mapping[int, str]


def graph_bytes(graph: nn.Module, inputs: Mapping[str, Input]) -> bytes:
    """Return a graph, which takes tensors and returns a dictionary of them, as an ONNX model.

    Raises:
        PackageError: if the packages of the extra `onnx` are missing.
    """
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < OLDEST_TORCH:
        raise PackageError(
            f"expected torch {'.'.join(map(str, OLDEST_TORCH))} or newer to export, got {torch.__version__}. Upgrade it."
        )
    try:
        import onnx
        import onnxscript  # noqa: F401  # the exporter of torch needs it
    except ImportError as error:
        raise PackageError(f"expected the packages onnx and onnxscript to export a model, got {error}. Run: {INSTALL}") from error
    examples = tuple(given.example for given in inputs.values())
    sizes = {name: torch.export.Dim(name, min=1, max=MOST_IMAGES) for given in inputs.values() for name in given.axes.values()}
    with torch.no_grad(), silent():
        outputs = list(graph(*examples))  # also makes what members compute once
        # Traced here, since the exporter would quietly fix the size of batches where tracing asks for that.
        shapes = tuple({axis: sizes[name] for axis, name in given.axes.items()} for given in inputs.values())
        # Guards about sides that it cannot prove, as of a network that halves them, would otherwise be errors.
        traced = torch.export.export(
            graph.eval(), examples, dynamic_shapes=shapes, strict=False, prefer_deferred_runtime_asserts_over_guards=True
        )
        names: dict[str, Any] = {"input_names": list(inputs), "output_names": outputs}
        # Not optimized: it takes minutes, a rule of it fuses minimum and maximum wrongly, and onnxruntime does it, too.
        program = torch.onnx.export(traced, dynamo=True, opset_version=OPSET, optimize=False, verbose=False, **names)
    assert program is not None  # as it always is with dynamo
    model: onnx.ModelProto = program.model_proto
    _forget_source(model)
    _name_axes(model, inputs)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def _forget_source(model: Any) -> None:
    """Remove what the exporter notes of the source code."""
    del model.metadata_props[:]
    graphs = [model.graph, *model.functions]
    while graphs:
        graph = graphs.pop()
        for item in (graph, *graph.node, *getattr(graph, "value_info", ()), *getattr(graph, "initializer", ())):
            item.doc_string = ""
            del item.metadata_props[:]
        graphs += [own.g for node in graph.node for own in node.attribute if own.HasField("g")]


def _name_axes(model: Any, inputs: Mapping[str, Input]) -> None:
    """Give axes whose length may vary their names, in place of the symbols of the exporter."""
    shapes = {each.name: each.type.tensor_type.shape.dim for each in model.graph.input}
    names = {shapes[name][axis].dim_param: own for name, given in inputs.items() for axis, own in given.axes.items()}
    for each in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for length in each.type.tensor_type.shape.dim:
            if length.dim_param:
                length.dim_param = re.sub(r"\w+", lambda found: names.get(found[0], found[0]), length.dim_param)


@contextmanager
def silent() -> Iterator[None]:
    """Silence what the exporter says of its own versions and steps."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
