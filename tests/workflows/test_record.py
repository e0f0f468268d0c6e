"""The CSV of a long run: what a kill leaves of it, who may write it, and what it refuses."""

import errno
import os
import re
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from sablier.errors import OutputError
from sablier.files.locking import locked
from sablier.workflows.record import Record

COLUMNS = ("id", "score", "note")
ROWS = [{"id": f'{n}, "é"', "score": n / 3, "note": ""} for n in range(4)]


def written(path, rows=ROWS):
    with closing(Record(path, COLUMNS)) as record:
        assert list(record.read()) == []
        record.append(rows[:2])
        record.append(rows[2:])
    return path.read_bytes()


def read(path):
    with closing(Record(path, COLUMNS)) as record:
        return list(record.read())


def test_what_was_appended_is_read_again_to_the_last_digit(tmp_path):
    written(tmp_path / "a.csv")
    assert [(row["id"], float(row["score"])) for row in read(tmp_path / "a.csv")] == [(row["id"], row["score"]) for row in ROWS]


def test_cut_anywhere_the_whole_rows_remain_and_the_rest_can_be_written_again(tmp_path):
    path = tmp_path / "a.csv"
    whole = written(path)
    ends = [match.end() for match in re.finditer(b"\r\n", whole)]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with closing(Record(path, COLUMNS)) as record:
            kept = len(list(record.read()))
            assert kept == max(0, sum(end <= cut for end in ends) - 1)
            record.append(ROWS[kept:])
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "text", ["precious", "id,score\r\n1,2\r\n", "id,score,other\r\n", "\ufeffid,score,note\r\n", "id,score,notes"]
)
def test_another_table_is_refused_and_left_as_it_is(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8", newline="")
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"not a record of this kind.*expected the columns id, score, note.*Choose another"):
        read(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", [b"1,2\r\n", b'"1,2,3\r\n', b"\r\n", b"\xff,2,3\r\n", b"\0\0\0\r\n"])
def test_a_line_damaged_by_hand_is_named_and_nothing_is_dropped(tmp_path, line):
    path = tmp_path / "a.csv"
    whole = written(path)
    head, rest = whole.split(b"\r\n", 1)
    path.write_bytes(head + b"\r\n" + line + rest)
    with pytest.raises(OutputError, match="expected a row of 3 columns in line 2"):
        read(path)
    assert path.read_bytes() == head + b"\r\n" + line + rest


def test_saved_by_a_tool_with_other_line_ends_it_still_counts(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(written(path).replace(b"\r\n", b"\n"))
    assert len(read(path)) == 4


@pytest.mark.parametrize("change", ["edit", "replace", "remove"])
def test_rows_never_go_into_a_file_that_somebody_changed(tmp_path, change):
    path = tmp_path / "a.csv"
    with closing(Record(path, COLUMNS)) as record:
        list(record.read())
        record.append(ROWS)
        if change == "edit":
            path.write_bytes(path.read_bytes() + b"x,1,\r\n")
        elif change == "replace":
            (tmp_path / "b").write_bytes(path.read_bytes())
            (tmp_path / "b").replace(path)
        else:
            path.unlink()
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(OutputError, match=r"was changed or replaced|cannot be written"):
            record.append(ROWS)
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_full_disk_is_said_so(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with closing(Record(tmp_path / "a.csv", COLUMNS)) as record:
        list(record.read())
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match=r"a\.csv cannot be written: No space left"):
            record.append(ROWS)


def test_a_lock_holds_while_its_owner_lives(tmp_path):
    with locked(tmp_path):
        with pytest.raises(OutputError, match=f"in use by process {os.getpid()} on .*Stop it, or choose another"):
            locked(tmp_path).__enter__()
        with locked(tmp_path / "other"):
            pass
    with locked(tmp_path):
        pass


def test_a_lock_left_by_a_killed_process_does_not_block(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from sablier.files.locking import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with process, process.stdout:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match=f"in use by process {process.pid} "):
            locked(tmp_path).__enter__()
        process.send_signal(signal.SIGKILL)
        process.wait()
    with locked(tmp_path):
        assert f"process {os.getpid()} " in (tmp_path / ".sablier.lock").read_text()


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(OutputError, match=r"out cannot be written: .*Choose another folder with -o"):
        locked(tmp_path / "out").__enter__()
