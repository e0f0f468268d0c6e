"""sablier watch: what it prints, and how it ends."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from PIL import Image

from sablier.cli import watch
from sablier.errors import SablierError
from sablier.images import read_images

APP = "import typer; from sablier.cli import watch; app = typer.Typer(); app.callback()(lambda: None); watch.add_to(app); app()"


@pytest.fixture
def app():
    made = typer.Typer()
    made.callback()(lambda: None)  # so that the verb is named, as among others
    watch.add_to(made)
    return made


@pytest.fixture
def incoming(tmp_path, monkeypatch):
    """Ninety digits that are no threes, and a torn file."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "incoming"
    folder.mkdir()
    for index, pixels in enumerate(read_images("digits:test[label!=3]").take(range(90))):
        Image.fromarray(pixels[..., 0]).save(folder / f"[b]{index:02}.png")
    (folder / "torn.png").write_bytes(b"\x89PNG")
    return folder


def rows():
    with Path("out/watch.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_one_line_for_each_flagged_image_and_a_summary(app, digits_file, incoming, capsys):
    app(["watch", str(digits_file), "incoming", "-o", "out", "--once", "--every", "0.001"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    flagged = [row for row in rows() if row["verdict"] == "anomaly"]
    assert lines[0] == "Watching incoming. Ctrl-C stops it."
    assert "of good images will be flagged" in lines[1]
    for row in flagged:
        score, p_value = float(row["score"]), float(row["p_value"])
        expected = f"{row['time']} {row['id']}: score {score:.2f}, p {p_value:.2g}, see out/{row['map']}"
        assert lines.count(expected) == 1
    assert sum(", see out/maps/" in line for line in lines) == len(flagged) > 10
    assert sum(": unreadable. expected an image" in line for line in lines) == 1
    drift = [line for line in lines if "Drift: by image" in line]
    assert len(drift) == 1
    judged = f"90 images scored: {len(flagged)} flagged; 1 unreadable. See out/watch.csv (91 images in all)."
    assert lines[-1] == judged

    app(["watch", str(digits_file), "incoming", "-o", "out", "--once", "--every", "0.001"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Watching incoming, continuing after the 91 images in out/watch.csv. Ctrl-C stops it."
    assert lines[-1] == "0 images scored: 0 flagged; 0 unreadable. See out/watch.csv (91 images in all)."
    assert len(lines) == 3


def test_ctrl_c_ends_it_cleanly(digits_file, incoming):
    words = ["watch", str(digits_file), "incoming", "-o", "out", "--every", "0.05"]
    process = subprocess.Popen(
        [sys.executable, "-c", APP, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    end = time.monotonic() + 120
    while not Path("out/watch.csv").exists() or len(rows()) < 91:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert re.fullmatch(
        r"90 images scored: \d+ flagged; 1 unreadable\. See out/watch\.csv \(91 images in all\)\.", out.splitlines()[-1]
    )


def test_signals_are_handled_as_before_when_it_has_ended(app, digits_file, incoming):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        with watch.stop_signals() as stopped:
            assert not stopped()
            signal.raise_signal(number)
            assert stopped()
    with watch.stop_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)  # who presses twice is in a hurry
    with pytest.raises(SablierError):
        app(["watch", str(digits_file), "nowhere", "-o", "out", "--once"], standalone_mode=False)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_help_tells_what_happens_to_a_replaced_file_and_to_ctrl_c(app, capsys):
    app(["watch", "--help"], standalone_mode=False)
    text = " ".join(re.sub(r"[│╭╮╰╯─]", " ", capsys.readouterr().out).split())
    for words in ("is a new image", "Ctrl-C stops it, with exit code 0", "continues where", "Example: sablier watch"):
        assert words in text


def test_flags_at_a_false_discovery_rate_are_printed_once_and_the_window_is_told(app, digits_file, incoming, capsys):
    options = ["--fdr", "0.1", "--window", "200", "--once", "--every", "0.001"]
    app(["watch", str(digits_file), "incoming", "-o", "out", *options], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    flagged = {row["id"] for row in rows() if row["verdict"] == "anomaly"}
    assert lines[1].startswith("In windows of 200 images")
    assert sum(": score " in line for line in lines) == len(flagged) > 10
    assert not any(line.endswith("flagged by what came later in its window") for line in lines)
    assert f"90 images scored: {len(flagged)} flagged; 1 unreadable. Window 1 has 90 of 200 images" in lines[-1]


def test_a_window_without_a_false_discovery_rate_is_refused(app, digits_file, incoming):
    with pytest.raises(typer.BadParameter, match="expected --fdr as well"):
        app(["watch", str(digits_file), "incoming", "--window", "200", "--once"], standalone_mode=False)
