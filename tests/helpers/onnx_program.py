"""A module of tensors as an ONNX program, run by ONNX Runtime."""

import warnings
from collections.abc import Callable

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

Program = Callable[[Tensor], list[np.ndarray]]


class Computed(nn.Module):
    """A module whose output `compute` makes."""

    def __init__(self, compute: Callable[[Tensor], tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.compute = compute

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.compute(x)


@torch.no_grad()
def exported(compute: Callable[[Tensor], tuple[Tensor, ...]], x: Tensor) -> Program:
    """Return `compute`, traced with images x, as a program that takes any number of images."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about itself
        program = torch.onnx.export(
            Computed(compute), (x,), dynamo=True, dynamic_shapes=({0: torch.export.Dim("count", min=1)},), verbose=False
        )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images.contiguous().numpy()})
