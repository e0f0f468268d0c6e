"""What the service does with images and a model, by name."""

from sablier.serve.verbs.base import Verb
from sablier.serve.verbs.classify import CLASSIFY
from sablier.serve.verbs.compress import COMPRESS
from sablier.serve.verbs.denoise import DENOISE
from sablier.serve.verbs.detect import DETECT
from sablier.serve.verbs.embed import EMBED
from sablier.serve.verbs.interpolate import INTERPOLATE
from sablier.serve.verbs.reconstruct import RECONSTRUCT
from sablier.serve.verbs.sample import SAMPLE

VERBS: dict[str, Verb] = {
    verb.name: verb for verb in (DETECT, CLASSIFY, DENOISE, RECONSTRUCT, EMBED, SAMPLE, INTERPOLATE, COMPRESS)
}
