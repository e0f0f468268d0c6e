"""A file is written whole or not at all."""

import errno
import os
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from sablier.errors import OutputError
from sablier.files import write_each, write_text, write_whole
from sablier.files.whole import sweep


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
    begun = threading.Barrier(3)  # what has not begun when the first error comes is not written
    (tmp_path / "1").mkdir()
    with pytest.raises(OutputError, match="1 could not be written"):
        write_each(lambda number: (begun.wait(60), write_whole(tmp_path / str(number), b"x"))[1], range(3))
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


# what is there already


def test_a_private_file_stays_private(tmp_path: Path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    target.chmod(0o600)
    write_whole(target, b"new")
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o600)


def test_a_link_stays_a_link(tmp_path: Path):
    (tmp_path / "disk").mkdir()
    for name in ("there", "not yet there"):
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    (tmp_path / "disk" / "there").write_bytes(b"old")
    for name in ("there", "not yet there"):
        write_whole(tmp_path / name, b"new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "disk" / name).read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path / "disk")) == ["not yet there", "there"]


def test_a_link_to_itself_is_said_so(tmp_path: Path):
    (tmp_path / "round").symlink_to(tmp_path / "round")
    with pytest.raises(OutputError, match="leads back to itself"):
        write_whole(tmp_path / "round", b"new")


def test_the_folder_is_on_the_disk_after_the_name_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[str] = []
    replace, fsync = os.replace, os.fsync

    def replaced(*paths: Path) -> None:
        calls.append("replace")
        replace(*paths)

    def synced(descriptor: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "replace", replaced)
    monkeypatch.setattr(os, "fsync", synced)
    write_whole(tmp_path / "file", b"x")
    assert calls == ["file", "replace", "folder"]


@pytest.mark.parametrize("depth", [1500, 20_000])
def test_a_place_too_deep_is_an_error_of_ours(tmp_path: Path, depth: int):
    with suppress(OutputError):  # some systems take the shorter one
        write_whole(tmp_path.joinpath(*["d"] * depth, "file"), b"x")
    top = tmp_path / "d"
    if top.exists():
        subprocess.run(["rm", "-rf", top], check=True)  # Python's own way recurses


def test_text_that_is_none_is_written_out(tmp_path: Path):
    write_text(tmp_path / "page.html", "caf\udce9 é")
    assert (tmp_path / "page.html").read_text("utf-8") == "caf\\udce9 é"


# what killed runs leave


def test_what_a_killed_run_left_is_swept_up_and_what_a_living_one_writes_is_not(tmp_path: Path):
    code = (
        "import os, signal, sys; from pathlib import Path; from sablier.files.whole import Part\n"
        "part = Part(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    left = []
    processes = []
    for name in ("dead", "alive"):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        left += [each for each in os.listdir(tmp_path) if name in each]
        processes.append(process)
    processes[0].kill()
    processes[0].wait()
    (tmp_path / ".mine.part").write_text("no hexadecimal digits: not ours")
    sweep(tmp_path, deep=False)
    assert sorted(os.listdir(tmp_path)) == sorted([left[1], ".mine.part"])
    for process in processes:
        process.kill()
        process.communicate()


def test_a_part_that_is_swept_up_before_it_is_locked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from sablier.files import whole
    from sablier.files.system import take_lock

    removed: list[Path] = []

    def late(descriptor: int) -> None:
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        take_lock(descriptor)

    monkeypatch.setattr(whole, "take_lock", late)
    write_whole(tmp_path / "file", b"whole")
    assert len(removed) == 1
    assert (tmp_path / "file").read_bytes() == b"whole"
