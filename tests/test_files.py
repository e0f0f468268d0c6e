"""A file is written whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from sablier.errors import OutputError
from sablier.files import write_each, write_whole


def refuse(*_args: object, **_options: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_it_writes_and_makes_folders(tmp_path: Path):
    target = tmp_path / "a" / "b" / "file.bin"
    write_whole(target, b"first")
    write_whole(target, b"second, longer")
    assert target.read_bytes() == b"second, longer"
    assert os.listdir(target.parent) == ["file.bin"]


def test_others_may_read_it_as_the_umask_says(tmp_path: Path):
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("call", ["os.fsync", "os.replace", "builtins.open"])
def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str):
    target = tmp_path / "file"
    write_whole(target, b"old")
    monkeypatch.setattr(call, refuse)
    with pytest.raises(OutputError, match=r"file could not be written: No space left on device\. What was there before is whole"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_of_several_the_first_error_is_raised_and_the_others_are_written(tmp_path: Path):
    (tmp_path / "1").mkdir()
    with pytest.raises(OutputError, match="1 could not be written"):
        write_each(lambda number: write_whole(tmp_path / str(number), b"x"), range(3))
    assert (tmp_path / "0").read_bytes() == (tmp_path / "2").read_bytes() == b"x"


def test_no_folder_can_be_made_below_a_file(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(OutputError, match="could not be written"):
        write_whole(tmp_path / "file" / "inner", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_folder_is_not_replaced(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder could not be written"):
        write_whole(tmp_path / "folder", b"new")
    assert os.listdir(tmp_path) == ["folder"]


def test_ctrl_c_while_writing_leaves_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    write_whole(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", b"new")
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"
