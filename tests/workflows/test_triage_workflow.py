"""`detect` with two false-alarm rates."""

import csv
import json
import os
from typing import Any

import pytest

from sablier.errors import ConfigError
from sablier.workflows.detect import detect


def test_a_triage_writes_three_verdicts_and_says_how_many_good_images_go_where(digits_file, tmp_path):
    summary = detect(digits_file, "digits:test", tmp_path, alpha=0.3, reject_alpha=0.02)
    with (tmp_path / "detections.csv").open(newline="", encoding="utf-8") as file:
        verdicts = [(row["verdict"], float(row["p_value"])) for row in csv.DictReader(file)]
    assert verdicts == [("reject" if p <= 0.02 else "review" if p <= 0.3 else "pass", p) for _, p in verdicts]
    rejected, reviewed = (sum(verdict == which for verdict, _ in verdicts) for which in ("reject", "review"))
    assert (summary.rejected, summary.flagged) == (rejected, rejected + reviewed)
    assert min(rejected, reviewed) > 0
    told = json.loads((tmp_path / "detections.json").read_text())
    assert (told["reject_alpha"], told["rejected"], told["flagged"]) == (0.02, rejected, rejected + reviewed)
    page = (tmp_path / "report.html").read_text()
    assert f"{rejected} rejected, {reviewed} to review" in page
    assert "about 20 will be rejected and 280 sent to a person; 700 pass" in page
    assert "sent to a person when it is at most 30%" in page


def test_a_triage_has_two_rates_in_order_and_no_other(digits_file, tmp_path):
    wrongs: list[dict[str, Any]] = [
        {"alpha": 0.05, "reject_alpha": 0.05},
        {"reject_alpha": 0.0},
        {"fdr": 0.1, "reject_alpha": 0.01},
    ]
    for wrong in wrongs:
        with pytest.raises(ConfigError, match="expected a false-"):
            detect(digits_file, "digits:test", tmp_path, **wrong)
    assert os.listdir(tmp_path) == []


def test_a_report_without_verdicts_does_not_say_that_none_is_flagged(digits_file, tmp_path):
    summary = detect(digits_file, "digits:test[label=5]", tmp_path, alpha=0.001)
    assert summary.undetermined
    page = (tmp_path / "report.html").read_text()
    assert "There are no verdicts." in " ".join(page.split())
    assert "None is flagged" not in page
