"""What the chart of a codec compares with: bytes of real files, and errors of what they give back."""

import gzip
import io

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

from sablier.images import read_images
from sablier.report import rates
from sablier.tasks.codec.peers import lossless_bytes, lossy_formats, lossy_rates, pca_rates

SMOOTH = np.stack([np.add.outer(np.arange(24), np.arange(32)) * step % 200 for step in (1, 2, 3)]).astype(np.uint8)[..., None]


def test_a_better_quality_takes_more_bytes_and_errs_less():
    for colour in (SMOOTH, SMOOTH.repeat(3, axis=-1)):
        found = lossy_rates(list(colour), (5, 50, 95))
        assert sorted(found) == sorted(lossy_formats())
        for points in found.values():
            sizes, errors = zip(*points, strict=True)
            assert sizes[0] < sizes[2]
            assert errors[0] > errors[2]


def test_bytes_and_errors_are_those_of_the_files():
    buffer = io.BytesIO()
    Image.fromarray(SMOOTH[0, ..., 0]).save(buffer, "JPEG", quality=30)
    again = np.asarray(Image.open(buffer))
    expected = len(buffer.getvalue()), np.mean((again / 255 - SMOOTH[0, ..., 0] / 255) ** 2)
    assert lossy_rates([SMOOTH[0]], [30])["JPEG"] == [pytest.approx(expected)]


def test_lossless_bytes_are_means_over_the_images():
    found = lossless_bytes(list(SMOOTH))
    assert found["gzip, all in a row"] == len(gzip.compress(SMOOTH.tobytes(), 9)) / 3
    assert {"bz2, all in a row", "lzma, all in a row", "PNG, a file each"} < set(found)
    buffer = io.BytesIO()
    Image.fromarray(SMOOTH[0, ..., 0]).save(buffer, "PNG", optimize=True)
    assert lossless_bytes([SMOOTH[0]])["PNG, a file each"] == len(buffer.getvalue())


def test_pca_errs_as_its_codes_in_bytes_do():
    digits = read_images("digits").array
    found = pca_rates(digits[:400], digits[400:600], most=12)
    assert [size for size, _ in found] == list(range(1, 13))
    errors = [error for _, error in found]
    assert errors == sorted(errors, reverse=True)
    flat, x = (array.reshape(len(array), -1) / np.float32(255) for array in (digits[:400], digits[400:600]))
    whole = PCA(12, svd_solver="randomized", random_state=0).fit(flat)
    exact = np.mean((whole.inverse_transform(whole.transform(x)).clip(0, 1) - x) ** 2)
    assert errors[-1] == pytest.approx(exact, rel=0.02)


def test_the_chart_draws_a_line_a_way_and_marks_what_is_without_error(monkeypatch):
    kept = []
    monkeypatch.setattr(rates, "to_png", lambda figure: kept.append(figure) or b"png")
    assert rates.rates_chart({"sablier": [(90.0, 0.01), (40.0, 0.02)], "JPEG": [(200.0, 0.005)]}, {"PNG": 300.0}) == b"png"
    axes = kept[0].axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert np.asarray(lines["sablier"].get_xdata()).tolist() == [40.0, 90.0]
    assert np.asarray(lines["sablier"].get_ydata()).tolist() == [0.02, 0.01]
    assert {"sablier", "JPEG"} <= set(lines)
    assert [text.get_text() for text in axes.texts] == ["PNG: 300"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
