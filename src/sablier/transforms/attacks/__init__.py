"""Adversarial attacks: small perturbations that make a classifier fail. Batches in and out, pixels in [0, 1], seeded.

Every attack is a dataclass. Called with a function that returns logits, images N,C,H,W and their class numbers, it returns
images in [0, 1] that are within `eps` of the originals in its norm. If it fails, it returns its best attempt.
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
