"""Unsure images are looked at again, and no others."""

import numpy as np
import pytest
import torch

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models import Model
from sablier.tasks.classification.test_time_augmentation import ONE_VIEW, Views, margins
from sablier.workflows.training.classifier import calibrated


class Counting(Model):
    """Answers by the brightness of the left and the right half, and counts what it is asked about."""

    capabilities = frozenset({"classify"})
    asked = 0

    def classify(self, x):
        self.asked += len(x)
        return torch.stack([x[..., :4].mean(dim=(1, 2, 3)), x[..., 4:].mean(dim=(1, 2, 3))], dim=1)


def images(*left):
    x = torch.zeros(len(left), 1, 8, 8)
    x[..., :4] = torch.tensor(left)[:, None, None, None]
    return x


def test_only_close_answers_are_asked_about_again():
    net = Counting((8, 8, 1))
    sure = Views(margin=0.5).logits(net, images(0.9, 0.1))
    assert net.asked == 2 + 2
    assert sure[0].tolist() == pytest.approx([0.9, 0])


def test_the_answers_of_copies_are_averaged():
    net = Counting((8, 8, 1))
    found = Views(margin=0.5, mirror=True).logits(net, images(0.1))
    assert net.asked == 1 + 5
    assert found.sum().item() == pytest.approx(0.1)
    assert margins(found).item() == pytest.approx(0, abs=1e-6)  # each copy and its mirror image


def test_a_quarter_of_held_out_images_is_unsure():
    logits = np.stack([np.arange(100.0), np.zeros(100)], axis=1).astype(np.float32)
    views = Views.after(logits, mirror=False)
    assert (logits[:, 0] < views.margin).mean() == pytest.approx(0.25, abs=0.01)
    assert Views(**views.to_json()) == views


class Answering(Model):
    """Gives the logits that a function of N,H,W brightness returns."""

    capabilities = frozenset({"classify"})

    def __init__(self, shape, answer):
        super().__init__(shape)
        self.answer = answer

    def classify(self, x):
        return self.answer(x[:, 0])


@pytest.mark.parametrize(
    ("answer", "picture", "looks_again"),
    [
        # Noise differs from pixel to pixel: three of them say more than one.
        (lambda x: torch.stack([1 - x[:, 4, 4], x[:, 4, 4]], dim=1), lambda bright: np.full((8, 8), 80 + 95 * bright), True),
        # The class is the place of a bright column, which a moved copy shows elsewhere.
        (lambda x: x.mean(dim=1)[:, 3:5], lambda right: 255.0 * (np.arange(8) == 3 + right) * np.ones((8, 1)), False),
    ],
)
def test_unsure_images_are_looked_at_again_where_that_serves_held_out_ones(answer, picture, looks_again):
    random, labels = np.random.default_rng(0), np.arange(400) % 2
    pictures = np.stack([picture(label) for label in labels]) + random.normal(0, 60, (400, 8, 8))
    images = ImageSet(pictures.clip(0, 255).astype(np.uint8), labels=labels.astype(str))
    preprocess = Preprocess.for_images(images, 8)
    images = images.dense(preprocess)
    classifier = calibrated(Answering((8, 8, 1), answer), preprocess, images, np.array(["0", "1"]), mirror=False)
    assert (classifier.views != ONE_VIEW) == looks_again
