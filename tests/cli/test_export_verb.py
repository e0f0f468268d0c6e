"""export: from what one types to what is printed."""

from pathlib import Path

import pytest
from listing import visible

pytest.importorskip("sablier_runtime", reason="sablier_runtime is not installed")


def test_what_is_printed(sablier, small_autoencoder, digit_folder):
    done = sablier("export", small_autoencoder, "-o", "part.onnx", "--images", digit_folder)
    assert done.code == 0
    assert "Compared on 32 images: codes within" in done.out
    assert f"part.onnx was written ({Path('part.onnx').stat().st_size / 1e6:.1f} MB)." in done.out
    assert "of the time" not in done.out
    for step in ("reading images to compare on", "tracing the graph", "comparing on real images"):
        assert step in done.err


@pytest.mark.slow
def test_in_8_bits_the_time_is_printed(sablier, small_autoencoder, digit_folder):
    done = sablier("export", small_autoencoder, "-o", "part.onnx", "--images", digit_folder, "--int8")
    assert done.code == 0
    assert " of the time in single precision, on this machine." in done.out


def test_errors_end_with_2_and_write_nothing(sablier, small_autoencoder):
    for words, said in (
        ((small_autoencoder, "-o", "part.pt"), "expected a name that ends in .onnx, got part.pt. Type: -o part.onnx"),
        ((small_autoencoder, "-o", "part.onnx", "--images", "nowhere"), "nowhere"),
        (("none.sablier", "-o", "part.onnx"), "there is no model file none.sablier"),
        ((small_autoencoder,), "--output"),
    ):
        done = sablier("export", *words)
        assert done.code == 2
        assert said in done.err
        assert visible() == []


def test_help_has_examples(sablier):
    done = sablier("export", "--help")
    assert "sablier export part.sablier -o part.onnx --images good/" in done.out
