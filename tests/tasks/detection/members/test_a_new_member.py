"""A new kind of member is one class: it trains, is kept, is loaded, judges, and reports name it, and nothing else lists it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from sablier.errors import ConfigError
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile, Part
from sablier.part_kinds import KINDS, PartKind, TensorKind
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.members import MEMBERS, Fitting, Member, MemberOutput, member
from sablier.typing import Array
from sablier.workflows.detect import detect
from sablier.workflows.training.train import train


@pytest.fixture
def brightness() -> Iterator[type[Member]]:
    @member
    @dataclass(frozen=True)
    class Brightness(Member):
        """How far an image is from the mean image."""

        kind: ClassVar[str] = "brightness"
        sees: ClassVar[str] = "The image is compared with the mean of all good ones."
        map_shows: ClassVar[str] = "The squared difference from the mean image"
        draws: ClassVar[bool] = True
        part_kinds: ClassVar[Mapping[str, PartKind]] = {
            "mean-image": PartKind({"mean": TensorKind(("height", "width", "channels"), ("float64",), 0.0, 1.0)})
        }

        mean: Array

        @classmethod
        def fit(cls, fitting: Fitting) -> "Brightness":
            return cls(fitting.preprocess.to_unit(fitting.training.array).mean(axis=0, dtype=np.float64))

        def score(self, x: Tensor, pictures: bool = True) -> MemberOutput:
            mean = torch.from_numpy(self.mean).permute(2, 0, 1)
            squared = (x - mean) ** 2
            statistics = (squared.mean(dim=(1, 2, 3)) + 1e-6).log()[:, None]
            if not pictures:
                return MemberOutput(statistics)
            return MemberOutput(statistics, squared.mean(dim=1).float(), mean.float().permute(1, 2, 0).expand(len(x), -1, -1, -1))

        def parts(self) -> Mapping[str, Part]:
            return {"mean": Part("mean-image", {}, {"mean": self.mean})}

        @classmethod
        def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> "Brightness":
            return cls(parts["mean"].tensors["mean"])

    yield Brightness
    del MEMBERS._entries["brightness"], KINDS["mean-image"]


def test_it_trains_is_kept_judges_and_is_reported(brightness: type[Member], tmp_path: Path) -> None:
    good = np.random.default_rng(0).integers(90, 110, (80, 12, 12, 1)).astype(np.uint8)
    bad = good[:4].copy()
    bad[:, 3:7, 3:7] = 250
    path = tmp_path / "b.sablier"
    train(ImageSet(good), path, make_recipe(tier="tiny", settings=["members=brightness", "folds=2"]))
    scorer = Detector.from_file(ModelFile.load(path)).scorers[0]
    assert [found.kind for found in scorer.members] == ["brightness"]
    detect(path, ImageSet(np.concatenate([good[4:12], bad])), tmp_path / "out")
    rows = (tmp_path / "out" / "detections.csv").read_text().splitlines()
    assert [line.split(",")[3] for line in rows[-4:]] == ["anomaly"] * 4
    page = (tmp_path / "out" / "report.html").read_text()
    assert MEMBERS["brightness"].sees in page
    assert MEMBERS["brightness"].map_shows in page


def test_a_name_is_taken_once(brightness: type[Member]) -> None:
    with pytest.raises(ConfigError, match="'brightness' is registered already"):
        member(type("Other", (brightness,), {}))
