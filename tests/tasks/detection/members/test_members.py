"""Every kind of member: looks have one shape, and a model file gives the same looks back."""

import numpy as np
import pytest
import torch

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.settings import with_settings
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.members import MEMBERS, Fitting
from sablier.transforms.batches import Batches
from sablier.workflows.training.detector import train_detector

SHAPE = (24, 32, 3)
KNOWN = ["restoration", "transformations", "closed-form", "patches", "inpainting", "features"]


@pytest.fixture(scope="module")
def photos() -> ImageSet:
    return ImageSet(np.random.default_rng(0).integers(0, 256, (24, *SHAPE), dtype=np.uint8))


def recipe(name: str, members: str) -> Recipe:
    settings = [
        f"{name}={members}",
        "steps=2",
        "width=4",
        "transformations.width=4",
        "inpainting.width=4",
        "folds=2",
        "contamination_filter=no",
    ]
    return make_recipe(settings=[*settings, "photo_side=16" if name == "photo_members" else "photo_side=64"])


@pytest.fixture(scope="module")
def everyone(photos: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelFile, Detector]:
    file = train_detector(photos, recipe("members", ",".join(KNOWN)))
    path = tmp_path_factory.mktemp("everyone") / "all.sablier"
    file.save(path)
    return ModelFile.load(path), Detector.from_file(ModelFile.load(path))


def test_every_member_looks_in_the_same_shapes(everyone, photos):
    scorer = everyone[1].scorers[0]
    x = Batches(photos, scorer.preprocess).take(slice(0, 5)).x
    assert [member.kind for member in scorer.members] == KNOWN
    for member in scorer.members:
        with torch.no_grad():
            found, without = member.score(x), member.score(x, pictures=False)
        assert found.statistics.shape[0] == 5
        assert found.statistics.dtype == torch.float64
        assert found.statistics.isfinite().all()
        assert torch.equal(without.statistics, found.statistics)
        assert without.anomaly_map is None
        assert without.reconstructions is None
        assert (found.anomaly_map is not None) == bool(member.map_shows)
        assert (found.reconstructions is not None) == member.draws
        if found.anomaly_map is not None:
            assert found.anomaly_map.dtype == torch.float32
            assert found.anomaly_map.shape == (5, *SHAPE[:2])
            assert found.anomaly_map.isfinite().all()
            assert found.anomaly_map.min() >= 0
        if found.reconstructions is not None:
            assert found.reconstructions.shape == (5, *SHAPE)
            assert 0 <= found.reconstructions.min() <= found.reconstructions.max() <= 1


def test_every_member_comes_back_from_a_model_file_as_it_was(everyone, photos):
    first = everyone[1].scorers[0]
    shared = {member.kind: vars(member).get("backbone") for member in first.members}
    again = type(first).from_parts(first.parts("x/"), "x/", first.preprocess, shared)
    x = Batches(photos, first.preprocess).take(slice(0, 3)).x
    for member, copy in zip(first.members, again.members, strict=True):
        for name in ("statistics", "anomaly_map", "reconstructions"):
            with torch.no_grad():
                before, after = getattr(member.score(x), name), getattr(copy.score(x), name)
            assert (before is None and after is None) or torch.equal(before, after), (member.kind, name)


@pytest.fixture(scope="module")
def surfaces() -> ImageSet:
    random = np.random.default_rng(1)
    return ImageSet((128 + random.integers(-4, 5, (160, 40, 40, 1))).astype(np.uint8))


@pytest.mark.parametrize("threads", [1, 2])
def test_of_photos_each_member_says_as_much_as_it_sees_of_defects(surfaces, threads):
    changed = with_settings(recipe("photo_members", "closed-form,patches"), ["folds_below=2", "size=40"])
    torch.set_num_threads(threads)
    try:
        first, again = (Detector.from_file(train_detector(surfaces, changed)).scorers[0].member_weights for _ in range(2))
    finally:
        torch.set_num_threads(1)
    assert np.array_equal(first, again)
    assert 0 <= first.min() < first.max() == 1


def test_in_folds_they_say_as_much_as_they_see_in_images_that_others_were_fitted_on(photos):
    detector = Detector.from_file(train_detector(photos, recipe("photo_members", "patches,closed-form")))
    for scorer in detector.scorers:
        assert 0 <= scorer.member_weights.min() < scorer.member_weights.max() == 1


def test_an_image_kept_as_good_is_not_compared_with_itself(photos):
    rule = Preprocess(height=24, width=32, channels=3)
    member = MEMBERS["patches"].fit(Fitting((photos,), rule, Batches(photos, rule)))
    x = Batches(photos, rule).take(slice(0, 24)).x
    others = torch.rand(24, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    known, new = member.score(x).statistics, member.score(others).statistics
    assert float(known.median()) == pytest.approx(float(new.median()), abs=0.3)
