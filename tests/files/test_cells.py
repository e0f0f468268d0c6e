"""Tables hold no formulas and no control characters, and are read again as they were."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sablier.report
from sablier.files.cells import FORMULA, NUMBER, csv_text, plain_cell, plain_row, safe_cell


@pytest.mark.parametrize("text", ["=HYPERLINK(A1)", "+1+1.png", "-x.png", "@SUM(A1)", "'=x", "''-y"])
def test_what_a_spreadsheet_would_run_is_marked_as_text(text: str):
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("value", ["-1.5", "+3", "1e-9", "-2E+5", -1.5, -3, 0.1, None, "a=b", "'quoted'"])
def test_numbers_and_other_text_are_left_alone(value: object):
    assert safe_cell(value) == value


@given(st.lists(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), max_size=20), min_size=2, max_size=2))
def test_text_is_read_again_as_it_was(cells: list[str]):
    row = next(csv.DictReader(io.StringIO(csv_text([["a", "b"], cells]), newline="")))
    assert list(plain_row(row).values()) == cells


def test_control_characters_are_written_out():
    assert csv_text([["a\x1b[31m", "b\rc\nd"]]) == 'a\\x1b[31m,"b\\rc\nd"\r\n'


def test_the_page_of_a_map_saves_tables_by_the_same_rule():
    script = (Path(sablier.report.__path__[0]) / "map" / "lasso.js").read_text("utf-8")
    assert f"formula = /^(?:{FORMULA.pattern})/" in script
    assert f"number = /^(?:{NUMBER.pattern})$/" in script
