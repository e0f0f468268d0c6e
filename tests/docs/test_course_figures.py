"""The figures that the notes for teachers expect are those that were measured."""

from pathlib import Path

import pytest

from sablier.course.measured import measured

PAGE = (Path(__file__).parents[2] / "docs" / "course-for-teachers.md").read_text(encoding="utf-8")
ROWS = {
    "validation MSE": ("mse", ".4f"),
    "AUROC, the other digits": ("auroc", ".3f"),
    "difference of the first": ("first", ".4f"),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_table_of_lesson_1_is_what_was_measured(row):
    figure, form = ROWS[row]
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row}"))
    found = [measured("anomaly", variant, figure) for variant in ("as printed", "equal shapes", "sablier")]
    assert [cell.strip() for cell in line.split("|")[3:6]] == [f"{each.mean:{form}} ± {each.deviation:{form}}" for each in found]


@pytest.mark.parametrize(
    ("variant", "words"), [("unet", "AUROC 0.519"), ("no weight decay", "0.972 ±"), ("latent 16", "0.958 ±")]
)
def test_the_answers_have_the_figures_measured(variant, words):
    assert words in PAGE
    assert f"{measured('anomaly', variant, 'auroc').mean:.3f}" in words
