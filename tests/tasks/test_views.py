"""Unsure images are looked at again, and no others."""

import numpy as np
import pytest
import torch

from sablier.models import Model
from sablier.tasks.views import Views, margins
from sablier.transforms.batches import Batch


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
    return Batch(x)


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
