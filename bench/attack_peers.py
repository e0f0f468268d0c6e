"""AutoAttack, and PGD of foolbox, on a classifier of ours: what bench/robustness.py runs, in an environment with both.

usage: python attack_peers.py MODEL.sablier IMAGES.npz JOB      (one line of JSON on stdout)

IMAGES.npz holds `images`, N,C,H,W float32 in [0, 1], and `labels`, N class numbers. JOB is JSON: `eps`, `seed`, `threads`.
sablier's sources have to be on PYTHONPATH. Everything is as the packages come: AutoAttack `standard`, 40 steps of PGD.
"""

import json
import sys
import time
from pathlib import Path

import foolbox
import numpy as np
import torch
from pyautoattack import AutoAttack
from torch import Tensor, nn

from sablier.modelfile import ModelFile
from sablier.tasks.classification.classify import Classifier


class Logits(nn.Module):
    """A classifier as both packages want it: a module from images to logits, the very ones that ours climbs."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.network = classifier.network  # so that it is known as a part of the module
        self.answer = classifier.answer

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(x)


def main() -> None:
    job = json.loads(sys.argv[3])
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    net = Logits(Classifier.from_file(ModelFile.load(Path(sys.argv[1])))).eval().requires_grad_(False)
    with np.load(sys.argv[2]) as file:
        images, labels = torch.from_numpy(file["images"]), torch.from_numpy(file["labels"])

    def accuracy(attacked: Tensor) -> float:
        with torch.no_grad():
            right = (net(images).argmax(dim=1) == labels) & (net(attacked).argmax(dim=1) == labels)
        return float(right.float().mean())

    start = time.perf_counter()
    auto, _ = AutoAttack(net, eps=job["eps"], norm="Linf", seed=job["seed"], version="standard").run_standard_evaluation(
        images, labels, batch_size=len(images)
    )
    middle = time.perf_counter()
    _, pgd, _ = foolbox.attacks.LinfPGD(steps=40)(foolbox.PyTorchModel(net, bounds=(0, 1)), images, labels, epsilons=job["eps"])
    end = time.perf_counter()
    found = {
        "autoattack_accuracy": accuracy(auto),
        "autoattack_seconds": middle - start,
        "foolbox_pgd_accuracy": accuracy(pgd),
        "foolbox_pgd_seconds": end - middle,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
