"""The members with a pretrained network: what they find and where, that no image is looked at twice, and what a file keeps."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.models.efficientnet_lite import EfficientNetLite
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.members.features import Features
from sablier.tasks.detection.place_mixture import PlaceMixture
from sablier.tasks.detection.remembered import Remembered
from sablier.workflows.training.detector import train_detector

SIDE, COUNT = 160, 24
SETTINGS = ["photo_members=features", "folds=3", "contamination_filter=no"]


def stripes(count, seed, blot=False):
    """N,H,W,C photos of stripes with grain; with a smooth blot at rows 40 to 64, columns 96 to 120."""
    random = np.random.default_rng(seed)
    wave = 120 + 40 * np.sin(np.arange(SIDE) / 4)[None, :, None]
    pixels = wave + random.normal(0, 8, (count, SIDE, SIDE, 3)) + random.normal(0, 6, (count, 1, 1, 1))
    if blot:
        pixels[:, 40:64, 96:120] = 120
    return ImageSet(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def outputs_on():
    """How many images the network was shown at a time, filled while the next fixture trains."""
    return []


@pytest.fixture(scope="module")
def file(outputs_on, tmp_path_factory):
    describe = EfficientNetLite.describe

    def counted(self, x):
        outputs_on.append(len(x))
        return describe(self, x)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(EfficientNetLite, "describe", counted)
        trained = train_detector(stripes(COUNT, 0), make_recipe("detector", "base", SETTINGS))
    path = tmp_path_factory.mktemp("features") / "stripes.sablier"
    trained.save(path)
    return path


def test_a_blot_is_found_where_it_lies(file):
    detector = Detector.from_file(ModelFile.load(file))
    good, bad = detector.detect(stripes(8, 1), alpha=0.1), detector.detect(stripes(8, 2, blot=True), alpha=0.1, pictures=True)
    assert good.scores.max() < bad.scores.min()
    assert set(bad.verdicts) == {"anomaly"}
    mean = bad.anomaly_maps.mean(axis=0)
    row, column = np.unravel_index(mean.argmax(), mean.shape)
    assert 36 <= row < 68
    assert 92 <= column < 124
    assert np.median(mean) < 0.5 * mean.max()
    assert bad.reconstructions is None


def test_views_count_in_the_map_by_the_square_of_how_many_places_they_have():
    distances = torch.full((1, 4, 4), 2.0), torch.full((1, 2, 2), 7.0)
    backbone = cast(Remembered, SimpleNamespace(distances=lambda x, mixtures: distances))
    one = PlaceMixture(np.zeros((1, 1, 1), np.float16), np.zeros((1, 1)), np.ones((1, 1, 1)), np.zeros(1))
    score = Features(backbone, (one, one)).score(torch.zeros(1, 3, 8, 8))
    np.testing.assert_allclose(score.anomaly_map, np.full((1, 8, 8), (16 * 2 + 7) / 17), rtol=1e-6)
    np.testing.assert_allclose(score.statistics, np.log([[2, 7]]), rtol=1e-4)


def test_each_image_is_looked_at_once_however_many_folds_there_are(file, outputs_on):
    # Each photo, and in each of three folds a dozen that are turned, and copies with a defect of at most those that train there.
    assert sum(outputs_on) <= COUNT + 3 * (12 + 2 * COUNT // 3)


def test_a_file_keeps_the_network_once_and_scores_as_before(file):
    parts = ModelFile.load(file).parts
    assert [name for name in parts if name.endswith("backbone")] == ["shared/features/backbone"]
    detector = Detector.from_file(ModelFile.load(file))
    networks = {id(member.trained_network) for scorer in detector.scorers for member in scorer.members}
    assert len(networks) == 1
    again = Detector.from_file(ModelFile.load(file))
    assert np.array_equal(detector.detect(stripes(4, 3)).scores, again.detect(stripes(4, 3)).scores)


class Counting(Model):
    """A network that sees the mean colour, and counts the images it is shown."""

    capabilities = frozenset({"describe"})

    def __init__(self):
        super().__init__((8, 8, 3))
        self.shown = 0

    def describe(self, x):
        self.shown += len(x)
        return (x.mean(dim=(2, 3), keepdim=True),)


def test_what_is_kept_is_what_was_seen_in_any_order():
    x = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    network = Counting()
    keeps = Remembered(network, keeps=True)
    plain = Remembered(Counting())
    assert torch.equal(keeps.describe(x[:4])[0], plain.describe(x[:4])[0])
    mixed = x[[5, 1, 0, 4]]
    assert torch.equal(keeps.describe(mixed)[0], plain.describe(mixed)[0])
    assert network.shown == 6
    keeps.most_bytes = 2 * 3 * 4  # two images of three numbers
    keeps.describe(torch.cat([x[:1], 1 - x[:1]]))
    assert len(keeps._kept) == 2
    keeps.describe(x[:1].clone())
    keeps.describe(x[1:2].clone())
    assert network.shown == 8
    keeps.describe(x[:1].clone())  # asked for lately, so still there
    assert network.shown == 8


@pytest.mark.parametrize(("side", "passes"), [(1200, 1), (64, 2)])
def test_after_training_a_large_photo_is_described_once_though_it_is_scored_twice(side, passes):
    network = Counting()
    kept = Remembered.for_use(network, Preprocess(height=side, width=side, channels=3))
    x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    assert torch.equal(kept.describe(x)[0], kept.describe(x.clone())[0])
    assert network.shown == passes


@pytest.mark.parametrize(("side", "passes"), [(1200, 1), (64, 2)])
def test_after_training_the_distances_of_a_large_photo_are_computed_once(side, passes):
    network = Counting()
    kept = Remembered.for_use(network, Preprocess(height=side, width=side, channels=3))
    x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    mixtures = [
        (PlaceMixture(np.full((1, 1, 3), mean), np.zeros((1, 3), np.float32), np.eye(3, dtype=np.float32)[None], np.zeros(1)),)
        for mean in (0.0, 0.5)
    ]
    kept.most_bytes = 0  # of features
    both = [[kept.distances(own, each)[0] for each in mixtures] for own in (x, x.clone())]
    assert network.shown == passes
    for first, again, mean in zip(*both, (0.0, 0.5), strict=True):
        assert torch.equal(first, again)
        expected = (x.mean(dim=(2, 3)) - mean).square().mean(dim=1).sqrt()
        torch.testing.assert_close(first.flatten(), expected, check_dtype=False)
