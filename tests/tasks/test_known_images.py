"""A model knows the images that trained or calibrated it, and near copies of them; a stream knows its repeats."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sablier.errors import ModelFileError
from sablier.images.fingerprints import Fingerprints, fingerprints
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Provenance
from sablier.tasks.known_images import CALIBRATED, NEW, TRAINED, KnownImages, Recognizer
from sablier.tasks.known_part import KNOWN, known_images_in, known_part, recalibrated_part

RULE = Preprocess(height=24, width=24, channels=1)


def scenes(count, seed):
    clouds = gaussian_filter(np.random.default_rng(seed).normal(size=(count, 24, 24)), (0, 2, 2))
    return ImageSet((128 + 400 * clouds).clip(0, 255).astype(np.uint8)[..., None])


def noisy(images, seed=0):
    pixels = images.array + np.random.default_rng(seed).normal(0, 3, images.array.shape)
    return ImageSet(pixels.clip(0, 255).astype(np.uint8))


def file_with(parts):
    origin = Provenance(created="", sablier="", torch="", source="", images=0, fingerprint="", recipe={})
    return ModelFile("detect", RULE, parts, {}, origin)


@pytest.fixture(scope="module")
def known():
    uses = np.r_[np.full(150, TRAINED), np.full(50, CALIBRATED)]
    return known_images_in(file_with(known_part(fingerprints(scenes(200, 0), RULE), uses)))


def test_the_same_images_are_known_by_their_use(known):
    found = known.overlap(fingerprints(scenes(200, 0), RULE))
    assert found.tolist() == [TRAINED] * 150 + [CALIBRATED] * 50


def test_near_copies_are_known_and_fresh_images_are_not(known):
    assert np.mean(known.overlap(fingerprints(noisy(scenes(200, 0)), RULE)) != NEW) > 0.95
    assert np.mean(known.overlap(fingerprints(scenes(400, 1), RULE)) != NEW) < 0.02


def test_new_calibration_images_take_the_place_of_the_old(known):
    fresh = fingerprints(scenes(60, 2), RULE)
    again = known_images_in(file_with(recalibrated_part(known, fresh)))
    assert again.overlap(fresh).tolist() == [CALIBRATED] * 60
    assert again.overlap(fingerprints(scenes(200, 0), RULE)).tolist() == [TRAINED] * 150 + [NEW] * 50


def test_copies_are_not_equal_and_added_images_trained_it(known):
    copies = fingerprints(noisy(scenes(200, 0)), RULE)
    assert set(known.equal(copies)) == {NEW}
    assert known.equal(fingerprints(scenes(200, 0), RULE)).tolist() == [TRAINED] * 150 + [CALIBRATED] * 50
    more, fresh = fingerprints(scenes(40, 2), RULE), fingerprints(scenes(30, 3), RULE)
    again = known_images_in(file_with(recalibrated_part(known.with_trained(more), fresh)))
    assert again.overlap(more).tolist() == [TRAINED] * 40
    assert again.overlap(fresh).tolist() == [CALIBRATED] * 30
    assert again.equal(fingerprints(scenes(200, 0), RULE)).tolist() == [TRAINED] * 150 + [NEW] * 50
    assert len(again.uses) == 150 + 40 + 30


def test_an_image_costs_less_than_64_bytes():
    part = known_part(fingerprints(scenes(200, 0), RULE))[KNOWN]
    assert sum(value.nbytes for value in part.tensors.values()) / 200 < 64


def test_a_file_that_keeps_none_is_refused():
    with pytest.raises(ModelFileError, match="lacks what it recognises its training images by"):
        known_images_in(file_with({}))


def test_few_known_images_are_known_by_equal_pixels_alone():
    few = KnownImages.of(fingerprints(scenes(3, 0), RULE), np.full(3, TRAINED))
    assert few.overlap(fingerprints(scenes(5, 0), RULE)).tolist() == [TRAINED] * 3 + [NEW] * 2
    assert few.overlap(Fingerprints(np.empty(0, np.uint64), np.empty((0, 48), np.float32))).tolist() == []


@pytest.mark.parametrize("chunk", [7, 50, 500])
def test_repeats_in_a_stream_name_the_first_however_it_is_cut(known, chunk):
    fresh = scenes(40, 3)
    stream = ImageSet(
        np.concatenate([noisy(fresh, seed).array for seed in range(5)] + [fresh.take([3]).array] * 2),
        ids=np.array([f"{index}" for index in range(202)]),
    )
    recognizer = Recognizer(known, RULE)
    parts = [recognizer.recognize(part) for part in stream.chunks(chunk)]
    repeats = np.concatenate([part.repeats for part in parts])
    assert (repeats[:40] == "").all()
    assert np.mean(repeats[40:200] == np.tile(np.arange(40).astype(str), 4)) > 0.95
    assert repeats[201] in ("200", "3")
    assert set(np.concatenate([part.known for part in parts])) == {""}


def test_the_stream_says_what_the_model_knows(known):
    found = Recognizer(known, RULE).recognize(scenes(200, 0))
    assert found.known.tolist() == ["trained"] * 150 + ["calibrated"] * 50
    assert (found.repeats == "").all()
