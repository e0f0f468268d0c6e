"""An attack on a classifier is judged on 8-bit pixels, and says where it cannot be trusted."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sablier.calibration import Calibration
from sablier.errors import ImagesError, ModelFileError
from sablier.images import ImageSet, read_images
from sablier.images.preprocess import Preprocess
from sablier.metrics import ssim
from sablier.modelfile import ModelFile
from sablier.models import Model
from sablier.tasks.classification.attack import attack_classifier
from sablier.tasks.classification.classify import Classifier
from sablier.transforms.attacks import ApgdCe, Fgsm, Pgd
from sablier.workflows.training.classifier import class_numbers


@pytest.fixture(scope="module")
def classifier(small_classifier):
    return Classifier.from_file(ModelFile.load(small_classifier))


@pytest.fixture(scope="module")
def tests():
    return read_images("digits:test").take(range(60))


def attacked(classifier, tests, attack):
    return attack_classifier(classifier, tests, class_numbers(tests, classifier.classes), "pgd", attack)


def test_the_result_is_that_of_the_bytes(classifier, tests):
    result = attacked(classifier, tests, Pgd(0.1))
    assert result.attacked.dtype == np.uint8
    assert np.abs(result.attacked.astype(int) - tests.array).max() <= 25
    after = classifier.classify(ImageSet(result.attacked)).predicted
    assert (after == result.after).all()
    assert result.robust_accuracy < result.accuracy - 0.2
    assert result.largest.max() <= 0.1
    assert (result.fooled == ((result.before == tests.labels) & (after != tests.labels))).all()
    assert len(result.to_table()) == len(result) == 60


def test_eps_in_whole_bytes_is_used_whole(classifier, tests):
    result = attacked(classifier, tests, Fgsm(8 / 255))
    assert np.abs(result.attacked.astype(int) - tests.array).max() == 8


def test_nothing_changes_where_nothing_may(classifier, tests):
    result = attacked(classifier, tests, Pgd(0.0))
    assert (result.attacked == tests.array).all()
    assert result.accuracy == result.robust_accuracy
    assert result.similarity == pytest.approx(np.ones(60))


def test_a_net_that_is_attacked_well_gets_no_warning(classifier, tests):
    assert attacked(classifier, tests, ApgdCe(0.1)).warnings == ()


class Stepped(Model):
    """A net whose input is rounded first: it has no gradient."""

    capabilities = frozenset({"classify"})

    def __init__(self, inner: Model) -> None:
        super().__init__(inner.shape)
        self.inner = inner

    def classify(self, x):
        return self.inner.classify((x * 16).round() / 16)


class Wavering(Stepped):
    def classify(self, x):
        return self.inner.classify(x) + torch.randn(len(x), 10)


def test_hidden_gradients_are_noticed(classifier, tests):
    rule = Preprocess(height=8, width=8, channels=1)
    for kind, message in ((Stepped, "no gradient"), (Wavering, "other answers each time")):
        hiding = Classifier(kind(classifier.network), rule, classifier.classes, 1.0, Calibration((np.zeros(1),)))
        assert any(message in warning for warning in attacked(hiding, tests, ApgdCe(0.1)).warnings), kind


def test_square_tells_of_gradients_that_lead_astray(classifier, tests):
    hiding = Classifier(
        Stepped(classifier.network), Preprocess(height=8, width=8, channels=1), classifier.classes, 1.0, classifier.calibration
    )
    assert any("square" in warning for warning in attacked(hiding, tests, Pgd(0.15)).warnings)


def test_bad_input_is_refused(classifier, tests):
    with pytest.raises(ImagesError, match="at least one image"):
        attacked(classifier, tests.take([]), Pgd(0.1))
    deep = replace(classifier, preprocess=classifier.preprocess.model_copy(update={"dtype": "uint16"}))
    with pytest.raises(ModelFileError, match="8-bit images, got one of uint16"):
        attacked(deep, tests, Pgd(0.1))


def test_ssim_is_that_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    random = np.random.default_rng(0)
    for shape in ((30, 41, 1), (16, 16, 3)):
        a = random.random((2, *shape))
        b = np.clip(a + 0.2 * random.normal(size=a.shape), 0, 1)
        expected = [
            metrics.structural_similarity(
                x, y, data_range=1, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
            for x, y in zip(a, b, strict=True)
        ]
        assert ssim(a, b) == pytest.approx(expected, abs=1e-6)
    assert ssim(a, a) == pytest.approx([1, 1])
