"""The verb `classify`: the class of each image, with calibrated probabilities."""

from sablier.images.imageset import ImageSet
from sablier.serve.models import ServedModel
from sablier.serve.verbs.base import Answer, NoOptions, Question, Verb, given
from sablier.tasks.classification.classify import Classifier


def load(model: ServedModel) -> Classifier:
    """Return the classifier of a model."""
    return Classifier.from_file(model.file)


def run(classifier: Classifier, images: ImageSet | None, question: Question) -> Answer:
    """Return the predictions."""
    return Answer(classifier.classify(given(images).dense(classifier.preprocess)).to_json())


CLASSIFY = Verb("classify", "Predict the class of each image.", NoOptions, 1, None, (), load, run)
