"""Does the false-discovery rate hold? Batches of good images with some others, Benjamini and Hochberg's rule in each.

One detector trains on training images of one class; its scores decide everything after. Batches are judged twice, as
`sablier detect --fdr` does. "exchangeable": for each batch the calibration images and the batch's good images are drawn anew from
one pool, the held-out calibration images and the good test images, which is what the rule asks for: good images like those
calibrated on. "as delivered": the detector's own calibration, on training images, against the official test images, whose writers
are others; all batches share that one calibration. Per batch: the false-discovery proportion, the share of good images among the
flagged (0 where none is), and the power, the share of the others that is flagged.
"""

import argparse
from typing import Any

import numpy as np

from harness import Bench, print_table
from sablier.calibration import ANOMALY, Calibration, discovery_cut
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.detection.detect import Detector
from sablier.workflows.training.detector import train_detector

BATCH, OTHERS = 200, 20


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--normal", default="5", help="the label of the normal class")
    parser.add_argument("--fdr", type=float, default=0.1)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tier", default="base", choices=TIERS)


def main() -> None:
    bench = Bench("fdr", __doc__ or "", add)
    args = bench.args
    tier = "tiny" if args.quick else args.tier
    training, tests = load_dataset(args.data, "train").where(label=args.normal), load_dataset(args.data, "test")
    detector = Detector.from_file(train_detector(training, make_recipe("detector", tier, [f"seed={args.seed}"])))
    scores, good = detector.detect(tests).scores, tests.labels == args.normal
    check(detector, tests.take(np.arange(BATCH)), scores[:BATCH], args.fdr)
    rng, own = np.random.default_rng(args.seed), detector.calibration
    pool = np.concatenate([*own.folds, scores[good]])
    found: dict[str, list[Any]] = {"exchangeable": [], "as delivered": []}
    for _ in range(args.batches):
        others = rng.choice(scores[~good], OTHERS, replace=False)
        calibration, normal = np.split(rng.permutation(pool)[: own.count + BATCH - OTHERS], [own.count])
        found["exchangeable"].append(judged(Calibration((calibration,)), normal, others, args.fdr))
        normal = rng.choice(scores[good], BATCH - OTHERS, replace=False)
        found["as delivered"].append(judged(own, normal, others, args.fdr))
    rows: list[list[Any]] = []
    payload: dict[str, Any] = {}
    for name, pairs in found.items():
        (fdp, power), halves = np.mean(pairs, axis=0), 1.96 * np.std(pairs, axis=0, ddof=1) / len(pairs) ** 0.5
        rows.append([name, float(fdp), float(halves[0]), float(power), float(halves[1])])
        ending = "" if name == "exchangeable" else "_as_delivered"
        payload |= {f"fdp_mean{ending}": float(fdp), f"power{ending}": float(power)}
        payload |= {f"fdp_mean{ending}_interval": [float(fdp - halves[0]), float(fdp + halves[0])]}
    print_table(["batches", "mean false-discovery proportion", "+/- (95 %)", "mean power", "+/- (95 %)"], rows)
    payload |= {
        "data": args.data, "normal": args.normal, "tier": tier, "fdr": args.fdr, "batches": args.batches,
        "batch_images": BATCH, "batch_others": OTHERS, "calibration": own.count,
    }  # fmt: skip
    options = [args.data, args.normal, *([] if args.tier == "base" else [args.tier])]
    bench.finish("-".join(options), [args.seed], payload)


def judged(calibration: Calibration, normal: np.ndarray, others: np.ndarray, fdr: float) -> tuple[float, float]:
    """Return the false-discovery proportion and the power of a batch, from its scores."""
    flagged = chosen(calibration, np.r_[normal, others], fdr)
    wrong = int(flagged[: len(normal)].sum())
    return wrong / max(int(flagged.sum()), 1), float(flagged[len(normal) :].mean())


def chosen(calibration: Calibration, scores: np.ndarray, fdr: float) -> np.ndarray:
    """Return which images of a batch are flagged: the rule of `Detector.detect`, on scores it has already given."""
    p_values = calibration.p_values(scores[:, None])
    return np.asarray(p_values <= discovery_cut(calibration.level_counts(p_values), fdr))


def check(detector: Detector, batch: ImageSet, scores: np.ndarray, fdr: float) -> None:
    """End the bench where a batch, judged whole by the detector, gets other verdicts than from its scores."""
    whole = detector.detect(batch, fdr=fdr).verdicts == ANOMALY
    if not np.array_equal(whole, chosen(detector.calibration, scores, fdr)):
        raise SystemExit("the detector flags other images of a batch than this bench does: bring the bench in line with it.")


if __name__ == "__main__":
    main()
