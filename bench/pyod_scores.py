"""PyOD's detectors at their defaults on one split: what bench/promise_scores.py runs, in an environment with PyOD.

usage: python pyod_scores.py FEATURES.npz SCORES.npz SEED

FEATURES.npz holds `training`, `calibration` and `tests`, all N,features. SCORES.npz then holds for each detector
NAME/calibration and NAME/tests, scores of which higher is worse, and NAME/flagged: which tests the detector flags by itself, at
its own contamination of 0.1.
"""

import contextlib
import sys
from typing import Any

import numpy as np
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.iforest import IForest
from pyod.models.knn import KNN


def main() -> None:
    with np.load(sys.argv[1]) as file:
        training, calibration, tests = (file[name] for name in ("training", "calibration", "tests"))
    seed = int(sys.argv[3])
    arrays: dict[str, Any] = {}
    for detector in (IForest(random_state=seed), KNN(), AutoEncoder(random_state=seed)):
        name = type(detector).__name__
        with contextlib.redirect_stdout(sys.stderr):  # progress is printed there
            detector.fit(training)
            arrays[f"{name}/calibration"] = np.asarray(detector.decision_function(calibration), np.float64).ravel()
            arrays[f"{name}/tests"] = np.asarray(detector.decision_function(tests), np.float64).ravel()
            arrays[f"{name}/flagged"] = np.asarray(detector.predict(tests)) == 1
    np.savez(sys.argv[2], **arrays)


if __name__ == "__main__":
    main()
