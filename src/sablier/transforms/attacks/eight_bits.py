"""Attacks on images rounded to 8 bits, so that they still work on a saved file."""

from dataclasses import replace

import torch
from torch import Tensor

from sablier.transforms.attacks.base import Attack, Logits, lengths, wide


def of_saved(logits: Logits) -> Logits:
    """Return logits of the images rounded to 8 bits; the gradient ignores the rounding.

    An attack on these counts an image as misclassified only if its rounded image is (compare Athalye, Carlini and Wagner
    2018).
    """

    def seen(x: Tensor) -> Tensor:
        return logits(x + ((x * 255).round() / 255 - x).detach())

    return seen


def in_whole_steps(attack: Attack) -> Attack:
    """Return the attack with its linf perturbation set reduced to whole bytes, so that rounding does not leave it."""
    if attack.norm != "linf":
        return attack
    return replace(attack, eps=int(attack.eps * 255 + 1e-3) / 255)  # 1e-3: of rounding errors, as in 8 / 255


def saved(moved: Tensor, x: Tensor, attack: Attack) -> Tensor:
    """Return attacked images in whole bytes, in the perturbation set around the originals, which are of whole bytes.

    Each value is rounded to the nearest byte, as in `of_saved`; in l2, if an image would leave the set, to the byte nearer
    to the original.
    """
    near = (moved * 255).round().clamp(0, 255) / 255
    if attack.norm == "linf":
        return near
    steps = (moved - x) * 255
    inner = x + (steps.abs() + 1e-3).floor() * steps.sign() / 255
    return torch.where(wide(lengths(near - x) <= attack.eps + 1e-6), near, inner.clamp(0, 1))
