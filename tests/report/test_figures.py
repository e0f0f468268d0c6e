import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from threes import Threes

import sablier.report.figures as figures
from sablier.errors import ConfigError
from sablier.report.plot import plot
from sablier.training.loop import History

ROWS = [{"epoch": epoch, "loss": 1 / epoch, "validation_loss": 1.1 / epoch} for epoch in range(1, 6)]


def texts(svg: bytes) -> list[str]:
    return [
        text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text") for text in element.itertext()
    ]


def test_loss_curves_have_one_line_per_fold_and_readable_text() -> None:
    def lines(histories: dict[str, object]) -> int:
        return len(re.findall(rb'id="line2d', figures.loss_curves(histories)))  # type: ignore[arg-type]

    svg = figures.loss_curves({"fold-0": {"rows": ROWS}})
    assert {"epoch", "loss (log scale)", "training", "held-out images"} <= set(texts(svg))
    assert lines({"fold-0": {"rows": ROWS}, "fold-1": {"rows": ROWS}}) > lines({"fold-0": {"rows": ROWS}})


def test_losses_of_different_kinds_share_no_axis() -> None:
    kinds = {f"fold-{fold}/{kind}": {"rows": ROWS} for fold in (0, 1) for kind in ("restoration", "transformations")}
    svg = figures.loss_curves(kinds)
    assert texts(svg).count("epoch") == 2
    assert {"restoration", "transformations"} <= set(texts(svg))
    assert texts(figures.loss_curves({"fold-0/restoration": {"rows": ROWS}})).count("epoch") == 1


@pytest.mark.parametrize(
    "histories",
    [{}, {"a": {}}, {"a": {"rows": []}}, {"a": {"rows": [{"epoch": 1, "loss": "high"}, {"loss": 1.0}, 7]}}, {"a": {"rows": 3}}],
)
def test_odd_histories_draw_an_empty_chart(histories: dict[str, dict[str, object]]) -> None:
    assert {"epoch", "no losses recorded"} <= set(texts(figures.loss_curves(histories)))


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert figures.loss_curves({"a": {"rows": ROWS}}) == figures.loss_curves({"a": {"rows": ROWS}})


def test_the_threshold_is_drawn_only_where_there_is_one() -> None:
    group = figures.ScoreGroup("images scored", np.arange(60), figures.BLUE)

    def drawn(threshold: float) -> list[str]:
        return texts(
            figures.to_svg(figures.chart(lambda axes: figures.draw_scores(axes, np.linspace(0, 6, 61), [group], threshold)))
        )

    assert any("threshold" in text for text in drawn(5.0))
    assert not any("threshold" in text for text in drawn(float("inf")))


def test_sheets_are_pictures_whatever_the_names() -> None:
    images = np.random.default_rng(0).random((5, 8, 8, 1))
    names = ["plain", "$x_1$", "漢字 \U0001f600", "<b>", "long" * 100]
    small = Image.open(io.BytesIO(figures.sheet(images, names)))
    trios = Image.open(io.BytesIO(figures.montage(images, images, images[..., 0], names)))
    assert small.format == trios.format == "PNG"
    assert trios.height > small.height


def test_a_sheet_of_nothing_is_a_picture() -> None:
    assert Image.open(io.BytesIO(figures.sheet(np.empty((0, 8, 8, 1))))).format == "PNG"


def test_a_sheet_shows_the_pixels() -> None:
    checkers = np.indices((4, 4)).sum(axis=0) % 2
    picture = np.asarray(Image.open(io.BytesIO(figures.sheet(checkers[None, :, :, None].astype(float)))).convert("L"))
    assert (picture < 20).mean() > 0.2


def test_a_title_takes_room_of_its_own() -> None:
    groups = [[np.zeros((4, 4, 3), np.uint8)]]
    plain, titled = figures.Sheet(groups), figures.Sheet(groups, title="a title that is wider\nthan the picture below")
    assert titled.inches[0] > plain.inches[0]
    assert titled.inches[1] > plain.inches[1] + 0.4


def test_rows_of_pictures_lie_below_each_other() -> None:
    rows = {name: np.zeros((10, 8, 8, 1)) for name in ("real", "noisy", "predicted")}
    picture = Image.open(io.BytesIO(figures.picture_rows(rows)))
    assert picture.width > 2 * picture.height


def test_every_result_can_be_plotted(threes: Threes, plain_threes: Threes) -> None:
    for result in (
        threes.detector.detect(threes.bad),
        threes.detector.detect(threes.bad, pictures=True),
        threes.summary(threes.bad),
        threes.empty_summary(),
        threes.evaluation(),
        threes.evaluation(alpha=0.001),
        History(ROWS),
        threes.file,
        plain_threes.file,
    ):
        figure = plot(result)
        assert isinstance(figure, Figure)
        assert Image.open(io.BytesIO(figures.to_png(figure, 60))).format == "PNG"
        assert figures.to_svg(figure).startswith(b"<?xml")


def test_what_cannot_be_plotted_is_said() -> None:
    with pytest.raises(ConfigError, match=r"expected a DetectionResult.*got list"):
        plot([1, 2])
