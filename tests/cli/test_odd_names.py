"""Real commands on names as old disks hold them: they run through, nothing is lost, and no name acts on the terminal."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from sablier.files.cells import plain_row
from sablier.files.names import as_name
from sablier.modelfile import ModelFile

TINY = ["--tier", "tiny", "--threads", "1"]
CAFE = os.fsdecode("caf\xe9".encode("latin-1"))
ESCAPES = "clear\x1b[2J\x07"


@pytest.fixture
def place(tmp_path: Path, digit_threes) -> Path:
    """A folder with a Latin-1 name; in it a folder with another, and images named by everything."""
    folder = tmp_path / CAFE / os.fsdecode(b"na\xefve")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        pytest.skip(f"this file system takes no such name: {error}")
    for index, image in enumerate(digit_threes.take(range(120))):
        name = {0: f"{CAFE}.png", 1: f"{ESCAPES}.png", 2: "=1+1.png", 3: "-x.png", 4: "@a.png", 5: "a\nb.png"}.get(
            index, f"{index}.png"
        )
        Image.fromarray(image[..., 0]).save(folder / name)
    (folder / f"torn {CAFE}{ESCAPES}.png").write_bytes(b"no image")
    return tmp_path


@pytest.fixture
def run(sablier):
    """Run a command; return how it ended and what it said, on which no terminal acts."""

    def call(*arguments: object) -> tuple[int, str]:
        done = sablier(*arguments)
        said = f"{done.out} {done.err}"
        assert said.isprintable()
        return done.code, said

    return call


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_from_training_to_a_watch(run, place):
    model, folder, out = f"{CAFE}.sablier", place / CAFE, place / f"out {CAFE}"
    assert run("train", CAFE, "-o", model, *TINY)[0] == 0
    provenance = ModelFile.load(place / model).provenance
    assert (provenance.source, provenance.images, len(provenance.skipped)) == ("caf\\udce9", 120, 1)
    code, said = run("calibrate", model, CAFE)
    assert (code, "120 more that trained the model" in said) == (2, True)
    assert run("train", "digits[label=5]", "-o", "other.sablier", *TINY)[0] == 0
    assert run("calibrate", "other.sablier", CAFE, "-o", model.replace(".", "-2."))[0] == 0

    code, said = run("detect", model, CAFE, "-o", out, "--audit", "5")
    assert (code, "skipped na\\udcefve/torn caf\\udce9clear\\x1b[2J\\x07.png" in said) == (0, True)
    rows = [plain_row(row) for row in table(out / "detections.csv")]
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png") if not path.name.startswith("torn")}
    assert {as_name(row["id"]) for row in rows} == names
    assert {as_name(row["id"]) for row in json.loads((out / "detections.json").read_text())["detections"]} == names
    assert {row["label"] for row in rows} == {"na\\udcefve"}
    for what in ("map", "mask"):  # each picture has one owner
        assert sorted(row[what] for row in rows if row[what]) == sorted(
            f"{what}s/{name}" for name in os.listdir(out / f"{what}s")
        )
    assert (out / "report.html").read_text("utf-8")
    assert all((place / as_name(row["path"])).is_file() for row in table(out / "audit.csv"))

    assert run("evaluate", model, "--good", CAFE, "--bad", "digits[label=5]", "-o", f"{CAFE}.html")[0] == 0
    assert (place / f"{CAFE}.html").read_text("utf-8")
    assert run("info", model)[0] == 0

    watch = ("watch", model, CAFE, "-o", "watched", "--once", "--every", "0.01")
    assert run(*watch)[0] == 0
    watched = table(place / "watched" / "watch.csv")
    assert {as_name(row["id"]) for row in map(plain_row, watched) if row["verdict"] != "unreadable"} == names
    assert "0 images scored" in run(*watch)[1]
    assert table(place / "watched" / "watch.csv") == watched


def test_no_formula_is_in_any_table(run, place):
    run("train", CAFE, "-o", "m.sablier", *TINY)
    folder = place / CAFE / os.fsdecode(b"na\xefve")
    run("detect", "m.sablier", folder, "-o", "out", "--audit", "120", "--no-report")
    for name in ("detections.csv", "audit.csv"):
        ids = [row["id"] for row in table(place / "out" / name)]
        assert not [id for id in ids if id[0] in "=+-@"]
        assert {"'=1+1.png", "'-x.png", "'@a.png"} <= set(ids)


def test_what_cannot_be_found_is_said_in_text(run, place):
    wrong = (["train", f"no {ESCAPES}", "-o", "x"], ["detect", f"{CAFE}{ESCAPES}.sablier", CAFE], ["info", ESCAPES], [ESCAPES])
    for arguments in wrong:
        assert run(*arguments)[0] == 2
    shutil.rmtree(place / CAFE)
    (place / CAFE).mkdir()
    assert run("train", CAFE, "-o", "x.sablier", *TINY)[0] == 2
