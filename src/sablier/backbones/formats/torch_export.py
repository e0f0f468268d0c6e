"""Files of `torch.export.save`: a graph of torch operators with its weights. Reading one may unpickle parts of it."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from zipfile import is_zipfile

import torch
from torch import Tensor

from sablier.backbones.program import FORMATS, BackboneFormat, Input, Program


def load(data: bytes) -> Program:
    """Return the program of the bytes of a .pt2 file.

    Raises:
        ValueError: if the bytes are not a complete zip archive.
    """
    if not is_zipfile(BytesIO(data)):
        raise ValueError("it is no zip archive, or only a part of one")
    with _quiet():
        exported = torch.export.load(BytesIO(data))
        module = exported.module()
    named = {node.name: node.meta.get("val") for node in exported.graph.nodes if node.op == "placeholder"}
    inputs = tuple(_input(str(name), named.get(str(name))) for name in exported.graph_signature.user_inputs)
    return Program(inputs, lambda x: _by_name(module(x)))


def _input(name: str, value: Any) -> Input:
    if not isinstance(value, Tensor):
        return Input(name, (), type(value).__name__)
    # A dynamic length is a symbol here.
    shape = tuple(length if isinstance(length, int) else None for length in value.shape)
    return Input(name, shape, str(value.dtype).removeprefix("torch."))


def _by_name(found: Any) -> Mapping[str, Tensor]:
    """Return outputs by name: those of a dict by its keys, others by their position, from 0."""
    if isinstance(found, Mapping):
        return {str(name): value for name, value in found.items()}
    return {str(place): value for place, value in enumerate(found if isinstance(found, tuple | list) else [found])}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence torch's log for files that it cannot read; the error has the reason."""
    logger = logging.getLogger("torch.export")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


FORMATS.add(
    ".pt2",
    BackboneFormat("torch.export", load, "torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim('batch')},))"),
)
