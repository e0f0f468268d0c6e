"""Shards of images behind a URL: a file that cannot be read is a row, and the result is that of a folder on this machine."""

import csv
import io

import fsspec
import pytest
from PIL import Image
from shaky_files import Shaky

from sablier.errors import OutputError
from sablier.images import read_images
from sablier.images.formats import remote
from sablier.workflows.detect import detect
from sablier.workflows.detect_shard import detect_shard
from sablier.workflows.merge import merge_shards


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Twenty digits in a remote folder, and the same in a folder on this machine."""
    (tmp_path / "new").mkdir()
    for index, image in enumerate(read_images("digits:test[label=3,4]").array[:20]):
        data = io.BytesIO()
        Image.fromarray(image[..., 0]).save(data, "PNG")
        (tmp_path / "new" / f"{index:02}.png").write_bytes(data.getvalue())
    fsspec.register_implementation("shaky", Shaky, clobber=True)
    monkeypatch.setattr(Shaky, "files", {f"box/new/{path.name}": path.read_bytes() for path in (tmp_path / "new").iterdir()})
    monkeypatch.setattr(Shaky, "failures", {"box/new/07.png": 2})
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(remote, "TIMEOUT_SECONDS", 0.5)
    return tmp_path / "new"


def table(path):
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def test_remote_images_give_what_a_folder_gives(small_detector, files, tmp_path):
    detect(small_detector, files, tmp_path / "local")
    detect_shard(small_detector, "shaky://box/new", tmp_path / "out", (1, 1))
    merge_shards([tmp_path / "out"], tmp_path / "all")
    for name in ("detections.csv", "regions.csv"):
        assert table(tmp_path / "all" / name) == table(tmp_path / "local" / name)
    ours, theirs = ({path.name: path.read_bytes() for path in (tmp_path / out / "photos").iterdir()} for out in ("all", "local"))
    assert ours == theirs


def test_a_file_that_takes_too_long_is_a_row(small_detector, files, tmp_path):
    Shaky.files["box/new/20-slow.png"] = b""
    shard = detect_shard(small_detector, "shaky://box/new", tmp_path / "out", (1, 1))
    assert (shard.scored, shard.unreadable) == (20, 1)
    (row,) = [row for row in table(tmp_path / "out" / "scores.csv") if row["error"]]
    assert row["id"] == "20-slow.png"
    assert "4 attempts (FSTimeoutError)" in row["error"]


def test_results_are_not_written_to_a_url(small_detector, files):
    with pytest.raises(OutputError, match=r"expected a place on this machine to write to, got a URL: s3:/bucket/out"):
        detect(small_detector, files, "s3://bucket/out")
