"""Detectors to which images are added: equal to one pass over all images, with turned copies, masks and folds."""

from dataclasses import replace

import numpy as np
import pytest
from bar_photos import bars

from sablier.errors import ModelFileError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.members.features import Features
from sablier.tasks.detection.place_moments import PlaceMoments
from sablier.tasks.detection.scorer import Scorer, score_together
from sablier.tasks.detection.symmetries import with_turned_copies
from sablier.tasks.detection.updating import check_updates, recalibrated, updated_scorers
from sablier.transforms.turns import Turn
from sablier.workflows.training.detector import plan_uses, train_detector

COUNT = 36
RECIPE = make_recipe("detector", "tiny", ["folds=2", "repeats=no"])
TIGHT = 1e-5


def counts(scorer: Scorer) -> list[int]:
    """Return how many images each view of the member has summed."""
    (member,) = scorer.members
    assert isinstance(member, Features)
    return [moments.count for moments in member.moments]


def one_pass(scorer: Scorer, training: ImageSet, more: ImageSet) -> Scorer:
    """Return the scorer with the sums of one pass over all images, and its own choices."""
    (member,) = scorer.members
    assert isinstance(member, Features)
    together = with_turned_copies(ImageSet(np.concatenate([training.array, more.array])), scorer.turns)
    whole = tuple(sums.moments for sums in member.backbone.sums(together, scorer.preprocess))
    pairs = zip(member.good, member.moments, whole, strict=True)
    good = tuple(mixture.renewed(before, after) for mixture, before, after in pairs)
    return replace(scorer, members=(replace(member, good=good, moments=whole),))


def trained(images: ImageSet, recipe=RECIPE, ignored=None, path=None) -> tuple[Detector, list[ImageSet], Preprocess]:
    """Return a detector from a file, and the images that trained each of its scorers."""
    file = train_detector(images, recipe, ignored=ignored)
    if path is not None:
        file.save(path)
        file = ModelFile.load(path)
    detector = Detector.from_file(file)
    return detector, [uses.training for uses in plan_uses(images.dense(file.preprocess), recipe)], file.preprocess


def assert_equal(found: Scorer, expected: Scorer, others: ImageSet, before: Scorer) -> None:
    ours, theirs, old = (score_together([scorer], others, pictures=True)[0] for scorer in (found, expected, before))
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=TIGHT, atol=TIGHT)
    np.testing.assert_allclose(ours.anomaly_maps, theirs.anomaly_maps, rtol=TIGHT)
    assert np.abs(ours.scores - old.scores).max() > 100 * TIGHT
    assert all(np.array_equal(ours.baselines[name], old.baselines[name]) for name in ours.baselines)


@pytest.mark.parametrize("settings", [["folds=2"], ["folds=3"]])
def test_added_to_each_fold_is_equal_to_one_pass_over_all(tmp_path, settings):
    recipe = make_recipe("detector", "tiny", [*settings, "repeats=no"])
    detector, training, rule = trained(bars(COUNT, upright=True), recipe, path=tmp_path / "bars.sablier")
    more, others = bars(14, upright=True, seed=1).dense(rule), bars(5, upright=True, seed=2).dense(rule)
    found = updated_scorers(detector.scorers, more)
    for own, scorer, images in zip(found, detector.scorers, training, strict=True):
        assert counts(own) == [len(images) + 14] * 2
        assert_equal(own, one_pass(scorer, images, more), others, scorer)


def test_added_to_a_single_split_is_equal_to_one_pass_over_all():
    recipe = make_recipe("detector", "tiny", ["folds_below=50", "repeats=no", "calibration_share=0.1"])
    detector, (training,), rule = trained(bars(125, upright=True), recipe)
    more, others = bars(9, upright=True, seed=1).dense(rule), bars(5, upright=True, seed=2).dense(rule)
    (found,) = updated_scorers(detector.scorers, more)
    assert_equal(found, one_pass(detector.scorers[0], training, more), others, detector.scorers[0])


def test_new_images_get_turned_copies_where_the_first_had_them(tmp_path):
    detector, training, rule = trained(bars(60, upright=False), path=tmp_path / "bars.sablier")
    assert all(Turn(1) in scorer.turns for scorer in detector.scorers)
    more, others = bars(8, upright=False, seed=1).dense(rule), bars(4, upright=False, seed=2).dense(rule)
    found = updated_scorers(detector.scorers, more)
    for own, scorer, images in zip(found, detector.scorers, training, strict=True):
        assert counts(own) == [2 * (len(images) + 8)] * 2
        assert_equal(own, one_pass(scorer, images, more), others, scorer)


def test_what_is_under_a_mask_still_changes_nothing():
    ignored = np.zeros((96, 96), bool)
    ignored[:30] = True
    detector, training, rule = trained(bars(COUNT, upright=True), ignored=ignored)
    more, others = bars(10, upright=True, seed=1), bars(4, upright=True, seed=2)
    darker = ImageSet(np.where(ignored[:, :, None], 0, more.array).astype(np.uint8))
    found, again = (updated_scorers(detector.scorers, images.dense(rule)) for images in (more, darker))
    ours, theirs = (np.stack([each.scores for each in score_together(own, others.dense(rule))]) for own in (found, again))
    assert np.array_equal(ours, theirs)
    assert_equal(found[0], one_pass(detector.scorers[0], training[0], more.dense(rule)), others.dense(rule), detector.scorers[0])


def test_images_added_twice_are_those_added_at_once():
    detector, _, rule = trained(bars(COUNT, upright=True))
    more, others = bars(12, upright=True, seed=1).dense(rule), bars(4, upright=True, seed=2).dense(rule)
    first = updated_scorers(detector.scorers, more.take(range(5)))
    twice, once = updated_scorers(first, more.take(range(5, 12))), updated_scorers(detector.scorers, more)
    assert_equal(twice[0], once[0], others, detector.scorers[0])


def test_too_few_to_calibrate_keep_the_unit_of_maps_and_none_give_no_verdicts():
    detector, _, rule = trained(bars(COUNT, upright=True))
    more = bars(40, upright=True, seed=1).dense(rule)
    few, enough = (recalibrated(detector, detector.scorers, more.take(range(count))) for count in (18, 19))
    assert (few.calibration.count, enough.calibration.count) == (18, 19)
    assert few.map_unit == detector.map_unit != enough.map_unit
    assert few.frame is detector.frame is not enough.frame
    none = recalibrated(detector, detector.scorers, more.take([]))
    assert (none.calibration.count, none.map_unit, none.frame) == (0, detector.map_unit, detector.frame)
    found = none.detect(more, alpha=0.5)
    assert set(found.verdicts) == {"undetermined"}
    assert set(found.p_values) == {1.0}
    np.testing.assert_allclose(found.scores, detector.detect(more).scores)


def test_detectors_that_have_to_be_trained_anew_are_refused(digits_detector):
    with pytest.raises(ModelFileError, match=r"since its member \S+ is made from all training images at once. Train on old"):
        check_updates(digits_detector)
    photos = make_recipe("detector", "tiny", ["folds=2", "photo_members=features,closed-form"])
    with pytest.raises(ModelFileError, match="its member closed-form"):
        check_updates(trained(bars(12, upright=True), photos)[0])


def test_a_file_of_an_earlier_version_detects_as_before_and_is_refused(tmp_path):
    file = train_detector(bars(COUNT, upright=True), RECIPE)
    parts = {name: part for name, part in file.parts.items() if "/moments-" not in name}
    for name, part in file.parts.items():
        if "/moments-" in name:
            means = PlaceMoments.from_tensors(part.config["images"], tuple(part.config["grid"]), part.tensors).means
            view = parts[name.replace("moments-", "view-")]
            view.tensors["means"] = means.astype(np.float16)
    replace(file, parts=parts).save(tmp_path / "old.sablier")
    old, new = Detector.from_file(ModelFile.load(tmp_path / "old.sablier")), Detector.from_file(file)
    others = bars(4, upright=True, seed=2)
    np.testing.assert_allclose(old.detect(others).scores, new.detect(others).scores, atol=0.02)
    assert not any("/moments-" in name for name in old.parts())
    with pytest.raises(ModelFileError, match="of an earlier version, which kept no sums over training images"):
        check_updates(old)
