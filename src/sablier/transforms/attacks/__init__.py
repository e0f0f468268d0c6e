"""Attacks: images a little changed so that a classifier errs. Torch batch to torch batch, pixels in [0, 1], seeded.

Every attack is a dataclass; called with a function that gives logits, images N,C,H,W and their class numbers, it returns images
that lie in [0, 1] and no farther from the originals than `eps` in its norm. Where it fails, the image it returns is its best try.
"""

from sablier.transforms.attacks.apgd import ApgdCe, ApgdDlr, ApgdTargeted
from sablier.transforms.attacks.base import ATTACKS, NORMS, Attack, Logits, misclassified
from sablier.transforms.attacks.deepfool import DeepFool
from sablier.transforms.attacks.eight_bits import in_whole_steps, of_saved, saved
from sablier.transforms.attacks.gradient import Fgsm, Pgd
from sablier.transforms.attacks.square import Square
from sablier.transforms.attacks.standard import Standard

__all__ = [
    "ATTACKS",
    "NORMS",
    "ApgdCe",
    "ApgdDlr",
    "ApgdTargeted",
    "Attack",
    "DeepFool",
    "Fgsm",
    "Logits",
    "Pgd",
    "Square",
    "Standard",
    "in_whole_steps",
    "misclassified",
    "of_saved",
    "saved",
]
