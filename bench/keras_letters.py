"""Lesson 2 as the course writes it, in Keras: the peer that bench/train_speed.py runs, in an environment with TensorFlow.

usage: python keras_letters.py IMAGES.npz JOB      (one line of JSON on stdout)

IMAGES.npz holds `training` and `tests`, N,28,28,1 uint8. JOB is JSON: `epochs`, `batch_size`, `seed`, and `one_cycle`, null for
the lesson's optimizer or the `learning_rate`, `weight_decay`, `warmup` and `gradient_clip` (0: none) of ours. Nothing is
validated while it is timed.
"""

import json
import math
import statistics
import sys
import time
from typing import Any

import keras
import numpy as np
from keras import layers, ops


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of sablier's training loop at a step: up by a cosine from 0.04 of the peak, then down to 1e-4 of it."""

    def __init__(self, peak: float, rise: float, total: int) -> None:
        self.peak, self.rise, self.fall = peak, max(1.0, rise), max(1.0, total - max(1.0, rise))

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        up = 0.04 + 0.96 * (1 - ops.cos(math.pi * step / self.rise)) / 2
        down = 1e-4 + (1 - 1e-4) * (1 + ops.cos(math.pi * ops.minimum(1.0, (step - self.rise) / self.fall))) / 2
        return self.peak * ops.where(step < self.rise, up, down)


class EpochSeconds(keras.callbacks.Callback):
    """The seconds each epoch took."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self.started)


def lesson_net() -> keras.Model:
    """Return the lesson's net: 314,625 parameters."""
    return keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu", padding="same"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu", padding="same"),
        layers.MaxPooling2D(2),
        layers.Conv2D(128, 3, activation="relu", padding="same"),
        layers.Conv2D(128, 3, activation="relu", padding="same"),
        layers.UpSampling2D(2),
        layers.Conv2D(64, 3, activation="relu", padding="same"),
        layers.UpSampling2D(2),
        layers.Conv2D(1, 3, activation="sigmoid", padding="same"),
    ])  # fmt: skip


def main() -> None:
    job = json.loads(sys.argv[2])
    with np.load(sys.argv[1]) as file:
        training, tests = (file[name].astype(np.float32) / 255 for name in ("training", "tests"))
    keras.utils.set_random_seed(job["seed"])
    optimizer: keras.optimizers.Optimizer = keras.optimizers.RMSprop()
    if cycle := job["one_cycle"]:
        total = job["epochs"] * math.ceil(len(training) / job["batch_size"])
        rate = OneCycle(cycle["learning_rate"], cycle["warmup"] * total, total)
        optimizer = keras.optimizers.AdamW(
            rate,
            beta_2=0.99,
            epsilon=1e-8,
            weight_decay=cycle["weight_decay"],
            global_clipnorm=cycle["gradient_clip"] or None,
        )
    model, epochs = lesson_net(), EpochSeconds()
    model.compile(optimizer=optimizer, loss="mean_squared_error")
    start = time.perf_counter()
    model.fit(training, training, epochs=job["epochs"], batch_size=job["batch_size"], shuffle=True, verbose=0, callbacks=[epochs])
    seconds = time.perf_counter() - start
    again = model.predict(tests, batch_size=job["batch_size"], verbose=0)
    found = {
        "seconds": seconds,
        "mse": float(np.mean((again - tests) ** 2, dtype=np.float64)),
        "images_per_second": len(training) / statistics.median(epochs.seconds),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
