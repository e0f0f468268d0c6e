from dataclasses import replace

from threes import Threes

from sablier.tasks.detection.evaluate import evaluate_detector


def test_the_page_shows_each_kind_and_how_well_maps_find_defects(threes: Threes) -> None:
    masks = threes.bad.array[..., 0] > 100
    masks[0] = False
    result = evaluate_detector(threes.detector, threes.good, replace(threes.bad, masks=masks), 0.05)
    page = threes.evaluation_page(result)
    assert result.pixels is not None
    for shown in ("By kind of bad image", f"<b>{result.pixels.aupro:.3f}</b>", "its mask is black all over"):
        assert shown in page


def test_without_masks_the_page_says_nothing_of_pixels(threes: Threes) -> None:
    page = threes.evaluation_page(threes.evaluation())
    assert "By kind of bad image" in page
    assert "AUPRO" not in page
