"""Other people's detectors at their defaults: what bench/one_class.py --peers runs, in an environment with PyOD.

usage: python peers.py IMAGES.npz SCORES.npz JOB      (one line of JSON on stdout: name -> seconds and images learnt from)

IMAGES.npz holds `training` and `tests`, both of shape N,H,W,C and of whole numbers; they are flattened and divided by `white`.
JOB is JSON: `seed`, `white`, and `svm_images`, how many images OneClassSVM learns from at most. SCORES.npz then holds, of every
test image and detector, NAME/scores, higher is worse, and NAME/flagged. Only the seed differs from what the detectors come with.
"""

import contextlib
import json
import sys
import time
from typing import Any

import numpy as np
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.deep_svdd import DeepSVDD
from sklearn.ensemble import IsolationForest
from sklearn.svm import OneClassSVM


def main() -> None:
    job = json.loads(sys.argv[3])
    with np.load(sys.argv[1]) as file:
        training, tests = (
            file[name].reshape(len(file[name]), -1).astype(np.float32) / job["white"] for name in ("training", "tests")
        )
    seed = job["seed"]
    fewer = training[np.sort(np.random.default_rng(seed).permutation(len(training))[: job["svm_images"]])]
    detectors = {
        "pyod_autoencoder": (AutoEncoder(random_state=seed), training),
        "pyod_deep_svdd": (DeepSVDD(n_features=training.shape[1], random_state=seed), training),
        "isolation_forest": (IsolationForest(random_state=seed), training),
        "one_class_svm": (OneClassSVM(), fewer),
    }
    found: dict[str, dict[str, float]] = {}
    arrays: dict[str, Any] = {}
    for name, (detector, learnt) in detectors.items():
        start = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):  # progress is printed there
            detector.fit(learnt)
            scores, verdicts = detector.decision_function(tests), detector.predict(tests)
        seconds = time.perf_counter() - start
        of_pyod = name.startswith("pyod")  # higher is worse and 1 is an outlier; in scikit-learn lower is worse, and -1
        arrays[f"{name}/scores"] = np.asarray(scores if of_pyod else -scores, np.float64).ravel()
        arrays[f"{name}/flagged"] = np.asarray(verdicts) == (1 if of_pyod else -1)
        found[name] = {"seconds": seconds, "images": len(learnt)}
    np.savez(sys.argv[2], **arrays)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
