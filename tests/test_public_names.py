"""The public names are a promise: the list is pinned, each name resolves, and importing sablier stays cheap."""

import subprocess
import sys

import pytest

import sablier

PUBLIC = [
    "AnomalyDetector",
    "Calibration",
    "Codec",
    "Denoiser",
    "Detector",
    "DriftAlarm",
    "FitConfig",
    "ImageAutoencoder",
    "ImageClassifier",
    "ImageSet",
    "ModelFile",
    "Preprocess",
    "SablierError",
    "attack",
    "audit",
    "calibrate",
    "classify",
    "cluster",
    "combine",
    "compare",
    "compress",
    "create_model",
    "decompress",
    "denoise",
    "detect",
    "embed",
    "evaluate",
    "fit",
    "fool",
    "interpolate",
    "list_datasets",
    "list_models",
    "load_dataset",
    "make_recipe",
    "map_images",
    "mistakes",
    "plot",
    "read_images",
    "reconstruct",
    "register",
    "robustness",
    "sample",
    "stream_images",
    "train",
    "watch",
]


def test_the_list_is_pinned():
    assert sablier.__all__ == PUBLIC
    assert sorted(sablier._MODULES) == PUBLIC
    assert set(PUBLIC) <= set(dir(sablier))


@pytest.mark.parametrize("name", PUBLIC)
def test_the_name_resolves(name):
    value = getattr(sablier, name)
    assert value.__name__ == name
    assert value.__doc__


def test_star_brings_the_list_and_nothing_else():
    names: dict[str, object] = {}
    exec("from sablier import *", names)
    assert sorted(set(names) - {"__builtins__"}) == PUBLIC


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'sablier' has no attribute 'AnomalyDetectr'"):
        sablier.AnomalyDetectr  # type: ignore[attr-defined]  # noqa: B018


def test_importing_sablier_loads_nothing_heavy():
    heavy = "{'torch', 'numpy', 'sklearn', 'scipy', 'PIL', 'pydantic', 'matplotlib'}"
    code = f"import sys, sablier; dir(sablier); print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
