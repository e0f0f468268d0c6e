"""Cross-validation: nobody judges what it has learnt from, and what is finished is not done again."""

import numpy as np
import pytest

from sablier.errors import ConfigError, ImagesError, Interrupted, TooFewImages
from sablier.images import ImageSet, read_images
from sablier.recipes.make import make_recipe
from sablier.training import loop
from sablier.workflows.training import cross_validation as module
from sablier.workflows.training.classifier import train_classifier
from sablier.workflows.training.cross_validation import cross_validate, fold_numbers, folder_of, forget_folds

RECIPE = make_recipe("course-softmax", settings=["epochs=12", "optimizer=adam", "learning_rate=0.01", "threads=1"])


@pytest.fixture(scope="module")
def digits():
    images = read_images("digits").take(range(300))
    return ImageSet(images.array, ids=images.ids, labels=images.labels)


@pytest.fixture
def trainings(monkeypatch):
    """The ids of the images of each training there was."""
    seen, train = [], train_classifier

    def watched(images, recipe, **options):
        seen.append(set(images.ids.tolist()))
        return train(images, recipe, **options)

    monkeypatch.setattr(module, "train_classifier", watched)
    return seen


def test_no_network_judges_what_it_has_learnt_from(digits, trainings):
    found = cross_validate(digits, RECIPE, 3)
    for number, learnt in enumerate(trainings):
        judged = set(digits.ids[found.fold == number].tolist())
        assert not judged & learnt
        assert judged | learnt == set(digits.ids.tolist())
        own = digits.take(found.fold == number)
        np.testing.assert_array_equal(
            found.classifiers[number].classify(own).probabilities, found.probabilities[found.fold == number]
        )
    assert (found.classes[found.probabilities.argmax(axis=1)] == digits.labels).mean() > 0.75


def test_every_fold_has_its_share_of_each_class(digits):
    fold = fold_numbers(digits, 4, seed=0)
    for name in np.unique(digits.labels):
        counts = np.bincount(fold[digits.labels == name], minlength=4)
        assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(fold, fold_numbers(digits, 4, seed=0))
    assert (fold != fold_numbers(digits, 4, seed=1)).any()


def test_finished_folds_outlive_an_interruption(digits, trainings, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole = cross_validate(digits, RECIPE, 3)
    trainings.clear()
    folder = folder_of(tmp_path, digits, RECIPE, 3)

    def stop(stage, progress):
        if stage == "fold 2 of 3" and progress.done > progress.total / 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"stopped in fold 2 of 3.*run the same command again"):
        cross_validate(digits, RECIPE, 3, folder=folder, on_progress=stop)
    assert sorted(path.name for path in folder.iterdir()) == ["fold-0.sablier", "fold-1.resume"]
    steps = []
    found = cross_validate(digits, RECIPE, 3, folder=folder, on_progress=lambda stage, progress: steps.append((stage, progress)))
    assert len(trainings) == 4  # two, then the one that was stopped and the last
    assert {stage for stage, _ in steps} == {"fold 2 of 3", "fold 3 of 3"}
    assert all(0 <= progress.whole.share <= 1 for _, progress in steps)
    np.testing.assert_array_equal(found.probabilities, whole.probabilities)
    forget_folds(tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_images_labels_recipes_and_folds_have_folders_of_their_own(digits, tmp_path):
    labels = digits.labels.copy()
    labels[:2] = labels[1::-1]
    others = [
        folder_of(tmp_path, digits, RECIPE, 3),
        folder_of(tmp_path, digits.take(range(200)), RECIPE, 3),
        folder_of(tmp_path, ImageSet(digits.array, labels=labels), RECIPE, 3),
        folder_of(tmp_path, digits, make_recipe("course-softmax"), 3),
        folder_of(tmp_path, digits, RECIPE, 4),
    ]
    assert len(set(others)) == 5
    (tmp_path / "mistakes-of-mine.folds").mkdir()
    others[0].mkdir()
    forget_folds(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mistakes-of-mine.folds"]


def classes_of(*counts):
    labels = np.repeat([f"class-{index}" for index in range(len(counts))], counts)
    return ImageSet(np.random.default_rng(0).integers(0, 255, (len(labels), 8, 8), np.uint8), labels=labels)


def test_what_cannot_be_folded_is_said():
    for folds in (1, -2, 101):
        with pytest.raises(ConfigError, match=f"from 2 to 100 folds, or 0 for none, got {folds}"):
            cross_validate(classes_of(200, 200), RECIPE, folds)
    with pytest.raises(
        TooFewImages, match=r"at least 5 images of each class for 5 folds, got 4 of class-1\. Take --folds 4, add"
    ):
        cross_validate(classes_of(9, 4), RECIPE, 5)
    with pytest.raises(
        TooFewImages, match=r"at least 4 images of each class for 2 folds, got 3 of class-1\. Take --folds 3, add"
    ):
        cross_validate(classes_of(9, 3), RECIPE, 2)
    with pytest.raises(TooFewImages, match=r"got 2 of class-1\. Add images of it, or let the model itself judge with --folds 0"):
        cross_validate(classes_of(9, 2), RECIPE, 5)
    with pytest.raises(ImagesError, match="at least 2 classes"):
        cross_validate(classes_of(9), RECIPE, 3)
    with pytest.raises(TooFewImages, match="got one of class-1"):
        cross_validate(classes_of(9, 1), RECIPE, 3)
    with pytest.raises(ImagesError, match="expected labels, got none"):
        cross_validate(ImageSet(np.zeros((9, 8, 8), np.uint8)), RECIPE, 3)


@pytest.mark.parametrize(("counts", "folds"), [((3, 3), 3), ((4, 4), 2), ((5, 7), 5)])
def test_the_fewest_images_are_enough(counts, folds):
    found = cross_validate(classes_of(*counts), RECIPE, folds)
    assert np.isfinite(found.probabilities).all()
