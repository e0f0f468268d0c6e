"""PyOD's detectors at their defaults, split by split: what bench/promise_scores.py runs, in an environment with PyOD.

usage: python pyod_scores.py FEATURES.npz SCORES.npz

FEATURES.npz holds `features`, N,features; `seeds`, one for each split; and `training`, `calibration` and `tests`, the rows of
each split. SCORES.npz then holds for each detector NAME/calibration and NAME/tests, scores of which higher is worse, and
NAME/flagged: which tests the detector flags by itself, at its own contamination of 0.1; all with a row for each split.
"""

import contextlib
import sys
from collections import defaultdict
from typing import Any

import numpy as np
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.iforest import IForest
from pyod.models.knn import KNN


def main() -> None:
    with np.load(sys.argv[1]) as file:
        features, splits = file["features"], [file[name] for name in ("seeds", "training", "calibration", "tests")]
    found: dict[str, list[Any]] = defaultdict(list)
    for seed, training, calibration, tests in zip(*splits, strict=True):
        for detector in (IForest(random_state=int(seed)), KNN(), AutoEncoder(random_state=int(seed))):
            name = type(detector).__name__
            with contextlib.redirect_stdout(sys.stderr):  # progress is printed there
                detector.fit(features[training])
                for part, rows in (("calibration", calibration), ("tests", tests)):
                    found[f"{name}/{part}"].append(np.asarray(detector.decision_function(features[rows]), np.float64).ravel())
                found[f"{name}/flagged"].append(np.asarray(detector.predict(features[tests])) == 1)
    arrays: dict[str, Any] = {name: np.stack(values) for name, values in found.items()}
    np.savez(sys.argv[2], **arrays)


if __name__ == "__main__":
    main()
