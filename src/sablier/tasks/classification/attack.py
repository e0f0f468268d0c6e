"""Attack a classifier: its accuracy on perturbed images, and signs that this accuracy is too high."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sablier.errors import ImagesError
from sablier.images.chunks import images_at_once
from sablier.images.imageset import ImageSet, Skipped
from sablier.metrics import ssim
from sablier.tasks.classification.classify import Classifier, softmax
from sablier.transforms.attacks import Attack, Fgsm, Pgd, Square
from sablier.transforms.attacks.base import cross_entropy, input_gradient
from sablier.transforms.attacks.eight_bits import in_whole_steps, of_saved, saved
from sablier.typing import Array

MOST_CHECKED = 100  # images that are checked for masked gradients
VANISHED = 1e-10  # of a gradient's largest value: below it, the gradient has vanished
SUSPICIOUS = 0.02  # share of images by which a weaker attack must be better to be a sign


@dataclass(frozen=True)
class AttackResult:
    """The result of an attack on N images.

    Args:
        ids, labels: N names and true classes.
        before, after: N predicted classes of the original and of the perturbed images.
        sure_before, sure_after: N calibrated probabilities of these.
        images, attacked: N,H,W,C uint8: the original and the perturbed images; `after` is the prediction of these bytes.
        largest: N: the largest change of a value, of 1; length: N: the l2 norm of the change.
        similarity: N: the structural similarity of both, 1 if equal.
        attack: its name; eps, norm: of the perturbation set.
        warnings: why the accuracy under attack may be too high, in words.
        skipped: images that could not be read.
    """

    ids: Array
    labels: Array
    before: Array
    after: Array
    sure_before: Array
    sure_after: Array
    images: Array
    attacked: Array
    largest: Array
    length: Array
    similarity: Array
    attack: str
    eps: float
    norm: str
    warnings: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def accuracy(self) -> float:
        """The share of original images that are classified correctly."""
        return float((self.before == self.labels).mean())

    @property
    def robust_accuracy(self) -> float:
        """The share of images that are classified correctly, both original and perturbed."""
        return float(((self.before == self.labels) & (self.after == self.labels)).mean())

    @property
    def fooled(self) -> Array:
        """N booleans: classified correctly before and wrongly after the attack."""
        return np.asarray((self.before == self.labels) & (self.after != self.labels))

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image."""
        names = (
            "id",
            "label",
            "before",
            "after",
            "sure_before",
            "sure_after",
            "largest_change",
            "length",
            "similarity",
            "fooled",
        )
        columns = (
            self.ids, self.labels, self.before, self.after, self.sure_before, self.sure_after, self.largest, self.length,
            self.similarity, self.fooled,
        )  # fmt: skip
        return [dict(zip(names, row, strict=True)) for row in zip(*(column.tolist() for column in columns), strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return everything except the pictures."""
        return {
            "images": len(self),
            "attack": self.attack,
            "norm": self.norm,
            "eps": self.eps,
            "accuracy": self.accuracy,
            "robust_accuracy": self.robust_accuracy,
            "warnings": list(self.warnings),
            "skipped": [asdict(item) for item in self.skipped],
            "rows": self.to_table(),
        }


def attack_classifier(
    classifier: Classifier,
    images: ImageSet,
    labels: Array,
    name: str,
    attack: Attack,
    on_progress: Callable[[int], None] = lambda images: None,
) -> AttackResult:
    """Attack dense 8-bit images and evaluate the classifier on the bytes that a file would hold.

    Args:
        labels: N numbers of classes.
        name: of the attack, for display.

    Raises:
        ImagesError: for no images; ModelFileError for a classifier of other than 8-bit images.
    """
    if not len(images):
        raise ImagesError(f"expected at least one image to attack, got none from {images.source}.")
    classifier.check_bytes()
    classifier.network.eval()
    answer, tried = classifier.answer, in_whole_steps(attack)
    seen = of_saved(answer)
    size = images_at_once(*images.shape[:2])
    found = []
    for start in range(0, len(images), size):
        some, numbers = images.array[start : start + size], torch.from_numpy(labels[start : start + size])
        x = as_tensor(some)
        moved = saved(tried(seen, x, numbers), x, tried)
        with torch.no_grad():
            logits = answer(x).numpy(), answer(moved).numpy()
        pixels = (moved * 255).round().byte().permute(0, 2, 3, 1).numpy()
        found.append((*logits, pixels, *changes(some, pixels)))
        on_progress(min(start + size, len(images)))
    before, after, attacked, largest, length, similarity = map(np.concatenate, zip(*found, strict=True))
    few = slice(0, MOST_CHECKED)
    stood = (after.argmax(axis=1) == labels) & (before.argmax(axis=1) == labels)
    return AttackResult(
        ids=images.ids,
        labels=classifier.classes[labels],
        before=classifier.classes[before.argmax(axis=1)],
        after=classifier.classes[after.argmax(axis=1)],
        sure_before=softmax(before / classifier.temperature).max(axis=1),
        sure_after=softmax(after / classifier.temperature).max(axis=1),
        images=images.array,
        attacked=attacked,
        largest=largest,
        length=length,
        similarity=similarity,
        attack=name,
        eps=attack.eps,
        norm=attack.norm,
        warnings=hidden_gradients(classifier, as_tensor(images.array[few]), torch.from_numpy(labels[few]), tried, stood[few]),
        skipped=images.skipped,
    )


def as_tensor(pixels: Array) -> Tensor:
    """Return N,C,H,W in [0, 1] of N,H,W,C uint8."""
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32)) / 255


def changes(before: Array, after: Array) -> tuple[Array, Array, Array]:
    """Return the changes of N,H,W,C uint8 images: N largest changes of a value, of 1; N l2 norms; N similarities."""
    one, other = before / 255, after / 255
    change = np.abs(other - one)
    return change.max(axis=(1, 2, 3)), np.sqrt((change**2).sum(axis=(1, 2, 3))), ssim(one, other)


def hidden_gradients(classifier: Classifier, x: Tensor, labels: Tensor, attack: Attack, stood: Array) -> tuple[str, ...]:
    """Return signs of gradient masking, which makes gradient attacks fail, in words (compare Carlini et al. 2019).

    Args:
        stood: N booleans: which images are classified correctly despite the attack.
    """
    answer, said = classifier.answer, []
    seen = of_saved(answer)
    with torch.no_grad():
        twice = [answer(x) for _ in range(2)]
    if not torch.equal(*twice):
        said.append("The same image gets other answers each time: the attack follows what has changed by the next step.")
    gradient, _ = input_gradient(lambda images: cross_entropy(answer(images), labels), x)
    gone = float((gradient.abs().amax(dim=(1, 2, 3)) < VANISHED).float().mean())
    if gone > SUSPICIOUS:
        said.append(
            f"{gone:.0%} of the images have no gradient: try apgd-dlr or square, which do not maximise the cross-entropy."
        )
    if attack.eps == 0 or not stood.any():
        return tuple(said)
    probes: dict[str, Attack] = {"one step of FGSM": Fgsm(attack.eps, attack.norm)}
    if attack.norm == "linf":
        probes["square, which sees no gradient,"] = Square(attack.eps, queries=200)
    standing = torch.from_numpy(stood)
    for name, probe in probes.items():
        with torch.no_grad():
            misclassified = seen(probe(seen, x[standing], labels[standing])).argmax(dim=1) != labels[standing]
        share = float(misclassified.float().sum()) / len(x)
        if share > SUSPICIOUS:
            said.append(
                f"{name} beats {share:.0%} more of the images: the gradients lead the attack astray, or it has too few steps."
            )
    most = Pgd(1.0, steps=20)
    if attack.norm == "linf" and attack.eps < 1:
        with torch.no_grad():
            left = seen(most(seen, x[standing], labels[standing])).argmax(dim=1) == labels[standing]
        if left.any():
            said.append("Some images stand even where every pixel may be changed at will: gradients are missing somewhere.")
    return tuple(said)
