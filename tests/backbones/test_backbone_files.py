"""Backbone files of either kind: what is loaded, when, and what is said of those that cannot be."""

from hashlib import sha256
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from backbones import PATCH, Patches, TokensAlone, pretended, write_onnx, write_pt2
from sablier.backbones import BackboneFile, BackboneNetwork
from sablier.backbones.formats import onnx as onnx_format
from sablier.errors import BackboneError, PackageError


@pytest.fixture(scope="session")
def pt2(made_once):
    return made_once("patches.pt2", lambda path: write_pt2(path, Patches(), sides=False))


@pytest.fixture(scope="session")
def onnx(made_once):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    return made_once("patches.onnx", write_onnx)


def test_a_torch_export_file_describes_as_its_network_does(pt2):
    file = BackboneFile.read(pt2)
    assert (file.name, file.sha256) == ("patches.pt2", sha256(pt2.read_bytes()).hexdigest())
    network = BackboneNetwork.measured((16, 24, 3), file)
    assert [(view.name, view.shape) for view in network.views] == [("grid", (12, 4, 6)), ("tokens", (25, 12))]
    x = torch.rand(3, 3, 16, 24)
    with torch.no_grad():
        expected = Patches()(x)["grid"]
    for view, found in zip(network.views, network.describe(x), strict=True):
        torch.testing.assert_close(found * view.scale, expected)
        assert not found.requires_grad


def test_an_onnx_file_describes_as_its_network_does(onnx):
    network = BackboneNetwork.measured((16, 24, 3), BackboneFile.read(onnx))
    assert [(view.name, view.shape) for view in network.views] == [("grid", (12, 4, 6)), ("tokens", (24, 12))]
    x = torch.rand(3, 3, 16, 24)
    filters = torch.from_numpy(np.random.default_rng(0).normal(size=(12, 3, PATCH, PATCH)) / 7).float()
    expected = torch.tanh(torch.nn.functional.conv2d(x, filters, stride=PATCH))
    for view, found in zip(network.views, network.describe(x), strict=True):
        torch.testing.assert_close(found * view.scale, expected, rtol=1e-4, atol=1e-5)


class Several(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.avg_pool2d(x, 4), torch.nn.functional.avg_pool2d(x, 8)


def test_outputs_without_a_name_are_called_by_their_place(tmp_path):
    file = BackboneFile.read(write_pt2(tmp_path / "several.PT2", Several()))
    network = BackboneNetwork.measured((16, 16, 3), file)
    assert [(view.name, view.shape) for view in network.views] == [("0", (3, 4, 4)), ("1", (3, 2, 2))]


@pytest.mark.parametrize("name", ["net.pth", "net", "net.pt2.zip"])
def test_other_files_are_refused_by_their_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(BackboneError, match=rf"ends in \.pt2 or \.onnx, got .*{name}\. Export the network to such a file"):
        BackboneFile.read(tmp_path / name)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(BackboneError, match=r"none\.pt2 cannot be read: No such file or directory\. Name a file that is there"):
        BackboneFile.read(tmp_path / "none.pt2")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(BackboneError, match="cannot be read: Is a directory"):
        BackboneFile.read(tmp_path / "folder.onnx")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["pt2", "onnx"])
def test_a_part_of_a_file_is_refused_and_nothing_else_is_printed(kind, share, request, tmp_path, capfd):
    data = request.getfixturevalue(kind).read_bytes()
    path = tmp_path / f"part.{kind}"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(BackboneError, match=rf"the backbone part\.{kind} .*Export"):
        BackboneNetwork.measured((16, 16, 3), BackboneFile.read(path))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["pt2", "onnx"])
def test_bytes_of_another_kind_are_refused(kind, tmp_path):
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
    path = tmp_path / f"noise.{kind}"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(BackboneError, match=rf"noise\.{kind} cannot be loaded as .*Export or copy it again"):
        BackboneFile.read(path).load()


def test_a_batch_dimension_that_is_fixed_is_refused(tmp_path):
    path = write_pt2(tmp_path / "fixed.pt2", Patches(), batch=True)
    with pytest.raises(BackboneError, match=r"any number at a time, got a batch dimension fixed at 2\. .*dynamic_shapes="):
        BackboneFile.read(path).load()


def test_a_batch_dimension_that_is_fixed_is_refused_in_onnx_too(tmp_path, onnx):
    with pytest.raises(BackboneError, match=r"any number at a time, got a batch dimension fixed at 1\. .*dynamic_axes="):
        BackboneFile.read(write_onnx(tmp_path / "one.onnx", number=1)).load()


def test_an_image_size_that_is_not_taken_is_said_with_one_that_is(tmp_path):
    file = BackboneFile.read(write_pt2(tmp_path / "sixteen.pt2", TokensAlone()))
    assert BackboneNetwork.measured((16, 16, 3), file).views[0].shape == (17, 12)
    words = r"to take images of 20 x 24, .*, got one for 16 x 16\. Export it for that size or for any; .*--set size=16"
    with pytest.raises(BackboneError, match=words):
        BackboneNetwork.measured((20, 24, 3), file)


@pytest.mark.parametrize(
    ("shapes", "dtype", "words"),
    [
        ([(None, 3, None, None), (None, 1)], "float32", r"as its one input, got 2 inputs \(x0, x1\)"),
        ([(None, 1, None, None)], "float32", "got float32 of shape any x 1 x any x any"),
        ([(None, 3, None)], "float32", "got float32 of shape any x 3 x any"),
        ([(None, 3, None, None)], "float16", "got float16 of shape any x 3 x any x any"),
        ([(None, 3, None, None)], "uint8", "got uint8 of shape"),
        ([()], "int", "got int of shape no tensor"),
    ],
)
def test_other_inputs_are_refused(shapes, dtype, words):
    file = pretended(lambda x: {}, *shapes, dtype=dtype)
    with pytest.raises(BackboneError, match=f"pretended.pt2 to take N x 3 x height x width images in float32.*{words}"):
        file.load()


def test_an_onnx_file_of_half_precision_is_refused(tmp_path, onnx):
    with pytest.raises(BackboneError, match="float16 of shape any x 3 x any x any"):
        BackboneFile.read(write_onnx(tmp_path / "half.onnx", dtype="FLOAT16")).load()


def test_weights_in_a_file_beside_are_refused(tmp_path, onnx, monkeypatch):
    import onnx as package

    kept = package.load(str(onnx))
    monkeypatch.chdir(tmp_path)  # where some versions of onnxruntime would look for them
    package.save_model(kept, "thin.onnx", save_as_external_data=True, location="thin.data", size_threshold=100)
    assert (tmp_path / "thin.data").exists()
    with pytest.raises(BackboneError, match="weights of it lie in a file beside, which its SHA-256 does not cover"):
        BackboneFile.read("thin.onnx").load()


def test_without_onnxruntime_the_command_that_mends_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_format, "find_spec", lambda name: None if name == "onnxruntime" else find_spec(name))
    path = tmp_path / "any.onnx"
    path.write_bytes(b"x")
    with pytest.raises(PackageError, match=r"onnxruntime, which is not installed\. Type: pip install 'sablier\[onnx\]'"):
        BackboneFile.read(path).load()


def test_a_network_in_training_mode_is_refused(tmp_path):
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 4, 4), torch.nn.BatchNorm2d(4)).train()
    file = BackboneFile.read(write_pt2(tmp_path / "training.pt2", net))
    with pytest.raises(BackboneError, match="same for an image alone and beside another"):
        BackboneNetwork.measured((16, 16, 3), file)
