"""update: from what one types to what is printed."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from sablier.images.parts import parts
from sablier.modelfile import ModelFile

TINY = ("--tier", "tiny", "--set", "folds=2")


def written(folder: str, count: int, seed: int) -> list[str]:
    """Write photos of good parts; return their names."""
    Path(folder).mkdir()
    names = [f"{index:02}.png" for index in range(count)]
    for name, pixels in zip(names, parts(count, seed=seed).array, strict=True):
        Image.fromarray(pixels).save(f"{folder}/{name}")
    return names


@pytest.fixture
def model(sablier, made_once) -> None:
    """A detector of parts, in the folder of the test."""

    def make(path: Path) -> None:
        written("first", 20, 0)
        assert sablier("train", "first", "-o", path, *TINY).code == 0
        shutil.rmtree("first")

    shutil.copy(made_once("part-of-update.sablier", make), "part.sablier")


@pytest.mark.usefixtures("model")
def test_new_photos_are_added_and_calibrate(sablier):
    written("more", 30, 1)
    done = sablier("update", "part.sablier", "more", "-o", "new.sablier")
    assert done.code == 0
    assert "new.sablier was updated with 11 images from more." in done.out
    assert "It is calibrated on 19 images, chosen at random from 30 new ones from more." in done.out
    assert "At most 5% of good images" in done.out
    assert "for 30 images of 128 x 128" in done.err
    assert sorted(os.listdir()) == ["more", "new.sablier", "part.sablier"]
    done = sablier("info", "new.sablier")
    assert "with 11 images from more" in done.out
    assert "on 19 images, chosen at random" in done.out
    done = sablier("update", "new.sablier", "more", "-o", "again.sablier")
    assert "; 11 that trained the model already left out" in done.out
    assert "No verdict at a false-alarm rate of 5%" in done.out
    assert "it would take 19" in done.out


@pytest.mark.usefixtures("model")
def test_false_alarms_of_a_batch_are_added_and_others_calibrate(sablier):
    names = written("batch", 12, 2)
    written("fresh", 25, 3)
    sablier("detect", "part.sablier", "batch", "-o", "out", "--no-report", "--alpha", "0.3")
    verdicts = Path("verdicts.csv")
    verdicts.write_text("id,verdict\n" + "".join(f"{name},{'schlecht' if name == '03.png' else 'gut'}\n" for name in names))
    arguments = ["update", "part.sablier", "batch", "--false-alarms", verdicts, "--alpha", "0.3"]
    done = sablier(*arguments, "-o", "new.sablier", "--calibrate", "fresh")
    assert done.code == 0
    assert "with 11 confirmed false alarms from batch; 1 judged bad left out." in done.out
    assert "It is calibrated on 25 fresh images from fresh." in done.out
    done = sablier(*arguments)
    assert done.code == 2
    assert "It was not replaced." in done.err
    done = sablier(*arguments, "--force")
    assert done.code == 0
    assert "It is calibrated on no image" in done.out
    assert "No verdict: no image calibrates this model." in done.out
    assert ModelFile.load(Path("part.sablier")).parts["calibration"].config["folds"] == 0
    done = sablier("detect", "part.sablier", "fresh", "-o", "out2", "--no-report")
    assert done.code == 0
    assert "Drift is not tested" in done.out
    shutil.rmtree("fresh")
    done = sablier("update", "part.sablier", "--false-alarms", "batch", "-o", "alone.sablier")
    assert done.code == 0
    assert "with 1 confirmed false alarm from batch; 11 that trained the model already left out" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "got neither"),
        (["nowhere"], "no such file or folder"),
        (["--false-alarms", "verdicts.csv"], "expected the batch that verdicts.csv judges"),
        (["parts", "--false-alarms", "none.csv"], "none.csv: no such file"),
        (["parts", "--alpha", "0.1", "--fdr", "0.1"], "expected --alpha or --fdr, got both"),
        (["parts", "--calibrate", "nowhere"], "no such file or folder"),
    ],
)
@pytest.mark.usefixtures("model")
def test_what_update_does_not_take(sablier, arguments, message):
    before = Path("part.sablier").read_bytes()
    done = sablier("update", "part.sablier", *arguments, "-o", "new.sablier")
    assert done.code == 2
    assert message in done.err
    assert os.listdir() == ["part.sablier"]
    assert Path("part.sablier").read_bytes() == before


def test_help_ends_with_an_example(sablier):
    assert "Example: sablier update part.sablier more_good/ -o part-june.sablier" in sablier("update", "--help").out
