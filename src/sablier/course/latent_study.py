"""What lesson 3 measures: codes of letters, which have fonts and classes, and of faces, which are the lesson's example."""

from collections.abc import Sequence
from dataclasses import dataclass

from sablier.course.face_codes import Faces, faces_studied, training_faces
from sablier.course.letter_codes import Letters, letters_studied, training_letters
from sablier.images.preprocess import Preprocess
from sablier.recipes.make import make_recipe
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, unheard
from sablier.workflows.training.trial import Trial, expected_training

LETTERS, FACES = "the network for letters", "the network for faces"


@dataclass(frozen=True)
class Lesson:
    """The results of the lesson, and what was asked for."""

    tier: str
    settings: tuple[str, ...]
    letters: Letters
    faces: Faces


def study(*, tier: str = "small", settings: Sequence[str] = (), on_progress: OnProgress = unheard) -> Lesson:
    """Train an autoencoder on letters and another on faces, and compute with their codes.

    The arguments are those of `sablier.course.latent.run`.
    """
    recipe, forecast = make_recipe("autoencoder", tier, settings), Forecast(on_progress)
    images = {LETTERS: training_letters(), FACES: training_faces()}

    def stages() -> list[Stage]:
        rules = {name: Preprocess.for_images(found, recipe.size) for name, found in images.items()}
        return [expected_training(Trial(recipe, found, rules[name]), name) for name, found in images.items()]

    forecast.expect("lesson 3 with letters and faces", stages)
    with forecast.stage(LETTERS) as progressed:
        letters = letters_studied(images[LETTERS], recipe, progressed)
    with forecast.stage(FACES) as progressed:
        faces = faces_studied(images[FACES], recipe, progressed)
    return Lesson(tier, tuple(settings), letters, faces)
