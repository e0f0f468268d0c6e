"""What an earlier run made goes, what a person made or changed stays."""

import hashlib
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from sablier.errors import OutputWarning
from sablier.files import write_each, write_whole
from sablier.files.manifest import listed


def run(folder: Path, files: dict[str, bytes], verb: str = "detect") -> None:
    with listed(folder, verb):
        for name, data in files.items():
            write_whole(folder / name, data)


def below(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_what_the_last_run_made_goes_and_nothing_else(tmp_path: Path):
    run(tmp_path, {"table.csv": b"1", "maps/a.png": b"a", "masks/deep/a.png": b"m"})
    (tmp_path / "maps" / "mine.png").write_bytes(b"mine")
    run(tmp_path, {"table.csv": b"2", "maps/b.png": b"b"})
    assert below(tmp_path) == {"table.csv": b"2", "maps/b.png": b"b", "maps/mine.png": b"mine"}
    assert not (tmp_path / "masks").exists()


def test_the_list_is_one_that_sha256sum_checks(tmp_path: Path):
    run(tmp_path, {"table.csv": b"1", "maps/a.png": b"a"})
    lines = (tmp_path / ".detect.sha256").read_text().splitlines()
    assert lines[0] == f"{hashlib.sha256(b'1').hexdigest()}  table.csv"
    subprocess.run(["sha256sum", "-c", ".detect.sha256"], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("again", [True, False])
def test_what_a_person_changed_is_kept_and_said(tmp_path: Path, again: bool):
    run(tmp_path, {"flagged.csv": b"asked"})
    (tmp_path / "flagged.csv").write_bytes(b"answered")
    with pytest.warns(OutputWarning, match=r"flagged\.csv is not as sablier wrote it\. It is kept as .*flagged-kept\.csv"):
        run(tmp_path, {"flagged.csv": b"asked anew"} if again else {"other": b""})
    kept = below(tmp_path)
    assert kept.pop("flagged-kept.csv") == b"answered"
    assert kept == ({"flagged.csv": b"asked anew"} if again else {"other": b""})
    run(tmp_path, {"flagged.csv": b"3"})
    (tmp_path / "flagged.csv").write_bytes(b"answered again")
    with pytest.warns(OutputWarning, match=r"flagged-kept-2\.csv"):
        run(tmp_path, {})
    assert below(tmp_path) == {"flagged-kept.csv": b"answered", "flagged-kept-2.csv": b"answered again"}


def test_what_was_there_before_any_run_is_kept(tmp_path: Path):
    (tmp_path / "report.html").write_bytes(b"mine")
    with pytest.warns(OutputWarning, match=r"report-kept\.html"):
        run(tmp_path, {"report.html": b"theirs"})
    assert below(tmp_path) == {"report.html": b"theirs", "report-kept.html": b"mine"}


def test_verbs_do_not_remove_what_others_made(tmp_path: Path):
    run(tmp_path, {"sheet.png": b"1", "a.csv": b"a"}, "denoise")
    run(tmp_path, {"sheet.png": b"2"}, "cluster")
    run(tmp_path, {}, "cluster")
    assert below(tmp_path) == {"a.csv": b"a"}


def test_a_run_that_fails_or_is_killed_removes_nothing_and_is_tidied_up_by_the_next(tmp_path: Path):
    run(tmp_path, {"a.png": b"a"})
    with suppress(KeyboardInterrupt), listed(tmp_path, "detect"):
        write_whole(tmp_path / "b.png", b"b")
        raise KeyboardInterrupt
    assert below(tmp_path) == {"a.png": b"a", "b.png": b"b"}
    with (tmp_path / ".detect.sha256").open("a") as file:
        file.write("0123 half a li")  # a kill in the midst of a line
    run(tmp_path, {"c.png": b"c"})
    assert below(tmp_path) == {"c.png": b"c"}


def test_a_list_that_names_files_elsewhere_removes_none(tmp_path: Path):
    out, mine = tmp_path / "out", tmp_path / "mine"
    out.mkdir()
    mine.write_bytes(b"mine")
    os.symlink(tmp_path, out / "link")
    digest = hashlib.sha256(b"mine").hexdigest()
    (out / ".detect.sha256").write_text("".join(f"{digest}  {name}\n" for name in ("../mine", str(mine), "link/mine")))
    run(out, {})
    assert mine.read_bytes() == b"mine"


def test_files_written_by_many_threads_are_all_listed(tmp_path: Path):
    with listed(tmp_path, "sample"):
        write_each(lambda number: write_whole(tmp_path / f"{number}.png", b"%d" % number), range(200))
    assert len((tmp_path / ".sample.sha256").read_text().splitlines()) == 200
