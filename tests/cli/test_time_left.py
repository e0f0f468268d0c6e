"""What is printed while a verb trains."""

from itertools import count

import pytest

from sablier.cli.progress import aside
from sablier.cli.time_left import TimeLeft, about, training_progress
from sablier.training.progress import Progress, Whole


def whole(share: float, left: float, work: str = "48 photos of 256 x 256, 5 folds") -> Progress:
    return Progress(1, 2, None, Whole(work, share, left))


def told(capsys, *progress, note="tier base", pace=10.0):
    """Return the lines on standard error, by a clock that goes on by `pace` each time somebody looks."""
    seconds = count(0.0, pace)
    with training_progress(note, lambda: next(seconds)) as on_progress:
        for stage, each in progress:
            on_progress(stage, each)
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "about 1 s"), (59.4, "about 59 s"), (60, "about 1 min"), (119, "about 2 min"), (596, "about 10 min"),
     (3000, "about 50 min"), (3599, "about 1 h 0 min"), (7300, "about 2 h 2 min")],
)  # fmt: skip
def test_times_are_said_as_exactly_as_they_are_known(seconds, words):
    assert about(seconds) == words


def test_a_few_plain_lines_where_there_is_no_terminal(capsys):
    steps = [("training", whole(share / 100, 25 - share / 4)) for share in range(101)]
    lines = told(capsys, *steps)
    assert lines[0] == "about 25 s for 48 photos of 256 x 256, 5 folds; tier base"
    assert lines[1] == "10%, about 22 s left: training"
    assert len(lines) == 10
    assert not any("loss" in line for line in lines)


def test_lines_follow_each_other_slowly(capsys):
    assert len(told(capsys, *[("training", whole(share / 100, 1.0)) for share in range(101)], pace=0.0)) == 1


def test_other_work_is_announced_too(capsys):
    lines = told(capsys, ("a", whole(0, 10)), ("a", whole(1, 0)), ("b", whole(0, 20, "a curve")), note="")
    assert [line for line in lines if " for " in line] == [
        "about 10 s for 48 photos of 256 x 256, 5 folds", "about 20 s for a curve",
    ]  # fmt: skip


def test_without_a_forecast_a_stage_tells_its_own_time(capsys):
    rows = {"epoch": 1, "loss": 0.123}
    lines = told(capsys, *[("seed 1 of 2", Progress(done, 4, rows)) for done in range(5)])
    assert lines[0] == "seed 1 of 2 ..."
    assert lines[-1].startswith("100%, about 1 s left: seed 1 of 2")
    assert "0.123" not in "".join(lines)


def test_of_a_stage_alone_its_speed_tells():
    seconds = iter([0.0, 10.0])
    left = TimeLeft(clock=lambda: next(seconds))
    assert left.shown("seed 1", Progress(0, 4)).left is None
    assert left.shown("seed 1", Progress(1, 4)).left == 30


def test_a_terminal_gets_a_bar_and_the_announcement_stays(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(aside, "width", 120)
    lines = "\n".join(told(capsys, ("training", whole(0, 10)), ("training", whole(0.5, 5))))
    assert "about 10 s for 48 photos of 256 x 256, 5 folds; tier base" in lines


def test_the_losses_of_an_epoch_are_told_where_they_are_asked_for():
    row = {"epoch": 2, "loss": 0.25, "validation_loss": 0.3}
    told, untold = (TimeLeft(losses=asked).shown("seed 1", Progress(2, 4, row)) for asked in (True, False))
    assert told.aside == "epoch 2: loss 0.25, held-out images 0.3"
    assert untold.aside == ""
