"""The scikit-learn face: scikit-learn's own checks, and what a user of arrays would notice."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sablier.calibration import ANOMALY
from sablier.errors import ConfigError, ImagesError, ImagesWarning, ModelFileError, TooFewImages, UnknownName
from sablier.estimators import AnomalyDetector, ImageAutoencoder
from sablier.images.imageset import ImageSet, LazyPixels
from sablier.modelfile import ModelFile, Part
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.scorer import score_together

SHORT = {"epochs": 2, "width": 8}
FAST = {**SHORT, "folds": 2}  # for a detector


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Images this small gain nothing from threads, and lose much where other work holds the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# scikit-learn compares to 1e-7 what is computed of 20 rows at once and of one row at a time.
EXPECTED_FAILURES = {
    "AnomalyDetector": {
        "check_methods_subset_invariance": (
            "float32 arithmetic rounds differently in batches of other sizes, and the score takes logarithms of residuals "
            "that are nearly zero for three features: it agrees to about 1e-3"
        )
    },
    "ImageAutoencoder": {},
}


@parametrize_with_checks(
    [AnomalyDetector(tier="tiny", settings=FAST), ImageAutoencoder(latent=2, tier="tiny", settings=SHORT)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES[type(estimator).__name__],
)
@pytest.mark.filterwarnings("ignore:nothing is flagged:sablier.errors.ImagesWarning")  # some checks fit on 10 rows
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    """Images of the digit 5, N,8,8 from 0 to 16, and of the digit 4."""
    data = load_digits()
    return data.images[data.target == 5], data.images[data.target == 4]


@pytest.fixture(scope="module")
def folded(digits):
    return AnomalyDetector(tier="tiny", settings={"epochs": 40, "folds": 3, "width": 8}).fit(digits[0][:99])


@pytest.fixture(scope="module")
def split(digits):
    settings = {"epochs": 40, "width": 8, "folds_below": 100, "calibration_share": 0.4}
    return AnomalyDetector(tier="tiny", settings=settings).fit(digits[0][:160])


@pytest.fixture(scope="module")
def autoencoder(digits):
    return ImageAutoencoder(latent=6, tier="tiny", settings={"epochs": 60, "width": 8}).fit(digits[0][:150])


class TestVerdicts:
    def test_another_digit_is_found_and_the_same_digit_is_mostly_not(self, folded, digits):
        fives, fours = digits[0][99:], digits[1]
        assert roc_auc_score([0] * len(fives) + [1] * len(fours), folded.anomaly_score(np.r_[fives, fours])) > 0.95
        assert np.mean(folded.predict(fours) == -1) > 0.8
        assert np.mean(folded.predict(fives) == -1) < 0.2

    @pytest.mark.parametrize("alpha", [0.02, 0.05, 0.07, 0.3])
    @pytest.mark.parametrize("kind", ["folded", "split"])
    def test_every_way_of_asking_gives_the_verdict_of_the_command_line(self, kind, alpha, digits, request):
        detector = clone(request.getfixturevalue(kind)).set_params(alpha=alpha)
        detector.__dict__ |= {key: value for key, value in vars(request.getfixturevalue(kind)).items() if key != "alpha"}
        X = np.r_[digits[0], digits[1]]
        flagged = detector.predict(X) == -1
        assert 0 < flagged.sum() < len(X)
        np.testing.assert_array_equal(detector.decision_function(X) < 0, flagged)
        np.testing.assert_array_equal(detector.p_values(X) <= alpha, flagged)
        result = detector.detector_.detect(ImageSet(X.astype(np.float32)), alpha)
        np.testing.assert_array_equal(result.verdicts == ANOMALY, flagged)
        np.testing.assert_array_equal(result.scores, detector.anomaly_score(X))
        np.testing.assert_array_equal(result.p_values, detector.p_values(X))

    def test_the_sign_flips_at_this_edge_only(self, split, digits):
        X = digits[1]
        np.testing.assert_array_equal(split.score_samples(X), -split.anomaly_score(X))
        np.testing.assert_allclose(split.decision_function(X), split.score_samples(X) - split.offset_)

    def test_the_margin_of_folds_is_how_far_the_scores_may_move(self, folded, digits):
        X, calibration = digits[0][99:], folded.detector_.calibration
        columns = np.stack(
            [found.scores for found in score_together(folded.detector_.scorers, ImageSet(X.astype(np.float32)))], axis=1
        )
        margin = folded.decision_function(X)[:, None]
        assert np.all(calibration.p_values(columns + margin + 1e-9) <= 0.05)
        assert np.all(calibration.p_values(columns + margin - 1e-9) > 0.05)

    def test_too_few_images_for_alpha_flag_nothing_and_say_how_many_it_takes(self, digits):
        detector = AnomalyDetector(alpha=0.01, tier="tiny", settings=FAST).fit(digits[0][:20])
        with pytest.warns(ImagesWarning, match="20 images calibrate, it would take 99"):
            assert np.all(detector.predict(digits[1]) == 1)
        assert np.all(detector.decision_function(digits[1]) == np.inf)
        assert detector.offset_ == -np.inf
        assert np.isfinite(detector.score_samples(digits[1])).all()

    def test_alpha_can_change_without_training_again(self, digits):
        detector = AnomalyDetector(alpha=0.05, tier="tiny", settings=FAST).fit(digits[0][:60])
        few = np.sum(detector.predict(digits[0]) == -1)
        assert np.sum(detector.set_params(alpha=0.3).predict(digits[0]) == -1) > few

    def test_anomaly_maps_point_at_the_damage(self, folded, digits):
        damaged = digits[0][99:].copy()
        damaged[:, :2, :2] = 16
        anomaly_map = folded.anomaly_maps(damaged)
        assert anomaly_map.shape == (len(damaged), 8, 8)
        assert np.mean(anomaly_map[:, :2, :2]) > 3 * np.mean(anomaly_map[:, 4:, 4:])


class TestImagesInAndOut:
    def test_tables_arrays_and_image_sets_are_the_same_images(self, folded, digits):
        X = digits[1][:20]
        expected = folded.anomaly_score(X)
        for same in (X.reshape(20, 64), X[..., None], X.tolist(), ImageSet(X.astype(np.float32)), X.astype(np.uint8)):
            np.testing.assert_allclose(folded.anomaly_score(same), expected, rtol=1e-5)

    def test_results_come_in_the_layout_and_the_numbers_of_the_images(self, autoencoder, digits):
        X = digits[0][150:]
        assert autoencoder.n_features_in_ == 64
        assert autoencoder.image_shape_ == (8, 8, 1)
        drawn = autoencoder.reconstruct(X)
        assert drawn.shape == X.shape
        assert autoencoder.reconstruct(X.reshape(-1, 64)).shape == (len(X), 64)
        assert autoencoder.reconstruct(X[..., None]).shape == (*X.shape, 1)
        assert autoencoder.inverse_transform(autoencoder.transform(X)).shape == X.shape
        assert np.mean((drawn - X) ** 2) < 0.5 * np.mean((X - X.mean(axis=0)) ** 2)

    def test_a_table_is_square_where_it_can_be_else_a_strip_or_as_told(self):
        table = np.random.default_rng(0).random((20, 12))
        settings = {"epochs": 1, "width": 8}
        assert ImageAutoencoder(2, tier="tiny", settings=settings).fit(table[:, :9]).image_shape_ == (3, 3, 1)
        assert ImageAutoencoder(2, tier="tiny", settings=settings).fit(table).image_shape_ == (1, 12, 1)
        colour = ImageAutoencoder(2, tier="tiny", settings=settings, image_shape=(2, 2, 3)).fit(table)
        assert colour.image_shape_ == (2, 2, 3)
        np.testing.assert_array_equal(colour.transform(table), colour.transform(table.reshape(20, 2, 2, 3)))
        assert colour.inverse_transform(np.zeros((4, 2))).shape == (4, 12)

    @pytest.mark.parametrize("shape", [(90, 70), (70, 90, 3), (1, 101)])
    def test_large_images_are_scaled_and_come_back_in_their_own_size(self, shape):
        ramp = np.linspace(0, 1, shape[1])[:, None] if len(shape) == 3 else np.linspace(0, 1, shape[1])
        X = np.random.default_rng(0).uniform(0.5, 1, (16, 1, 1, 1)[: len(shape) + 1]) * np.broadcast_to(ramp, shape)
        settings = {"epochs": 5, "width": 8, "size": 64}
        autoencoder = ImageAutoencoder(2, tier="tiny", settings=settings).fit(X)
        drawn = autoencoder.reconstruct(X)
        assert drawn.shape == X.shape
        assert np.abs(drawn - X).mean() < 0.05
        detector = AnomalyDetector(tier="tiny", settings={**settings, "folds": 2}).fit(X)
        assert detector.anomaly_maps(X).shape == (16, *shape[:2])

    def test_a_triage_returns_three_verdicts(self):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 60, (120, 12, 12)).astype(np.uint8)
        bad = images[:8].copy()
        bad[:, 2:10, 2:10] = 255
        detector = AnomalyDetector(tier="tiny", settings=FAST).fit(images[8:])
        found = detector.triage(np.concatenate([bad, images[8:40]]), reject_alpha=0.02, review_alpha=0.3)
        p_values = detector.p_values(np.concatenate([bad, images[8:40]]))
        assert found.tolist() == ["reject" if p <= 0.02 else "review" if p <= 0.3 else "pass" for p in p_values]
        assert set(found[:8]) == {"reject"}
        assert "pass" in found[8:]
        assert set(detector.triage(bad, 0.001, 0.3)) == {"review"}
        assert set(detector.triage(bad, 0.001, 0.002)) == {"undetermined"}
        with pytest.raises(ConfigError, match="below that of review"):
            detector.triage(bad, 0.1, 0.05)

    def test_images_of_mixed_sizes(self):
        rng = np.random.default_rng(0)
        images = ImageSet.concatenate([ImageSet(rng.integers(0, 255, (6, side, 80), np.uint8)) for side in (70, 80)])
        detector = AnomalyDetector(tier="tiny", settings={**FAST, "size": 48}).fit(images)
        assert detector.image_shape_[:2] == detector.anomaly_maps(images).shape[1:]
        assert detector.reconstruct(images).max() > 1

    def test_whole_numbers_and_fractions_of_the_same_size_are_the_same(self, digits):
        X = (digits[0] * 15).astype(np.uint8)
        autoencoder = ImageAutoencoder(4, tier="tiny", settings={"epochs": 2, "width": 8}).fit(X)
        assert autoencoder.model_file_.preprocess.white == 255
        np.testing.assert_array_equal(autoencoder.transform(X), autoencoder.transform(X.astype(np.float64)))
        np.testing.assert_array_equal(autoencoder.transform(X), autoencoder.transform(X.astype(np.int64)))
        with pytest.warns(ImagesWarning, match="nearly black"):
            autoencoder.transform(X / 255)

    def test_values_far_beyond_the_training_images_are_finite_and_strange(self, folded, digits):
        X = digits[0][99:105] * np.array([1, 10, -1e3, 1e30, -1e30, 1e300])[:, None, None]
        assert np.isfinite(folded.anomaly_score(X)).all()
        assert np.isfinite(folded.anomaly_maps(X)).all()
        assert np.all(folded.predict(X)[1:] == -1)

    def test_no_images_give_no_results(self, folded, autoencoder):
        none = np.empty((0, 8, 8))
        assert folded.predict(none).shape == folded.p_values(none).shape == (0,)
        assert folded.anomaly_maps(none).shape == folded.reconstruct(none).shape == (0, 8, 8)
        assert autoencoder.transform(none).shape == (0, 6)

    def test_images_that_are_all_the_same(self):
        for shape in ((12, 1, 5), (12, 4, 4), (400, 3, 3)):
            X = np.ones(shape)
            with pytest.raises(TooFewImages, match="expected at least 8 groups of images to train on"):
                AnomalyDetector(tier="tiny", settings=FAST).fit(X)
            alone = AnomalyDetector(tier="tiny", settings=FAST | {"repeats": "no"})  # as if each were independent
            assert np.isfinite(alone.fit(X).anomaly_score(X)).all()
            with pytest.raises(TooFewImages, match="expected at least 2 groups of images to train on"):
                ImageAutoencoder(tier="tiny", settings={"epochs": 2, "width": 8}).fit(X)

    def test_a_pipeline_of_scikit_learn(self, digits):
        flat = np.concatenate(digits).reshape(-1, 64)
        pipeline = make_pipeline(
            ImageAutoencoder(4, tier="tiny", settings={"epochs": 20, "width": 8}), StandardScaler(), LogisticRegression()
        )
        labels = [0] * len(digits[0]) + [1] * len(digits[1])
        assert pipeline.fit(flat, labels).score(flat, labels) > 0.9
        assert list(pipeline[:1].get_feature_names_out()) == [f"imageautoencoder{k}" for k in range(4)]

    def test_the_score_of_an_autoencoder_is_minus_its_error(self, autoencoder, digits):
        X = digits[0][150:]
        assert autoencoder.score(X) == pytest.approx(-np.mean((autoencoder.reconstruct(X) - X) ** 2) / 16**2, rel=1e-5)


class TestKeeping:
    def test_a_saved_detector_scores_the_same_bits_here_and_on_the_command_line(self, folded, digits, tmp_path):
        folded.save(tmp_path / "digits.sablier")
        loaded = AnomalyDetector.load(tmp_path / "digits.sablier")
        assert loaded.get_params()["alpha"] == 0.05
        assert loaded.get_params()["tier"] == "tiny"
        assert (loaded.n_features_in_, loaded.image_shape_, loaded.offset_) == (64, (8, 8, 1), folded.offset_)
        X = digits[1]
        np.testing.assert_array_equal(loaded.decision_function(X), folded.decision_function(X))
        np.testing.assert_array_equal(loaded.anomaly_maps(X), folded.anomaly_maps(X))
        detector = Detector.from_file(ModelFile.load(tmp_path / "digits.sablier"))
        np.testing.assert_array_equal(detector.detect(ImageSet(digits[1].astype(np.float32))).scores, loaded.anomaly_score(X))
        assert np.isfinite(loaded.set_params(settings=FAST).fit(X).anomaly_score(X)).all()

    def test_a_saved_autoencoder(self, autoencoder, digits, tmp_path):
        autoencoder.save(str(tmp_path / "digits.sablier"))
        loaded = ImageAutoencoder.load(str(tmp_path / "digits.sablier"))
        assert loaded.latent == 6
        latents = autoencoder.transform(digits[0])
        np.testing.assert_array_equal(loaded.transform(digits[0]), latents)
        np.testing.assert_array_equal(loaded.inverse_transform(latents), autoencoder.inverse_transform(latents))

    def test_a_file_from_the_command_line(self, folded, digits, tmp_path):
        folded.model_file_.save(tmp_path / "digits.sablier")
        loaded = AnomalyDetector.load(tmp_path / "digits.sablier")
        np.testing.assert_array_equal(loaded.predict(digits[1]), folded.predict(digits[1]))

    def test_a_file_of_the_other_kind_or_none(self, folded, autoencoder, tmp_path):
        folded.save(tmp_path / "detector.sablier")
        autoencoder.save(tmp_path / "autoencoder.sablier")
        with pytest.raises(ModelFileError, match="trained to detect"):
            ImageAutoencoder.load(tmp_path / "detector.sablier")
        with pytest.raises(ModelFileError, match="trained to reconstruct"):
            AnomalyDetector.load(tmp_path / "autoencoder.sablier")
        with pytest.raises(ModelFileError, match="no model file"):
            AnomalyDetector.load(tmp_path / "nothing.sablier")

    def test_an_estimator_part_that_makes_no_sense(self, folded, tmp_path):
        for config in ({"parameters": {"unknown": 1}}, {"image_shape": [8]}, {"parameters": 5}, {"dimensions": None}):
            file = folded.model_file_
            parts = {**file.parts, "estimator": Part("AnomalyDetector", config)}
            replace(file, parts=parts).save(tmp_path / "odd.sablier")
            with pytest.raises(ModelFileError, match=r"not valid|expected a configuration of AnomalyDetector"):
                AnomalyDetector.load(tmp_path / "odd.sablier")

    def test_pickle_gives_the_same_bits(self, folded, digits):
        again = pickle.loads(pickle.dumps(folded))
        np.testing.assert_array_equal(again.anomaly_score(digits[1]), folded.anomaly_score(digits[1]))

    def test_the_seed_decides_every_bit(self, digits):
        def scores(seed):
            return AnomalyDetector(tier="tiny", settings=FAST, seed=seed).fit(digits[0][:40]).anomaly_score(digits[1])

        np.testing.assert_array_equal(scores(0), scores(0))
        assert not np.array_equal(scores(0), scores(1))


class TestErrors:
    def test_before_fitting(self, digits):
        for call in ("predict", "p_values", "anomaly_maps", "reconstruct", "anomaly_score", "decision_function"):
            with pytest.raises(NotFittedError):
                getattr(AnomalyDetector(), call)(digits[0])
        for call in ("transform", "inverse_transform", "reconstruct", "score"):
            with pytest.raises(NotFittedError):
                getattr(ImageAutoencoder(), call)(digits[0])
        with pytest.raises(NotFittedError):
            AnomalyDetector().save("nowhere.sablier")
        assert not hasattr(AnomalyDetector(), "offset_")

    def test_parameters(self, digits):
        with pytest.raises(ConfigError, match="alpha between 0 and 1"):
            AnomalyDetector(alpha=5).fit(digits[0])
        with pytest.raises(UnknownName, match="epochs"):
            AnomalyDetector(settings={"epoch": 1}).fit(digits[0])
        with pytest.raises(ConfigError, match="settings as a dict"):
            AnomalyDetector(settings=["epochs=1"]).fit(digits[0])  # type: ignore[arg-type]
        with pytest.raises(UnknownName, match="tier"):
            ImageAutoencoder(tier="huge").fit(digits[0])
        for other in ("autoencoder", "denoiser", "course-conv"):
            with pytest.raises(ConfigError, match=f"a recipe made to detect, got '{other}'"):
                AnomalyDetector(recipe=other).fit(digits[0])
        for other in ("detector", "denoiser", "course-dense"):
            with pytest.raises(ConfigError, match=f"a recipe made to reconstruct, got '{other}'"):
                ImageAutoencoder(recipe=other).fit(digits[0])
        with pytest.raises(ImagesError, match="of 64 values"):
            ImageAutoencoder(image_shape=(8, 9)).fit(digits[0].reshape(-1, 64))

    def test_images(self, folded, autoencoder, digits):
        with pytest.raises(TooFewImages, match="at least 8"):
            AnomalyDetector(tier="tiny", settings=FAST).fit(digits[0][:5])
        with pytest.raises(TooFewImages, match="at least 2"):
            ImageAutoencoder(tier="tiny", settings=SHORT).fit(digits[0][:1])
        with pytest.raises(ImagesError, match="8 x 8"):
            folded.predict(np.zeros((2, 9, 9)))
        with pytest.raises(ImagesError, match="NaN or infinity"):
            folded.predict(np.full((2, 8, 8), np.nan))
        with pytest.raises(ImagesError, match="NaN or infinity"):
            AnomalyDetector().fit(np.full((20, 8, 8), np.inf))
        with pytest.raises(ImagesError, match="as numbers"):
            AnomalyDetector().fit(np.full((20, 8, 8), "black"))
        with pytest.raises(ImagesError, match="N,6"):
            autoencoder.inverse_transform(np.zeros((3, 5)))

    def test_an_unreadable_image_shifts_no_row(self, folded):
        def unreadable(size):
            raise OSError("it is torn")

        grey = np.zeros((2, 8, 8, 1), np.float32)
        lazy = LazyPixels((lambda size: grey[0], unreadable))
        images = ImageSet(lazy, sizes=np.full((2, 2), 8), channels=np.ones(2), depths=np.full(2, 32))
        with pytest.raises(ImagesError, match=r"1 of 2 images cannot be read, for example 1: it is torn\."):
            folded.predict(images)


@pytest.mark.parametrize("images", [np.zeros((0, 8, 8), np.uint8), np.zeros((0, 8, 8)), ImageSet(np.zeros((0, 8, 8), np.uint8))])
def test_no_image_at_all_is_said(images):
    with pytest.raises(TooFewImages, match="at least one image to train on, got none"):
        AnomalyDetector().fit(images)


def test_arrays_of_different_shapes_are_said():
    arrays = np.empty(2, object)
    arrays[:] = [np.zeros((4, 4), np.uint8), np.zeros((5, 5), np.uint8)]
    for images in (arrays, list(arrays)):
        with pytest.raises(ImagesError, match="arrays of different shapes"):
            AnomalyDetector().fit(images)
