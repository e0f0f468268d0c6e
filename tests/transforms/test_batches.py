"""Stored pixels become batches in [0, 1]; a device that is not there is said so."""

import numpy as np
import pytest
import torch

from sablier.errors import ConfigError
from sablier.images import ImageSet, Preprocess
from sablier.transforms.batches import Batches, choose_device


def test_bytes_become_zero_to_one():
    images = ImageSet(np.array([[0, 51], [102, 255]], np.uint8)[None])
    x = Batches(images, Preprocess(height=2, width=2, channels=1)).take(slice(None)).x
    assert x.dtype == torch.float32
    assert x[0, 0].numpy() == pytest.approx(np.array([[0, 0.2], [0.4, 1]]))


@pytest.mark.parametrize(
    ("pixels", "rule"),
    [
        (np.array([[0, 4095]], np.uint16), {"dtype": "uint16", "white": 4095.0}),
        (np.array([[0, 65535]], np.uint16), {"dtype": "uint16", "white": 65535.0}),
        (np.array([[-3.0, 5.0]], np.float32), {"dtype": "float32", "black": -3.0, "white": 5.0}),
    ],
)
def test_black_and_white_become_zero_and_one(pixels, rule):
    x = Batches(ImageSet(pixels[None]), Preprocess(height=1, width=2, channels=1, **rule)).take(slice(None)).x
    assert x.flatten().tolist() == [0.0, 1.0]


def test_channels_come_second_in_channels_last_memory():
    pixels = np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3)).astype(np.uint8)
    x = Batches(ImageSet(pixels), Preprocess(height=5, width=6, channels=3)).take(torch.tensor([2, 0])).x
    assert x.shape == (2, 3, 5, 6)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert x[0].permute(1, 2, 0).numpy() == pytest.approx(pixels[2] / 255)


def test_in_order_goes_through_every_image_once():
    pixels = np.arange(7, dtype=np.uint8)[:, None, None, None]
    batches = Batches(ImageSet(pixels, labels=np.array(list("bababab"))), Preprocess(height=1, width=1, channels=1))
    found = list(batches.in_order(3))
    assert [len(batch.x) for batch in found] == [3, 3, 1]
    assert torch.cat([batch.x for batch in found]).flatten().numpy() * 255 == pytest.approx(np.arange(7))
    assert torch.cat([batch.labels for batch in found]).tolist() == [1, 0, 1, 0, 1, 0, 1]


def test_the_images_are_left_as_they_were():
    pixels = np.full((2, 2, 2, 1), 9, np.uint8)
    pixels.flags.writeable = False
    Batches(ImageSet(pixels), Preprocess(height=2, width=2, channels=1)).pixels.zero_()
    assert pixels.min() == 9


def test_a_device_is_chosen():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("wanted", ["cuda:zz", "cuda:99", "mps:7", "abacus"])
def test_a_device_that_is_not_there_is_said_so(wanted):
    with pytest.raises(ConfigError, match=f"device '{wanted}' cannot be used here"):
        choose_device(wanted)
