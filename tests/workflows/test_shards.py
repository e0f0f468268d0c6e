"""detect_shard and merge_shards: shards of a source, resumed and merged, give what one run gives."""

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError
from sablier.images import read_images
from sablier.workflows import detect as whole_workflow
from sablier.workflows import detect_shard as shard_workflow
from sablier.workflows.detect import detect
from sablier.workflows.detect_shard import detect_shard
from sablier.workflows.merge import merge_shards

EVERY_DIGIT = "digits:all"  # 1,797 images: the last shards have more images before them than are remembered


@contextmanager
def chunks_of(images):
    """Let chunks have so many images, and parts two chunks, so that small sources have many."""
    with pytest.MonkeyPatch.context() as patch:
        for workflow in (whole_workflow, shard_workflow):
            patch.setattr(workflow, "chunk_for", lambda preprocess: images)
        patch.setattr(shard_workflow, "PART_IMAGES", 2 * images)
        yield


@pytest.fixture(autouse=True)
def small_chunks():
    with chunks_of(20):
        yield


@pytest.fixture(scope="module")
def digit_shards(small_detector, tmp_path_factory):
    """The folders of 1, 3 and 16 shards of all digits."""
    with chunks_of(150), warnings.catch_warnings(action="ignore"):
        return {count: scored(small_detector, EVERY_DIGIT, tmp_path_factory.mktemp("shards"), count) for count in (1, 3, 16)}


@pytest.fixture
def folder(tmp_path):
    """Sixty digits as files, threes first, some of them repeated; two files are torn, and a whole chunk."""
    place = tmp_path / "new"
    place.mkdir()
    images = read_images("digits:test")
    chosen = [*images.where(label=3).array[:30], *images.where(label=3).array[:5], *images.array[:25]]
    for index, image in enumerate(chosen):
        Image.fromarray(image[..., 0]).save(place / f"{index:02}.png")
    whole = (place / "00.png").read_bytes()
    for name in ("05-torn.png", "41-torn.png", *(f"19-torn-{index:02}.png" for index in range(25))):
        (place / name).write_bytes(whole[: len(whole) // 2])
    (place / "07-none.png").write_bytes(b"")
    return place


def scored(model, source, place, count, **reading):
    """Score all shards; return their folders."""
    folders = [place / f"out-{number}" for number in range(1, count + 1)]
    for number, out in enumerate(folders, 1):
        detect_shard(model, source, out, (number, count), **reading)
    return folders


def contents(folder):
    """Return the bytes of each file of a result, without what is said of the bound, which shards do not have."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    if document := files.pop("detections.json", None):
        files["detections.json"] = re.sub(rb'"bound": \{.*?\n \},', b"", document, flags=re.DOTALL)
    if page := files.pop("report.html", None):
        files["report.html"] = re.sub(rb"No bound on the good images[^<]*", b"", page)
    return files


@pytest.mark.filterwarnings("ignore:these images do not resemble")
@pytest.mark.parametrize("rates", [{"fdr": 0.2}, {"alpha": 0.1, "reject_alpha": 0.05}])
def test_merged_shards_are_one_run(small_detector, digit_shards, tmp_path, rates):
    with chunks_of(150):
        expected = detect(small_detector, EVERY_DIGIT, tmp_path / "whole", report=False, **rates)
    assert expected.drift.alarmed
    assert 0 < expected.flagged < 1797
    for count, folders in digit_shards.items():
        merged = merge_shards(folders[::-1], tmp_path / f"all-{count}", report=False, **rates)
        assert contents(tmp_path / f"all-{count}") == contents(tmp_path / "whole")
        assert (merged.count, merged.flagged, merged.rejected) == (1797, expected.flagged, expected.rejected)
        assert (merged.alpha, merged.promise, merged.threshold) == (expected.alpha, expected.promise, expected.threshold)
        assert (merged.drift.evidence, merged.drift_words()) == (expected.drift.evidence, expected.drift_words())
        assert merged.repeats == expected.repeats > 0
        assert merged.bound.words().startswith("No bound on the good images among the flagged ones: none is stated for shards")


@pytest.mark.parametrize("rates", [{"fdr": 0.3}, {"alpha": 0.05}])
def test_report_and_pictures_are_those_of_one_run(digits_file, folder, tmp_path, rates):
    expected = detect(digits_file, folder, tmp_path / "whole", audit=5, **rates)
    assert 0 < expected.flagged < expected.count
    merged = merge_shards(scored(digits_file, folder, tmp_path, 3), tmp_path / "all", audit=5, **rates)
    ours, theirs = contents(tmp_path / "all"), contents(tmp_path / "whole")
    assert sorted(ours) == sorted(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert any(name.startswith("maps/") for name in ours)
    assert (merged.count, merged.skipped_count, merged.repeats) == (expected.count, 28, expected.repeats)
    assert expected.repeats >= 5


class Killed(BaseException):
    """What ends a run at any place."""


@pytest.mark.parametrize("after", [1, 40])
def test_a_killed_shard_goes_on_and_ends_as_if_nothing_had_been(small_detector, folder, tmp_path, after):
    def kill(count):
        if count >= after:
            raise Killed

    with pytest.raises(Killed):
        detect_shard(small_detector, folder, tmp_path / "out", (1, 1), on_progress=kill)
    assert json.loads((tmp_path / "out" / "shard.json").read_text())["finished"] is False
    begun = (tmp_path / "out" / "parts").exists()
    assert begun == (after > 1)
    counts: list[int] = []
    again = detect_shard(small_detector, folder, tmp_path / "out", (1, 1), on_progress=counts.append)
    assert counts[-1] < again.scored if begun else counts[-1] == again.scored
    detect_shard(small_detector, folder, tmp_path / "once", (1, 1))
    assert contents(tmp_path / "out") == contents(tmp_path / "once")


@pytest.mark.slow
def test_a_shard_whose_process_is_killed_goes_on(small_detector, tmp_path):
    np.save(tmp_path / "many.npy", np.random.default_rng(0).integers(0, 255, (30_000, 8, 8), np.uint8))
    words = [sys.executable, "-m", "sablier", "detect", str(small_detector), str(tmp_path / "many.npy"), "--shard", "1/1", "-o"]
    out = tmp_path / "out"
    with subprocess.Popen([*words, str(out)], stderr=subprocess.PIPE) as process:
        while process.poll() is None and not list(out.glob("parts/*.csv")):
            time.sleep(0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (out / "scores.csv").exists()
    for place in (out, tmp_path / "once"):
        subprocess.run([*words, str(place)], check=True, capture_output=True)
    assert contents(out) == contents(tmp_path / "once")
    assert len(table(out)) == 30_000


def test_images_before_a_resumed_part_are_recognised(small_detector, tmp_path):
    """A burst over the border of two parts, and of two shards: the first image lies in the part before."""
    Image.fromarray(np.full((8, 8), 90, np.uint8)).save(tmp_path / "a.png")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (80, 8, 8), np.uint8)
    pixels[38:42] = pixels[38]
    np.save(tmp_path / "images.npy", pixels)
    with warnings.catch_warnings(action="ignore"):
        first, second = scored(small_detector, tmp_path / "images.npy", tmp_path, 2)
    rows = [row for out in (first, second) for row in table(out)]
    assert [row["id"] for row in rows if row["repeats"] == "38"] == ["39", "40", "41"]
    assert [row["id"] for row in table(second)][:2] == ["40", "41"]


def test_a_finished_shard_is_not_scored_again(small_detector, folder, tmp_path, monkeypatch):
    first = detect_shard(small_detector, folder, tmp_path / "out", (2, 3))
    monkeypatch.setattr(shard_workflow, "_score", None)
    assert detect_shard(small_detector, folder, tmp_path / "out", (2, 3)) == first


def test_an_unreadable_file_is_a_row_with_its_error(small_detector, folder, tmp_path):
    shard = detect_shard(small_detector, folder, tmp_path / "out", (1, 2))
    rows = {row["id"]: row for row in table(tmp_path / "out")}
    assert (shard.scored, shard.unreadable) == (
        sum(not row["error"] for row in rows.values()), sum(bool(row["error"]) for row in rows.values()),
    )  # fmt: skip
    assert "truncated" in rows["05-torn.png"]["error"]
    assert rows["05-torn.png"]["score"] == rows["05-torn.png"]["p_value"] == ""
    assert "no JPEG, PNG" in rows["07-none.png"]["error"]
    assert float(rows["06.png"]["p_value"]) > 0
    with pytest.raises(ImagesError, match=r"05-torn\.png.*strict|strict"):
        detect_shard(small_detector, folder, tmp_path / "strict", (1, 2), strict=True)


@pytest.mark.filterwarnings("ignore:these images do not resemble")
def test_there_may_be_more_shards_than_chunks(small_detector, tmp_path):
    with chunks_of(100):
        folders = scored(small_detector, "digits:test[label=3,4]", tmp_path, 6)
    assert [len(table(out)) for out in folders].count(0) == 2
    assert merge_shards(folders, tmp_path / "all", report=False).count == len(read_images("digits:test[label=3,4]"))


@pytest.fixture
def three(small_detector, folder, tmp_path):
    return scored(small_detector, folder, tmp_path, 3)


def test_what_is_no_whole_run_is_not_merged(three, digits_file, small_detector, folder, tmp_path):
    def refused(folders, words):
        with pytest.raises(OutputError, match=words):
            merge_shards(folders, tmp_path / "all", report=False)
        assert not (tmp_path / "all").exists()

    refused(three[:2], r"expected all 3 shards, got 2: shard 3 of 3 is missing")
    refused(three[:1], r"shards 2, 3 of 3 are missing")
    refused([*three, three[1]], r"expected each shard once, got 2/3 in .*out-2 and .*out-2")
    refused([*three, tmp_path / "gone"], r"gone: there is no such folder")
    refused([*three, folder], r"new: there is no shard\.json in it")
    detect_shard(digits_file, folder, tmp_path / "other", (3, 3))
    refused([*three[:2], tmp_path / "other"], r"other with another model")
    detect_shard(small_detector, folder, tmp_path / "of-four", (3, 4))
    refused([*three[:2], tmp_path / "of-four"], r"of-four with another number of shards \(4, not 3\)")
    (folder / "00.png").unlink()
    detect_shard(small_detector, folder, tmp_path / "later", (3, 3))
    refused([*three[:2], tmp_path / "later"], r"later with another number of images in the source \(85, not 86\)")
    (three[2] / "scores.csv").write_bytes((three[2] / "scores.csv").read_bytes()[:-30])
    refused(three, r"scores\.csv was altered or removed since shard 3/3 was scored")
    (three[2] / "scores.csv").unlink()
    refused(three, r"altered or removed since .*Run its command again")
    (three[2] / "shard.json").write_text("{}")
    refused(three, r"shard\.json: expected what `sablier detect --shard` writes")
    with pytest.raises(OutputError, match=r"out-1 holds shard 1/1\. Choose a folder of its own"):
        merge_shards(scored(small_detector, folder, tmp_path / "new-run", 1), tmp_path / "new-run" / "out-1", report=False)


def test_a_folder_of_another_shard_is_not_written(three, digits_file, small_detector, folder, tmp_path):
    with pytest.raises(OutputError, match=r"out-1 holds shard 1/3, not 2/3\. Choose another folder with -o"):
        detect_shard(small_detector, folder, three[0], (2, 3))
    with pytest.raises(OutputError, match=r"out-1 holds a shard of another model"):
        detect_shard(digits_file, folder, three[0], (1, 3))
    with pytest.raises(ConfigError, match=r"from 1/3 to 3/3, got 4/3"):
        detect_shard(small_detector, folder, tmp_path / "out", (4, 3))
    with pytest.raises(ConfigError, match=r"expected a path or a named set"):
        detect_shard(small_detector, np.zeros((4, 8, 8)), tmp_path / "out", (1, 3))  # type: ignore[arg-type]


def test_model_and_images_may_have_moved(three, small_detector, digits_file, folder, tmp_path):
    merge_shards(three, tmp_path / "before")
    folder.rename(tmp_path / "moved")
    with pytest.raises(ImagesError, match=r"no such file or folder.*Name where they are now by --source"):
        merge_shards(three, tmp_path / "all")
    with pytest.raises(ModelFileError, match=r"expected the model that scored the shards, got another one"):
        merge_shards(three, tmp_path / "all", model=digits_file)
    with pytest.raises(ModelFileError, match=r"no such file\. Name the model that scored the shards by --model"):
        merge_shards(three, tmp_path / "all", model=tmp_path / "gone.sablier")
    copy = shutil.copy(small_detector, tmp_path / "copy.sablier")
    (tmp_path / "moved" / "50.png").write_bytes(b"")  # it has no picture, and its row is there
    merge_shards(three, tmp_path / "all", model=copy, source=tmp_path / "moved", alpha=0.2)
    (row,) = [row for row in table(tmp_path / "all", "detections.csv") if row["id"] == "50.png"]
    assert (row["verdict"], row["map"]) == ("anomaly", "")


def test_a_source_that_has_changed_is_noticed(three, folder, tmp_path):
    for index in range(25):
        shutil.copy(folder / "00.png", folder / f"00-more-{index:02}.png")
    with pytest.raises(ImagesError, match=r"expected the images that the shards scored, got .* in another place"):
        merge_shards(three, tmp_path / "all")


def table(folder, name="scores.csv"):
    return list(csv.DictReader((folder / name).read_text("utf-8").splitlines()))
