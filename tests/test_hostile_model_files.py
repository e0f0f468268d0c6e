"""Whatever a model file holds under a right checksum, loading and using it works or ends in a SablierError."""

import json
import random
import sys
import warnings
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sablier.errors import ModelFileError, SablierError
from sablier.images import ImageSet, Preprocess
from sablier.modelfile import JUDGE, ModelFile, Task, pack, unpack
from sablier.models import create_model, list_models
from sablier.part_kinds import check_part, known_kinds
from sablier.tasks.detection.detect import Detector
from sablier.workflows.training.train import MAKERS
from sablier.workflows.update import update

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import fuzz_models

sys.path.pop(0)

LONG = (
    "detect",
    "detect with a pretrained network",
    "detect with a backbone",
    "detect photos",
)  # whose networks take seconds a case
MOMENTS = "fold-0/features/moments-0/products"
NAMES = (*LONG, "reconstruct", "denoise", "generate", "compress", "classify", "judge")


@pytest.fixture(scope="module")
def files() -> dict[str, tuple[ModelFile, ImageSet]]:
    return fuzz_models.made()


@pytest.fixture
def saved(files, tmp_path):
    """Save a model of a task; return its path, its words and its tensors."""

    def save(name: str) -> tuple[Path, dict[str, Any], dict[str, Any]]:
        path = tmp_path / "model.sablier"
        files[name][0].save(path)
        text, tensors = unpack("model", path)
        return path, json.loads(text), dict(tensors)

    return save


@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_every_task_loads_and_is_used(files, name, tmp_path):
    path = tmp_path / "model.sablier"
    files[name][0].save(path)
    assert ModelFile.load(path).parts.keys() == files[name][0].parts.keys()
    fuzz_models.use(path, files[name][1], tmp_path, random.Random(1))


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in NAMES])
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(draw=st.randoms())
def test_any_value_may_be_rewritten(files, name, draw, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    path = folder / "changed.sablier"
    files[name][0].save(path)
    path.write_bytes(fuzz_models.changed(path.read_bytes(), draw, folder)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is computed from nonsense
        fuzz_models.use(path, files[name][1], folder, draw)


def test_every_task_has_a_maker():
    assert set(get_args(Task)) == {*MAKERS, JUDGE}


def test_every_kind_of_part_is_in_some_model(files):
    made = {part.name for file, _ in files.values() for part in file.parts.values()}
    estimators = {"AnomalyDetector", "ImageAutoencoder", "ImageClassifier", "Denoiser"}
    assert known_kinds().keys() - estimators - made == set()


@pytest.mark.parametrize("name", list_models())
@pytest.mark.parametrize("shape", [(16, 16, 1), (24, 40, 3)])
def test_every_network_passes_as_it_was_made(name, shape):
    model = create_model(name, shape)
    tensors = {key: value.numpy() for key, value in model.state_dict().items()}
    check_part("net", name, model.config, tensors, Preprocess(height=shape[0], width=shape[1], channels=shape[2]))


@pytest.mark.parametrize(
    ("name", "tensor", "change", "message"),
    [
        ("detect", "fold-0/fusion/member_weights", lambda v: v - 5, r"values from 0 to 1e\+30, got -4"),
        ("detect", "fold-0/fusion/weights", lambda v: v[:-1], r"shape \(8\), got shape \(7,\)"),
        ("detect", "fold-0/fusion/usual_map", lambda v: v * np.nan, "values from 1e-30 to 1e\\+30, got nan"),
        ("detect", "fold-0/baselines/kept", lambda v: v.astype(np.int64), "type uint8, got int64"),
        ("detect", "fold-0/transformations/net/head.weight", lambda v: v.T.copy(), "float32 of shape"),
        ("detect", "calibration/model/0", lambda v: v[:, None], "1 dimensions, got shape"),
        ("detect", "fold-1/closed-form/thumbnails/gradients_components", lambda v: v[:, 1:], r"shape \(\d+, 512\), got"),
        ("detect with a pretrained network", "fold-0/features/moments-0/totals", lambda v: v[:, :, :, None], "3 dimensions, got"),
        ("detect with a pretrained network", "fold-1/features/moments-1/products", lambda v: v * 1e38, r"values from -1e\+30 to"),
        ("reconstruct", "mixture/held_out", lambda v: v[::-1].copy(), "values that never fall"),
        ("compress", "tables/base_step", lambda v: v * 0, "values from 1 to 1024, got 0"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(saved, name, tensor, change, message):
    path, words, tensors = saved(name)
    path.write_bytes(pack("model", json.dumps(words), tensors | {tensor: change(tensors[tensor])}))
    with pytest.raises(ModelFileError, match=rf"{tensor.split('/')[0]}/.*: expected .*{message}"):
        ModelFile.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda words, tensors: words["parts"]["fold-0/fusion"]["config"].update(turns=[{"quarters": 4, "mirrored": True}]),
            "turns",
        ),
        (lambda words, tensors: words["parts"]["fold-0/features/moments-0"]["config"].update(images=1), "images"),
        (lambda words, tensors: words["parts"].pop("fold-0/features/moments-0"), "tensors of no part"),
        (lambda words, tensors: words["parts"]["calibration"]["config"].update(folds=0), "also"),
        (lambda words, tensors: tensors.update({MOMENTS: tensors[MOMENTS][:-1]}), "expected 3916 products of features, got 3915"),
    ],
)
def test_sums_and_turns_that_do_not_fit_are_refused(saved, change, message):
    path, words, tensors = saved("detect with a pretrained network")
    change(words, tensors)
    path.write_bytes(pack("model", json.dumps(words), tensors))
    with pytest.raises(ModelFileError, match=message):
        Detector.from_file(ModelFile.load(path))


def test_sums_that_no_images_have_are_refused_in_an_update(saved, files, tmp_path):
    name = "detect with a pretrained network"
    path, words, tensors = saved(name)
    sums = {key: value for key, value in tensors.items() if key.endswith("/products")}
    path.write_bytes(pack("model", json.dumps(words), tensors | {key: -value for key, value in sums.items()}))
    with pytest.raises(ModelFileError, match="of no images"):
        update(
            path, None, tmp_path / "new.sablier", false_alarms=fuzz_models.others(files["detect with a pretrained network"][1])
        )
    assert not (tmp_path / "new.sablier").exists()


def test_a_network_is_not_made_before_it_is_known_to_fit(saved):
    path, words, tensors = saved("detect")
    words["parts"]["fold-0/restoration/net"]["config"]["width"] = 10**9
    path.write_bytes(pack("model", json.dumps(words), tensors))
    with pytest.raises(ModelFileError, match=r"fold-0/restoration/net: expected width from 1 to \d+, got 1000000000"):
        ModelFile.load(path)


def test_tensors_of_no_part_and_parts_of_no_kind_are_refused(saved):
    path, words, tensors = saved("classify")
    path.write_bytes(pack("model", json.dumps(words), tensors | {"more/x": np.zeros(1, np.float32)}))
    with pytest.raises(ModelFileError, match="tensors of no part: more/x"):
        ModelFile.load(path)
    words["parts"]["classes"]["name"] = "pickle"
    path.write_bytes(pack("model", json.dumps(words), tensors))
    with pytest.raises(ModelFileError, match="classes: expected a part of a known kind"):
        ModelFile.load(path)


def test_weights_that_make_no_numbers_are_an_error_in_use(saved, files):
    path, words, tensors = saved("classify")
    heads = {key: value * 0 + np.float32(3e29) for key, value in tensors.items() if key.startswith("net/") and value.ndim == 4}
    path.write_bytes(pack("model", json.dumps(words), tensors | heads))
    from sablier.tasks.classification.classify import Classifier

    with pytest.raises(SablierError, match="infinite or not a number"):
        Classifier.from_file(ModelFile.load(path)).classify(files["classify"][1])
