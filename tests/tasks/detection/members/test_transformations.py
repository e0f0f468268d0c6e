"""The member that tells turns: surprise is that of the right answer, and what normal images do not tell apart counts as one."""

import numpy as np
import pytest
import torch

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.detection.members import Fitting
from sablier.tasks.detection.members.transformations import SURE, Transformations, groups_of
from sablier.training.objectives import TransformationPrediction
from sablier.transforms.batches import Batches
from sablier.transforms.geometry import Geometry

SHIFT = 0.25


class Oracle(Model):
    """A network that knows how a marked image was turned and shifted, and is as sure of it as it is told to be."""

    def __init__(self, image: torch.Tensor, sure: float = 20.0, mirror_blind: bool = False) -> None:
        super().__init__((8, 8, 1))
        self.geometry = Geometry.of(8, 8, SHIFT)
        self.known = {}
        for orientation in range(8):
            for shift in range(9):
                numbers = torch.tensor([orientation]), torch.tensor([shift])
                self.known[self.geometry.apply(image, *numbers).numpy().tobytes()] = (orientation, shift)
        self.sure, self.mirror_blind = sure, mirror_blind

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(x), self.geometry.outputs)
        for row, image in zip(logits, x, strict=True):
            found = self.known.get(image[None].contiguous().numpy().tobytes())
            if found is not None:
                row[found[0]] = self.sure
                row[8 + found[1]] = self.sure
                if self.mirror_blind:
                    row[(found[0] + 4) % 8] = self.sure
        return logits


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def fitting(image: torch.Tensor, network: Oracle) -> Fitting:
    rule = Preprocess(height=8, width=8, channels=1, dtype="float32", white=1.0)
    good = ImageSet(image.permute(0, 2, 3, 1).numpy().copy())
    return Fitting((good,), rule, Batches(good, rule), network=network, objective=TransformationPrediction(SHIFT))


def test_an_image_it_knows_surprises_it_less_than_another(image):
    member = Transformations.fit(fitting(image, Oracle(image)))
    known, strange = member.score(torch.cat([image, image.sqrt()])).statistics[:, 0]
    assert known == pytest.approx(np.log(SURE), abs=1e-3)
    assert strange == pytest.approx(np.log(np.log(8) + np.log(9) + SURE))


def test_orientations_that_normal_images_do_not_tell_apart_count_as_one(image):
    member = Transformations.fit(fitting(image, Oracle(image, mirror_blind=True)))
    assert len(set(member.groups.tolist())) == 4
    assert member.score(image).statistics[0, 0] == pytest.approx(np.log(SURE), abs=1e-3)
    told_apart = Transformations(member.network, SHIFT, np.arange(8))
    assert told_apart.score(image).statistics[0, 0] == pytest.approx(np.log(np.log(2) + SURE), abs=1e-3)


def test_groups_join_whatever_is_confused_directly_or_not():
    confused = np.eye(4) * 0.6
    confused[0, 1] = confused[1, 2] = 0.4
    assert groups_of(confused).tolist() == [0, 0, 0, 1]
