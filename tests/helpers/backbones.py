"""Small feature networks, written to files as a user would."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sablier.backbones import BackboneFile
from sablier.backbones.program import BackboneFormat, Input, Program

PATCH = 4


class Patches(nn.Module):
    """Random filters over patches of 4 pixels, as a grid, and as tokens after a class token.

    Args:
        size: features of a token.
        before: how many tokens come before those of patches.
    """

    def __init__(self, size: int = 12, before: int = 1, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.filters = nn.Parameter(torch.randn(size, 3, PATCH, PATCH, generator=generator) / 7)
        self.first = nn.Parameter(torch.randn(before, size, generator=generator))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        grid = torch.tanh(nn.functional.conv2d(x - 0.5, self.filters, stride=PATCH))
        tokens = torch.cat([self.first.expand(x.shape[0], -1, -1), grid.flatten(2).transpose(1, 2)], dim=1)
        return {"grid": grid, "tokens": tokens}


class TokensAlone(Patches):
    """The tokens alone."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"tokens": super().forward(x)["tokens"]}


def write_pt2(path: Path, network: nn.Module, side: int = 16, **fixed: bool) -> Path:
    """Export a network for any number of images of `side` pixels a side: with `batch=True` for two, with `sides=False` of any."""
    any_side = {} if fixed.get("sides", True) else {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    lengths: dict[int, Any] = ({} if fixed.get("batch") else {0: torch.export.Dim("batch")}) | any_side
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch finds odd in its own files
        program = torch.export.export(network, (torch.rand(2, 3, side, side),), dynamic_shapes=(lengths or None,))
        torch.export.save(program, path)
    return path


def write_onnx(path: Path, size: int = 12, number: int | str = "batch", dtype: str = "FLOAT") -> Path:
    """Write random filters over patches of 4 pixels as an ONNX file: outputs "grid" and "tokens", without a class token."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    kind = getattr(TensorProto, dtype)
    filters = np.random.default_rng(0).normal(size=(size, 3, PATCH, PATCH)) / 7
    kept = [
        numpy_helper.from_array(filters.astype(helper.tensor_dtype_to_np_dtype(kind)), "filters"),
        numpy_helper.from_array(np.array([0, size, -1], np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "filters"], ["found"], strides=[PATCH, PATCH]),
        helper.make_node("Tanh", ["found"], ["grid"]),
        helper.make_node("Reshape", ["grid", "flat"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["tokens"], perm=[0, 2, 1]),
    ]
    taken = [helper.make_tensor_value_info("x", kind, [number, 3, "height", "width"])]
    given = [
        helper.make_tensor_value_info("grid", kind, [number, size, "down", "across"]),
        helper.make_tensor_value_info("tokens", kind, [number, "patches", size]),
    ]
    graph = helper.make_graph(nodes, "patches", taken, given, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def pretended(
    run: Callable[[Tensor], Mapping[str, Any]], *shapes: tuple[int | None, ...], dtype: str = "float32"
) -> BackboneFile:
    """Return a file whose program is a function of this process."""
    inputs = tuple(Input(f"x{place}", shape, dtype) for place, shape in enumerate(shapes or [(None, 3, None, None)]))
    kind = BackboneFormat("a pretence", lambda data: Program(inputs, run), "pretend(batch=None)")
    return BackboneFile("pretended.pt2", "0" * 64, kind, b"")
