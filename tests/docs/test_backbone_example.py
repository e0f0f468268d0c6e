"""The example of a feature network of one's own does what it says: it needs no download, and takes images of any size."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import sablier

EXAMPLE = Path(__file__).parents[2] / "examples" / "backbone.py"


def photos(count: int, seed: int, scratched: bool = False):
    random = np.random.default_rng(seed)
    pixels = 120 + 40 * np.sin(np.arange(100) / 4)[None, :, None] + random.normal(0, 8, (count, 72, 100, 3))
    if scratched:
        pixels[:, 30:42, 40:60] = 120
    return pixels.clip(0, 255).astype(np.uint8)


def test_the_example_writes_a_backbone_that_finds_defects(tmp_path):
    backbone, model = tmp_path / "backbone.pt2", tmp_path / "part.sablier"
    offline = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), str(backbone)], capture_output=True, text=True, check=True, timeout=120, env=offline
    )
    assert f"sablier train good/ -o part.sablier --backbone {backbone}" in done.stdout
    assert done.stderr == ""
    file = sablier.train(photos(24, 0), model, sablier.make_recipe(tier="tiny", settings=["folds=2"]), backbone=backbone)
    assert [(each["name"], each["shape"]) for each in file.parts["shared/backbone/network"].config["outputs"]] == [
        ("block4", [40, 32, 32]),
        ("block10", [112, 16, 16]),
    ]
    result = sablier.evaluate(model, photos(12, 1), photos(12, 2, scratched=True), backbone=backbone)
    assert result.rows[0].auroc > 0.95
