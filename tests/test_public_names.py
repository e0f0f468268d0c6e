"""The public names are a promise: the list is pinned, each name resolves, and importing sablier stays cheap."""

import ast
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import sablier

PUBLIC = [
    "AnomalyDetector",
    "Calibration",
    "Client",
    "Codec",
    "ConformalCalibrator",
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
    "ScoreColumns",
    "attack",
    "audit",
    "calibrate",
    "calibrate_scores",
    "classify",
    "cluster",
    "combine",
    "compare",
    "compress",
    "create_model",
    "decompress",
    "denoise",
    "detect",
    "detect_shard",
    "embed",
    "evaluate",
    "export",
    "fit",
    "fool",
    "interpolate",
    "judge",
    "list_datasets",
    "list_models",
    "load_dataset",
    "make_recipe",
    "map_images",
    "merge_shards",
    "mistakes",
    "plot",
    "read_images",
    "reconstruct",
    "register",
    "robustness",
    "sample",
    "stream_images",
    "train",
    "update",
    "watch",
]


def test_every_name_is_listed_for_help_and_completion():
    assert set(PUBLIC) <= set(dir(sablier))


@pytest.mark.parametrize("name", PUBLIC)
def test_the_name_resolves(name):
    value = getattr(sablier, name)
    assert value.__name__ == name
    assert value.__doc__


def test_the_list_is_pinned_and_star_brings_nothing_else():
    names: dict[str, object] = {}
    exec("from sablier import *", names)
    assert sorted(set(names) - {"__builtins__"}) == PUBLIC


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'sablier' has no attribute 'AnomalyDetectr'"):
        sablier.AnomalyDetectr  # type: ignore[attr-defined]  # noqa: B018


def test_the_list_for_type_checkers_names_what_is_there():
    stub = ast.parse(Path(sablier.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    listed = [(node.module, name.name, name.asname) for node in imports for name in node.names]
    assert sorted(name for _, name, _ in listed) == PUBLIC
    for place, name, shown in listed:
        assert shown == name
        assert getattr(import_module(str(place)), name) is getattr(sablier, name)


def test_the_version_is_that_of_the_installed_package():
    assert sablier.__version__ == version("sablier")


def test_importing_sablier_loads_nothing_heavy():
    heavy = "{'torch', 'numpy', 'sklearn', 'scipy', 'PIL', 'pydantic', 'matplotlib'}"
    code = f"import sys, sablier; dir(sablier); print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
