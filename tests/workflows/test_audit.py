"""audit: the sample is random and whole, the estimate covers the truth, and a table filled in badly is said so."""

import csv
from pathlib import Path

import numpy as np
import pytest

from sablier.errors import ConfigError, ImagesError
from sablier.workflows.audit import audit, checked_count, draw, estimate, read_verdicts, write_questions


def write(path: Path, header: list[str], rows: list[list[object]], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


def table(folder: Path, normal: int = 100, flagged: int = 10) -> Path:
    """Write the table of a run: flagged images f0, f1 ..., others n0, n1 ..."""
    rows = [[f"f{i}", 5 + i / 7, 0.01, "anomaly"] for i in range(flagged)]
    rows += [[f"n{i}", i / 7, 0.5, "normal"] for i in range(normal)]
    return write(folder / "detections.csv", ["id", "score", "p_value", "verdict"], rows)


def answer(path: Path, bad: int) -> None:
    """Fill in a table of questions: the first `bad` images are bad."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    write(path, list(rows[0]), [[*list(row.values())[:-1], "bad" if i < bad else "good"] for i, row in enumerate(rows)])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    table(tmp_path)
    write_questions(tmp_path, 20, "memory")
    return tmp_path


def test_the_whole_audit(run):
    answer(run / "audit.csv", 2)
    answer(run / "flagged.csv", 7)
    found = audit(run, run / "flagged.csv")
    assert (found.unflagged, found.audited, found.bad, found.flagged, found.found) == (100, 20, 2, 10, 7)
    assert found.missed == 10
    assert found.miss_rate[0] == 0.1
    assert found.missed_share[0] == pytest.approx(10 / 17)
    text = found.words()
    assert "2 of 20 images drawn from the 100 unflagged ones are bad" in text
    assert "about 10 images, 10% of the unflagged" in text
    assert "7 of 10 flagged images are bad; 3 are false alarms" in text
    assert "58.8% of all bad images are missed" in text
    assert audit(run).missed_share is None
    assert audit(run).to_json()["missed_interval"] == found.missed_interval


@pytest.mark.parametrize("bad", [0, 3, 40])
def test_the_interval_covers_the_truth(bad):
    random = np.random.default_rng(0)
    truth = np.arange(400) < bad
    covered = 0
    for _ in range(200):
        found = estimate(400, 60, int(random.choice(truth, 60, replace=False).sum()))
        covered += found.missed_interval[0] <= bad <= found.missed_interval[1]
    assert covered >= 0.95 * 200 - 4


def test_where_all_were_looked_at_nothing_is_guessed():
    found = estimate(30, 30, 4, flagged=3, found=0)
    assert found.missed_interval == (4, 4)
    assert found.missed_share == (1, 1, 1)
    assert estimate(30, 30, 0, flagged=3, found=0).missed_share is None
    assert estimate(30, 10, 0, flagged=3, found=3).missed_share[0] == 0


def test_the_sample_is_random_whole_and_the_same_each_time(tmp_path):
    drawn = [row["id"] for row in draw(table(tmp_path), 20)]
    assert len(set(drawn)) == 20
    assert all(name.startswith("n") for name in drawn)
    assert drawn == [row["id"] for row in draw(tmp_path / "detections.csv", 20)]
    positions = [int(row["id"][1:]) for row in draw(table(tmp_path, normal=4000), 400)]
    assert np.mean(positions) == pytest.approx(2000, abs=4 * 1155 / 20)
    assert len(draw(tmp_path / "detections.csv", 9999)) == 4000


def test_each_image_is_drawn_as_often_as_another(tmp_path):
    rows = [[f"n{i}", 0.0, 0.5, "normal"] for i in range(10)]
    times = dict.fromkeys((f"n{i}" for i in range(10)), 0)
    for score in range(300):
        for row in rows:
            row[1] = score
        for drawn in draw(write(tmp_path / "t.csv", ["id", "score", "p_value", "verdict"], rows), 3):
            times[drawn["id"]] += 1
    assert all(60 < count < 120 for count in times.values())  # 90 expected, standard deviation 8


def test_questions_say_where_an_image_lies(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "n0").write_bytes(b"")
    table(tmp_path, normal=1, flagged=1)
    write_questions(tmp_path, 5, tmp_path / "images")
    lines = (tmp_path / "audit.csv").read_text().splitlines()
    assert lines == ["id,path,score,p_value,verdict", f"n0,{tmp_path / 'images' / 'n0'},0.0,0.5,"]
    assert (tmp_path / "flagged.csv").read_text().splitlines()[1] == "f0,,5.0,0.01,"


def test_tables_of_a_spreadsheet_are_read(run):
    answer(run / "audit.csv", 1)
    rows = [line.split(",") for line in (run / "audit.csv").read_text().splitlines()]
    write(run / "audit.csv", rows[0], [[*row[:-1], row[-1].upper() + " "] for row in rows[1:]], delimiter=";")
    (run / "audit.csv").write_text("\ufeff" + (run / "audit.csv").read_text())
    assert audit(run).bad == 1
    assert read_verdicts(write(run / "x.csv", ["id", "verdict"], [["a", "accepted"], ["b", "rejected"]])) == {
        "a": True,
        "b": False,
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["a", ""]], "expected at least one image with a verdict"),
        ([["a", "maybe"]], "expected a verdict on a, good or bad .*, got 'maybe'"),
        ([["a", "good"], ["a", "bad"]], "expected one verdict on a, got two"),
        ([["a"]], "expected at least one image with a verdict"),
        ([], "expected at least one image with a verdict"),
    ],
)
def test_a_verdict_is_good_or_bad(tmp_path, rows, message):
    with pytest.raises(ImagesError, match=message):
        read_verdicts(write(tmp_path / "v.csv", ["id", "verdict"], rows))


def test_verdicts_are_read_in_several_languages_and_an_empty_cell_is_not_judged(tmp_path):
    words = ["OK", "NOK", " gut", "Schlecht", "bon", "mauvais", "accepted", "", "i.O.", "n.i.O."]
    table = write(tmp_path / "v.csv", ["id", "verdict"], [[str(index), word] for index, word in enumerate(words)])
    expected = [True, False, True, False, True, False, True, None, True, False]
    assert read_verdicts(table) == {str(index): good for index, good in enumerate(expected) if good is not None}
    with pytest.raises(ImagesError, match=r"expected a verdict on each image, good or bad, got none on 7\. Fill it in"):
        read_verdicts(table, whole=True)


def test_what_is_no_table_is_said_so(tmp_path):
    with pytest.raises(ImagesError, match=r"audit\.csv: no such file\. `sablier detect \.\.\. --audit 50"):
        audit(tmp_path)
    with pytest.raises(ImagesError, match="expected a column 'verdict', got the columns id, opinion"):
        read_verdicts(write(tmp_path / "v.csv", ["id", "opinion"], [["a", "good"]]))
    (tmp_path / "v.csv").write_bytes(b"id,verdict\n\xff\xfe,good\n")
    with pytest.raises(ImagesError, match="expected a CSV table"):
        read_verdicts(tmp_path / "v.csv")
    (tmp_path / "v.csv").write_bytes(b"")
    with pytest.raises(ImagesError, match="expected a column 'id', got the columns none"):
        read_verdicts(tmp_path / "v.csv")


def test_a_row_left_out_or_added_is_noticed(run):
    answer(run / "audit.csv", 0)
    lines = (run / "audit.csv").read_text().splitlines()
    (run / "audit.csv").write_text("\n".join([lines[0], *lines[2:]]))
    with pytest.raises(ImagesError, match=f"image that was drawn and on no other, but it lacks {lines[1].split(',')[0]}"):
        audit(run)
    (run / "audit.csv").write_text("\n".join([*lines, "stranger,,1,1,good"]))
    with pytest.raises(ImagesError, match=r"but it (lacks n\d+|also names stranger)"):
        audit(run)


def test_all_that_is_flagged_must_be_reviewed(run):
    answer(run / "audit.csv", 0)
    write(run / "some.csv", ["id", "verdict"], [[f"f{i}", "bad"] for i in range(9)])
    with pytest.raises(ImagesError, match="image that was flagged and on no other, but it lacks f9"):
        audit(run, run / "some.csv")


@pytest.mark.parametrize("count", [0, -3])
def test_an_audit_draws_at_least_one(count):
    with pytest.raises(ConfigError, match="images to audit from 1 on"):
        checked_count(count)
