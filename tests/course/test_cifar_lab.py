"""The lab of lesson 4, on the digits that ship inside."""

import json
import re
from pathlib import Path

import pytest

from sablier.course.cifar import run
from sablier.errors import ConfigError
from sablier.images import read_images
from sablier.modelfile import ModelFile


@pytest.mark.slow
def test_the_whole_command(sablier):
    done = sablier("course", "cifar", "--data", "digits", "--tier", "tiny", "-n", "20", "--set", "steps=30", "--set", "width=8")
    assert done.code == 0
    words = ("simple", "deeper", "more than 50 %", "apgd", "2 of 255", "SSIM", "the other network agrees")
    assert all(word in done.out for word in words)
    stages = re.findall(r"(\w+ the \w+ net) \.\.\.", done.err)
    attacks = [stage for stage in stages if not stage.startswith("training")]  # so short a training may go untold
    assert attacks == [f"{step} the {net} net" for net in ("simple", "deeper") for step in ("attacking", "fooling")]
    assert done.err.count("reading the images ...") == 2
    folder = Path("course-cifar")
    for net, model in (("simple", "course_cnn"), ("deeper", "whitened_convnet")):
        assert ModelFile.load(folder / f"{net}.sablier").parts["net"].name == model
        attacked = json.loads((folder / f"{net}-attacked" / "attack.json").read_text())
        assert (attacked["images"], attacked["eps"]) == (20, pytest.approx(2 / 255))
        assert max(row["largest_change"] for row in attacked["rows"]) <= 2 / 255 + 1e-9
        mistakes = json.loads((folder / f"{net}-mistakes" / "mistakes.json").read_text())
        assert (mistakes["folds"], mistakes["images"]) == (0, len(read_images("digits:test")))
        assert (folder / f"{net}-mistakes" / "mistakes.html").exists()
        fooled = json.loads((folder / f"{net}-fooled" / "fool.json").read_text())
        assert list(fooled["ways"]) == ["direct", "cppn", "gradient"]
        assert all("judge_class" in row for row in fooled["rows"])
    compared = json.loads((folder / "compare.json").read_text())
    assert [row["file"] for row in compared["models"]] == ["simple.sablier", "deeper.sablier"]
    assert all(row["accuracy"] > 0.5 for row in compared["models"])
    assert (folder / "curves.png").exists()


def test_nothing_to_attack_is_said_before_anything_is_trained(tmp_path):
    with pytest.raises(ConfigError, match="at least 1 image"):
        run(tmp_path / "lab", data="digits", count=0)
    assert not (tmp_path / "lab").exists()
