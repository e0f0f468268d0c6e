"""Scores of PyOD as CSV files for `sablier calibrate --scores` and `sablier judge`.

usage: python pyod_scores.py FOLDER      (needs PyOD and scikit-learn: pip install pyod)

The images are scikit-learn's digits. 0 to 4 are good: 200 of them train PyOD, 500 go to good.csv and the others to new.csv,
together with 299 of the digits 5 to 9, which are bad.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from sklearn.datasets import load_digits


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.data))
    good, bad = order[digits.target[order] < 5], order[digits.target[order] >= 5]
    training, calibration, new = good[:200], good[200:700], np.r_[good[700:], bad[:299]]
    detectors = {"knn": KNN(), "iforest": IForest(random_state=0)}
    for detector in detectors.values():
        detector.fit(digits.data[training])
    for name, rows in (("good.csv", calibration), ("new.csv", new)):
        scores = [detector.decision_function(digits.data[rows]).round(6).tolist() for detector in detectors.values()]
        labels = np.where(digits.target[rows] < 5, "good", "bad").tolist()
        with (folder / name).open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["id", *detectors, "label"])
            table.writerows(zip([f"digit-{row}" for row in rows], *scores, labels, strict=True))


if __name__ == "__main__":
    main()
