"""ONNX files, run by the package onnxruntime of the extra `onnx`."""

import re
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from sablier.backbones.program import FORMATS, BackboneFormat, Input, Program
from sablier.errors import PackageError

INSTALL = "pip install 'sablier[onnx]'"
SILENT = 4  # of onnxruntime's log levels; its errors contain what it cannot load
# The bytes before the name of an external data file: field 13 of a TensorProto, with the key "location".
ELSEWHERE = re.compile(rb"\x6a.{1,3}\x0a\x08location", re.DOTALL)


def load(data: bytes) -> Program:
    """Return the program of the bytes of an .onnx file, which must contain its weights.

    Raises:
        ValueError: if weights are in another file, which onnxruntime would read from the current folder, unchecked.
        PackageError: if onnxruntime is not installed; the message has the command to run.
    """
    if find_spec("onnxruntime") is None:
        raise PackageError(f"a backbone in an .onnx file takes the package onnxruntime, which is not installed. Type: {INSTALL}")
    if ELSEWHERE.search(data):
        raise ValueError("weights of it lie in a file beside, which its SHA-256 does not cover")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # batches are computed one per thread
    options.log_severity_level = SILENT
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    inputs = tuple(Input(each.name, _shape(each.shape), _dtype(each.type)) for each in session.get_inputs())
    names = [each.name for each in session.get_outputs()]

    def run(x: Tensor) -> dict[str, Tensor]:
        found = session.run(names, {inputs[0].name: x.contiguous().numpy()})
        return {name: torch.as_tensor(value) for name, value in zip(names, found, strict=True)}

    return Program(inputs, run)


def _shape(lengths: list[Any]) -> tuple[int | None, ...]:
    """Return lengths; a name or nothing becomes None, any length."""
    return tuple(length if isinstance(length, int) else None for length in lengths)


def _dtype(name: str) -> str:
    """Return torch's name for a type of onnxruntime.

    >>> _dtype("tensor(float)"), _dtype("tensor(float16)")
    ('float32', 'float16')
    """
    plain = name.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(plain, plain)


FORMATS.add(".onnx", BackboneFormat("ONNX", load, "torch.onnx.export(net, (x,), path, dynamic_axes={'x': {0: 'batch'}}, ...)"))
