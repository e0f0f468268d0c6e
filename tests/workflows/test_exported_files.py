"""`open_exported`: an exported detector in sablier, by sablier-runtime where it is installed."""

import importlib.util

import numpy as np
import pytest
from brightness import Brightness, batch

from sablier.errors import ConfigError, ImagesError, ModelFileError, PackageError
from sablier.workflows.exported_files import open_exported
from sablier.workflows.feedback import judged

pytest.importorskip("sablier_runtime", reason="sablier-runtime is not installed")


def test_it_judges_as_any_detector(tmp_path):
    detector = open_exported(Brightness().write(tmp_path / "part.onnx"), threads=1)
    images = batch()
    assert detector.detect(images).to_table() == Brightness().detect(images).to_table()
    assert detector.task == "detect"
    assert detector.member_kinds == ("patches", "features")
    good, _, _ = judged(detector, images, (_answers(tmp_path, images),), 0.05, None)
    assert np.flatnonzero(good).tolist() == [20, 21, 22, 23, 24]


def _answers(folder, images):
    path = folder / "verdicts.csv"
    path.write_text("id,verdict\n" + "".join(f"{name},good\n" for name in images.ids[20:]))
    return path


def test_its_errors_are_those_of_sablier(tmp_path):
    path = Brightness().write(tmp_path / "part.onnx")
    with pytest.raises(ImagesError, match="expected images of 8 x 8"):
        open_exported(path).detect(batch().take([0]).__class__(np.zeros((1, 9, 9), np.uint8)))
    with pytest.raises(ConfigError, match="expected at least 1 thread"):
        open_exported(path, threads=0)
    graph = Brightness().graph()
    graph.graph.node[0].op_type = "Unheard"
    path.write_bytes(Brightness().data(graph))
    with pytest.raises(ModelFileError, match=r"cannot run .*part\.onnx"):
        open_exported(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="only a part of one"):
        open_exported(path)


def test_without_the_runtime_it_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("sablier.workflows.exported_files.find_spec", lambda name: None)
    with pytest.raises(PackageError, match=r"the package that runs exported .* type: pip install \./runtime"):
        open_exported(tmp_path / "part.onnx")
