"""Outlines of masks: right coordinates on tiny ones, bounded on large ones."""

import re

import numpy as np
import pytest

from sablier.report.outlines import FINEST, MOST_POINTS, outline


def rings(path):
    """Return the corners of each closed line."""
    return [np.array([pair.split(",") for pair in ring.split()], float) for ring in re.findall(r"M([^MZ]*)Z", path)]


def mask_of(*rows):
    return np.array([[letter == "#" for letter in row] for row in rows])


def test_a_pixel_has_its_four_sides():
    assert outline(mask_of("...", ".#.", "...")) == "M1,1.5 1.5,1 2,1.5 1.5,2Z"


def test_a_rectangle_has_its_sides_with_cut_corners():
    (ring,) = rings(outline(mask_of(".....", ".###.", ".###.", ".....")))
    expected = {(1, 1.5), (1.5, 1), (3.5, 1), (4, 1.5), (4, 2.5), (3.5, 3), (1.5, 3), (1, 2.5)}
    assert set(map(tuple, ring.tolist())) == expected


def test_a_mask_that_is_true_everywhere_is_outlined_by_its_edge():
    (ring,) = rings(outline(np.ones((4, 6), bool)))
    assert ring.min(axis=0).tolist() == [0, 0]
    assert ring.max(axis=0).tolist() == [6, 4]


def test_nothing_has_no_outline():
    assert outline(np.zeros((4, 6), bool)) == ""


def test_places_apart_and_holes_have_lines_of_their_own():
    assert len(rings(outline(mask_of("#...#", ".....", "..#..")))) == 3
    assert len(rings(outline(mask_of("###", "#.#", "###")))) == 2


def test_large_masks_are_followed_by_cells_that_cover_them():
    mask = np.zeros((3000, 4001), bool)
    mask[2996:, 3999:] = True  # a few pixels in the corner
    mask[1000:1500, 2000:2800] = True
    corner, block = sorted(rings(outline(mask)), key=lambda ring: -ring[:, 0].max())
    assert corner.max(axis=0).tolist() == [4001, 3000]
    step = -(-4001 // FINEST)
    assert block.min(axis=0) == pytest.approx([2000, 1000], abs=step)
    assert block.max(axis=0) == pytest.approx([2800, 1500], abs=step)
    assert len(block) == 8


def test_many_specks_do_not_fill_the_page():
    specks = np.random.default_rng(0).random((500, 500)) > 0.9
    specks[100:200, 100:200] = True
    found = rings(outline(specks))
    assert sum(map(len, found)) <= MOST_POINTS
    assert any(ring.min() < 101 and ring.max() > 199 for ring in found)  # the longest stay
