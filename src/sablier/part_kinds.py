"""The schema of each kind of part of a model file: names, shapes, types and ranges of its tensors, and its configuration.

A checksum shows that a file is as it was written, not that it is valid. So every part is checked against its schema when a
file is loaded. A shape names its lengths: a name stands for the same length everywhere in a part. `height`, `width` and
`channels` are those of the model's images, `thumbnail` the number of values of a thumbnail. A name in braces stands for each
of a list, or for a number: "{scores}/{fold}".
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch.overrides import TorchFunctionMode

from sablier.baselines import thumbnail_shape
from sablier.errors import ModelFileError, SablierError
from sablier.images.preprocess import Preprocess
from sablier.models import create_model, list_models
from sablier.typing import Array

LARGEST = 1e30  # of any number in a file
POSITIVE = 1e-30
MOST_OF = {"reach": 32, "look": 32}  # options whose square is the length of a tensor

SINGLE, DOUBLE = ("float32",), ("float64",)
WHOLE = ("int32", "int64")
MOST_IMAGES = 1 << 40


@dataclass(frozen=True)
class TensorKind:
    """The allowed shape, types and values of a tensor.

    Args:
        shape: lengths, as numbers or names; "U+1" is one more than U, "L*K" the product of two.
        dtypes: the allowed types.
        low, high: the range of its values, which are finite.
        increasing: whether values must not decrease along the last axis.
        optional: whether a part may lack it.
    """

    shape: tuple[int | str, ...]
    dtypes: tuple[str, ...] = SINGLE
    low: float = -LARGEST
    high: float = LARGEST
    increasing: bool = False
    optional: bool = False


class PartConfig(BaseModel):
    """A configuration: plain values of exactly these names and types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Nothing(PartConfig):
    pass


class _Turn(PartConfig):
    quarters: int = Field(ge=0, le=3)
    mirrored: bool


class _Fusion(PartConfig):
    members: list[str] = Field(min_length=1, max_length=20)
    turns: list[_Turn] = Field(default_factory=list, max_length=7)


class _Conformal(PartConfig):
    map_unit: float = Field(ge=POSITIVE, le=LARGEST)
    folds: int = Field(ge=0, le=50)  # 0: no image calibrates
    found: bool


class _Scores(PartConfig):
    lower_is_worse: bool
    id_column: str = Field(max_length=1000)
    score_column: str = Field(min_length=1, max_length=1000)


class _Mixture(PartConfig):
    kind: Literal["full", "diag"]


class _Views(PartConfig):
    margin: float = Field(default=0.0, ge=-LARGEST, le=LARGEST)
    mirror: bool = False
    shift: int = Field(default=1, ge=1, le=64)


class _Classes(PartConfig):
    names: list[str] = Field(min_length=2, max_length=100_000)
    temperature: float = Field(ge=1e-6, le=1e6)
    found: bool
    views: _Views = Field(default_factory=_Views)


class _Estimator(BaseModel):
    """The parameters of an estimator, which checks them itself."""

    model_config = ConfigDict(extra="allow")

    parameters: dict[str, Any] = Field(default_factory=dict)
    image_shape: list[int] = Field(default_factory=lambda: [1, 1, 1], min_length=3, max_length=3)
    dimensions: int = Field(default=4, ge=2, le=4)


@dataclass(frozen=True)
class PartKind:
    """The schema of one kind of part."""

    tensors: Mapping[str, TensorKind] = field(default_factory=dict)
    config: type[BaseModel] = _Nothing


# The size of the group of each calibration image; the calibration checks that groups are whole.
SIZES = TensorKind(("any",), ("int64",), 1, MOST_IMAGES, optional=True)
CHOSEN = TensorKind(("any",), ("uint8",), 0, 1, optional=True)  # whether an image stands for its group

KINDS: dict[str, PartKind] = {
    "fusion": PartKind(
        {
            "usual_map": TensorKind(("members", "down", "across"), low=POSITIVE),
            "member_weights": TensorKind(("members",), DOUBLE, low=0.0),
            "coefficients": TensorKind(("U+1", "J"), DOUBLE),
            "low": TensorKind(("U",), DOUBLE),
            "high": TensorKind(("U",), DOUBLE),
            "weights": TensorKind(("J",), DOUBLE),
        },
        _Fusion,
    ),
    "pca-knn": PartKind(
        {
            "mean": TensorKind(("thumbnail",)),
            "components": TensorKind(("K", "thumbnail")),
            "kept": TensorKind(("M", "thumbnail"), ("uint8",)),
            "range": TensorKind((2,)),
        }
    ),
    "conformal": PartKind(
        {
            "{model,pca,knn}/{fold}": TensorKind(("any",), DOUBLE),
            "{map}/{fold}": TensorKind(("any",), DOUBLE, optional=True),  # files of earlier versions lack it
            "frame/low": TensorKind((3,), DOUBLE),
            "frame/high": TensorKind((3,), DOUBLE),
            "frame/usual_map": TensorKind((1,), DOUBLE),
            "{model,pca,knn,map}/{fold}/sizes": SIZES,
            "{model,pca,knn,map}/{fold}/given_sizes": SIZES,
            "{model,pca,knn,map}/{fold}/chosen": CHOSEN,
            "usual/medians": TensorKind((7,), DOUBLE, optional=True),
            "usual/deviations": TensorKind((7,), DOUBLE, low=0.0, optional=True),
        },
        _Conformal,
    ),
    "scores": PartKind(
        {"0": TensorKind(("N",), DOUBLE), "0/sizes": SIZES, "0/chosen": CHOSEN, "keys": TensorKind(("N",), ("int64",))}, _Scores
    ),
    "latent_mixture": PartKind(
        {
            "weights": TensorKind(("K",), DOUBLE, low=0.0),
            "means": TensorKind(("K", "D")),
            "factors": TensorKind(("K", "D", "D")),
            "held_out": TensorKind(("N",), increasing=True),
        },
        _Mixture,
    ),
    "classes": PartKind(
        {"0": TensorKind(("N",), DOUBLE), "0/sizes": SIZES, "0/given_sizes": SIZES, "0/chosen": CHOSEN}, _Classes
    ),
    "known-images": PartKind(
        {
            "hashes": TensorKind(("N",), ("int64",)),
            "uses": TensorKind(("N",), ("uint8",), 1, 2),
            "descriptors": TensorKind(("N", "D"), ("int8",), -127, 127),
            "means": TensorKind(("D",), low=0.0, high=1.0),
            "steps": TensorKind(("D",), low=POSITIVE, high=1.0),
        }
    ),
    "codec_tables": PartKind(
        {
            "lowest": TensorKind(("D",), WHOLE, -(1 << 20), 1 << 20),
            "below": TensorKind(("D", "cells"), WHOLE, 0, 1 << 40, increasing=True),
            "exponentials": TensorKind((14 * 64 + 1,), WHOLE, 0, 1 << 24),
            "base_step": TensorKind((), WHOLE, 1, 1 << 10),
            "digest": TensorKind((32,), ("uint8",)),
        }
    ),
    **{name: PartKind({}, _Estimator) for name in ("AnomalyDetector", "ImageAutoencoder", "ImageClassifier", "Denoiser")},
}


# Later modules that declare their own kinds of parts when they are loaded.
DECLARED_BY = ("sablier.tasks.detection.members",)


def declare(name: str, kind: PartKind) -> None:
    """Add a kind of part."""
    KINDS[name] = kind


def known_kinds() -> Mapping[str, PartKind]:
    """Return every kind of part, those of members included."""
    for module in DECLARED_BY:
        list(import_module(module).MEMBERS)  # which imports its files
    return KINDS


def check_part(key: str, name: str, config: Mapping[str, Any], tensors: Mapping[str, Array], preprocess: Preprocess) -> None:
    """Check a part of a model file against the schema of its kind.

    Args:
        key: the name of the part in its file.
        name: its kind, one of KINDS, or the registered name of a network.

    Raises:
        ModelFileError: naming the part, what was expected of it, and what came.
    """
    kinds = known_kinds()
    if name in kinds:
        try:
            checked = kinds[name].config.model_validate(dict(config))
        except ValidationError as error:
            first = error.errors()[0]
            raise _refusal(key, f"a configuration of {name}", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        _check_tensors(key, kinds[name], checked, tensors, preprocess)
    elif name in list_models():
        _check_network(key, name, config, tensors, preprocess)
    else:
        raise _refusal(key, f"a part of a known kind ({', '.join(kinds)}) or a network", repr(name[:60]))


def _check_tensors(key: str, kind: PartKind, config: BaseModel, tensors: Mapping[str, Array], preprocess: Preprocess) -> None:
    lengths = {
        "height": preprocess.height,
        "width": preprocess.width,
        "channels": preprocess.channels,
        "thumbnail": math.prod(thumbnail_shape(preprocess)),
    }
    if isinstance(config, _Fusion):
        lengths["members"] = len(config.members)
    expected = {known: tensor for pattern, tensor in kind.tensors.items() for known in _names(pattern, config)}
    unknown, lacking = set(tensors) - set(expected), {name for name, each in expected.items() if not each.optional} - set(tensors)
    if unknown or lacking:
        came = f"without {', '.join(sorted(lacking))}" if lacking else f"also {', '.join(sorted(unknown))[:60]}"
        raise _refusal(key, f"tensors {', '.join(sorted(expected))[:200]}", came)
    for name in expected:
        if name in tensors:
            _check_tensor(f"{key}/{name}", expected[name], tensors[name], lengths)


def _names(pattern: str, config: BaseModel) -> list[str]:
    """Return the names that a pattern stands for."""
    found = re.fullmatch(r"\{(.+)\}/\{fold\}(.*)", pattern)
    if not found or not isinstance(config, _Conformal):
        return [pattern]
    return [f"{name}/{fold}{found[2]}" for name in found[1].split(",") for fold in range(config.folds)]


def _check_tensor(name: str, expected: TensorKind, value: Array, lengths: dict[str, int]) -> None:
    if value.dtype.name not in expected.dtypes:
        raise _refusal(name, f"type {' or '.join(expected.dtypes)}", value.dtype.name)
    if value.ndim != len(expected.shape):
        raise _refusal(name, f"{len(expected.shape)} dimensions", f"shape {value.shape}")
    for length, wanted in zip(value.shape, expected.shape, strict=True):
        known = wanted if isinstance(wanted, int) else _length(wanted, length, lengths)
        if length != known or length < 1:
            raise _refusal(name, f"shape {_shape(expected, lengths)}", f"shape {value.shape}")
    _check_values(name, value, expected.low, expected.high)
    if expected.increasing and (np.diff(value, axis=-1) < 0).any():
        raise _refusal(name, "values that never fall", "others")


def _length(name: str, came: int, lengths: dict[str, int]) -> int:
    """Return the length that a name stands for; if it is not known yet, the given one."""
    if name == "any":
        return came
    if name in lengths:
        return lengths[name]
    first, _, second = name.partition("*")
    if second and first in lengths and second in lengths:
        return lengths[first] * lengths[second]
    if name.endswith("+1"):
        lengths.setdefault(name.removesuffix("+1"), came - 1)
        return lengths[name.removesuffix("+1")] + 1
    return lengths.setdefault(name, came)


def _shape(expected: TensorKind, lengths: Mapping[str, int]) -> str:
    return f"({', '.join(str(lengths.get(str(each), each)) for each in expected.shape)})"


def _check_values(name: str, value: Array, low: float, high: float) -> None:
    if not value.size:
        return
    least, most = float(value.min()), float(value.max())
    if not (least >= low and most <= high):  # also true for NaN
        raise _refusal(name, f"values from {low:g} to {high:g}", f"{least:g} to {most:g}")


def _check_network(key: str, name: str, config: Mapping[str, Any], tensors: Mapping[str, Array], preprocess: Preprocess) -> None:
    """Check that a network has the tensors of its configuration, without allocating them."""
    shape = config.get("shape")
    if not (isinstance(shape, list) and len(shape) == 3 and all(type(side) is int and 1 <= side <= 8192 for side in shape)):
        raise _refusal(key, "a shape of height, width and channels", repr(shape)[:60])
    image = [preprocess.height, preprocess.width, preprocess.channels]
    wanted = {"context": [2 * image[0], *image[1:]], "flow": shape}.get(key.rpartition("/")[2], image)
    if shape != wanted:
        raise _refusal(key, f"a network of shape {wanted}", f"shape {shape}")
    # Every width or depth shows in the tensors; a network larger than all of them would be made only to be refused.
    largest = max([len(tensors), *(side for value in tensors.values() for side in value.shape)])
    for option, value in config.items():
        most = min(largest, MOST_OF.get(option, largest))
        if option != "shape" and not (type(value) is int and 1 <= value <= most):
            raise _refusal(key, f"{option} from 1 to {most}", repr(value)[:60])
    try:
        with torch.device("meta"), _Unfilled():
            model = create_model(name, (shape[0], shape[1], shape[2]), **{k: v for k, v in config.items() if k != "shape"})
    except (SablierError, RuntimeError, ValueError, TypeError, ZeroDivisionError, OverflowError, IndexError) as error:
        raise _refusal(key, f"a configuration of {name}", str(error)[:200]) from error
    expected = {each: (tuple(value.shape), str(value.dtype).removeprefix("torch.")) for each, value in model.state_dict().items()}
    came = {each: (value.shape, value.dtype.name) for each, value in tensors.items()}
    for each in sorted(expected.keys() | came.keys()):
        if expected.get(each) != came.get(each):
            raise _refusal(f"{key}/{each}", _described(expected.get(each)), _described(came.get(each)))
        # A running variance is a divisor, and its root is taken.
        _check_values(f"{key}/{each}", tensors[each], 0.0 if each.endswith("running_var") else -LARGEST, LARGEST)


class _Unfilled(TorchFunctionMode):
    """In this mode, nothing is filled with random numbers; this saves a second of imports."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        fills = func in (torch.Tensor.normal_, torch.Tensor.uniform_) or getattr(func, "__module__", "") == "torch.nn.init"
        return (named.get("tensor", args[0] if args else None)) if fills else func(*args, **named)


def _described(tensor: tuple[tuple[int, ...], str] | None) -> str:
    return "nothing" if tensor is None else f"{tensor[1]} of shape {tensor[0]}"


def _refusal(name: str, expected: str, came: str) -> ModelFileError:
    return ModelFileError(f"{name}: expected {expected}, got {came}. No version of sablier writes that: train the model anew.")
