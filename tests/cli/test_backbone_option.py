"""--backbone on the command line: what is said after training, by info, and where the file is lacking or another."""

import shutil

import numpy as np
import pytest
from PIL import Image

from backbones import TokensAlone, write_pt2


@pytest.fixture
def parts(tmp_path, made_once):
    """A folder with good/, bad/, own.pt2 and other.pt2, and a model of it."""
    random = np.random.default_rng(0)
    for name, count in (("good", 24), ("bad", 3)):
        (tmp_path / name).mkdir()
        for number in range(count):
            pixels = random.normal(120, 12, (16, 16, 3))
            pixels[4:8, 8:12] += 90 * (name == "bad")
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / name / f"{number:02}.png")
    for seed, name in enumerate(("own", "other")):
        made = made_once(f"cli-{name}.pt2", lambda path, seed=seed: write_pt2(path, TokensAlone(seed=seed)))
        shutil.copy(made, tmp_path / f"{name}.pt2")
    return tmp_path


def test_a_newcomer_trains_looks_and_detects(sablier, parts):
    done = sablier("train", "good", "-o", "part.sablier", "--tier", "tiny", "--backbone", "own.pt2")
    assert done.code == 0
    assert "Next: sablier detect part.sablier NEW_IMAGES -o out/ --backbone own.pt2" in done.out

    (parts / "own.pt2").rename(parts / "kept.pt2")  # info does without it
    shown = sablier("info", "part.sablier").out
    assert "members backbone: the backbone below" in shown
    assert "backbone own.pt2, not in this file: name it with --backbone" in shown
    assert "its outputs tokens, 17 x 12" in shown

    lacking = sablier("detect", "part.sablier", "bad", "-o", "out")
    assert lacking.code == 2
    assert (
        "backbone (feature network) of its author, own.pt2, and does not hold it. Name that file with --backbone FILE"
        in lacking.err
    )
    another = sablier("detect", "part.sablier", "bad", "-o", "out", "--backbone", "other.pt2")
    assert another.code == 2
    assert "it was not loaded. Name the file of then, or train a model with this one" in another.err
    assert not (parts / "out").exists()

    found = sablier("detect", "part.sablier", "bad", "-o", "out", "--backbone", "kept.pt2")
    assert (found.code, "3 of 3 images are flagged" in found.out) == (0, True)
    for verb in (
        ("evaluate", "part.sablier", "--good", "good", "--bad", "bad"),
        ("calibrate", "part.sablier", "bad", "-o", "renewed.sablier"),
        ("watch", "part.sablier", "bad", "-o", "watched", "--once"),
        ("compare", "part.sablier", "--good", "good", "--bad", "bad"),
    ):
        assert "Name that file with --backbone FILE" in sablier(*verb).err
        assert sablier(*verb, "--backbone", "kept.pt2").code == 0


def test_what_cannot_be_is_said_before_images_are_read(sablier, parts):
    classifier = sablier("train", "nowhere", "-o", "c.sablier", "--recipe", "classifier", "--backbone", "own.pt2")
    assert (classifier.code, "expected a recipe of a detector for a backbone" in classifier.err) == (2, True)
    missing = sablier("train", "nowhere", "-o", "p.sablier", "--backbone", "none.pt2")
    assert (missing.code, "the backbone none.pt2 cannot be read: No such file" in missing.err) == (2, True)
    other = sablier("train", "nowhere", "-o", "p.sablier", "--backbone", "good/00.png")
    assert (other.code, "ends in .pt2 or .onnx, got good/00.png" in other.err) == (2, True)
